/** Marks parts of a text. Without colours each gives the text back. */
export interface Colours {
  readonly added: (text: string) => string
  readonly removed: (text: string) => string
  readonly changed: (text: string) => string
  readonly faint: (text: string) => string
  readonly strong: (text: string) => string
}

const sgr =
  (code: number) =>
  (text: string): string =>
    `\x1b[${code}m${text}\x1b[0m`

const same = (text: string): string => text

export const ANSI: Colours = { added: sgr(32), removed: sgr(31), changed: sgr(33), faint: sgr(2), strong: sgr(1) }
export const PLAIN: Colours = { added: same, removed: same, changed: same, faint: same, strong: same }

/** For a stream: colours on a terminal, unless `NO_COLOR` is set; anywhere with `FORCE_COLOR`. */
export function coloursFor(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Colours {
  if ((environment['NO_COLOR'] ?? '') !== '') return PLAIN
  const forced = environment['FORCE_COLOR'] ?? ''
  return stream.isTTY === true || (forced !== '' && forced !== '0') ? ANSI : PLAIN
}
