/** Each line two columns in. */
export const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ')

/** Columns as wide as their widest cell, two spaces apart; one row a line. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at])))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** Values come from strangers' requests and could steer the terminal: control characters become spaces. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
export const printable = (text: string): string => text.replaceAll(/[\0-\x09\x0b-\x1f\x7f-\x9f]/g, ' ')
