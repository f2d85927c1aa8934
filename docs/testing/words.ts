/** The words of a command line: `'…'` as it stands, `"…"` and what is not quoted with `$NAME` and `${NAME}` filled in. */
export function splitWords(line: string, environment: Readonly<Record<string, string>>): string[] {
  const words: string[] = []
  let word: string | undefined
  const fill = (text: string): string =>
    text.replaceAll(
      /\$(?:\{(\w+)\}|(\w+))/g,
      (_, braced?: string, plain?: string) => environment[braced ?? plain ?? ''] ?? '',
    )
  for (const match of line.matchAll(/'([^']*)'|"((?:\\.|[^"\\])*)"|(\s+)|\\(.)|([^\s'"\\]+)/g)) {
    const [, single, double, space, escaped, plain] = match
    if (space !== undefined) {
      if (word !== undefined) words.push(word)
      word = undefined
      continue
    }
    const unescaped = double?.replaceAll(/\\(["\\$`])/g, '$1')
    word =
      (word ?? '') + (single ?? (unescaped === undefined ? undefined : fill(unescaped)) ?? escaped ?? fill(plain ?? ''))
  }
  if (word !== undefined) words.push(word)
  return words
}
