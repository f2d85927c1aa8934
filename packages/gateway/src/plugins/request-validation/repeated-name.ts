/** Characters of a name. Expressions for names are known to be quick on so many. */
const MAX_NAME_LENGTH = 8_192

/**
 * What of a JSON text may be read in two ways: a name that stands twice in one object, of which some readers take the first and some the last. Also a
 * name that is too long to be looked at. undefined: nothing.
 * @param text is JSON: `JSON.parse` took it
 */
export function repeatedName(text: string): string | undefined {
  /** Names of the objects that are open; null for a list. */
  const open: (Set<string> | null)[] = []
  let isName = false
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
        open.push(new Set())
        isName = true
        break
      case 0x5b: // [
        open.push(null)
        isName = false
        break
      case 0x7d: // }
      case 0x5d: // ]
        open.pop()
        isName = false
        break
      case 0x2c: // ,
        isName = open[open.length - 1] !== null
        break
      case 0x22: {
        const end = endOfString(text, at)
        if (isName) {
          const names = open[open.length - 1]
          const written = text.slice(at, end + 1)
          const name = written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1)
          if (name.length > MAX_NAME_LENGTH)
            return `has a name of more than ${MAX_NAME_LENGTH.toLocaleString('en')} characters`
          if (names?.has(name) === true) return `has the name ${JSON.stringify(name.slice(0, 100))} twice in one object`
          names?.add(name)
          isName = false
        }
        at = end
        break
      }
    }
  }
  return undefined
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  for (;;) {
    const quote = text.indexOf('"', at)
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes++
    if (backslashes % 2 === 0) return quote
    at = quote + 1
  }
}
