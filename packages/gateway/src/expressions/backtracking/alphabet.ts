/** Characters that no expression of a pattern tells apart count as one symbol. */
export interface Alphabet {
  /** A character for each symbol. */
  readonly samples: readonly string[]
  /** The symbols that each text of a character (`a`, `\d`, `[^/]`) matches, ascending. */
  readonly symbols: ReadonlyMap<string, readonly number[]>
}

/** Letters of ASCII and Latin 1, where most classes begin and end, … */
const LATIN_END = 256

/** … and some from further up, for what is left of negated classes and for the other line ends and spaces. */
const BEYOND = [0x100, 0x2028, 0x2029, 0x3000, 0xffff]

/** Of `.`, `\d` and the like, which most patterns use: the Latin characters that they match, by flags and text. */
const latinMembers = new Map<string, Uint8Array>()
const MAX_CACHED = 500

/** Divides the characters by the `texts` that match them, each tried alone with JavaScript's own expressions. */
export function alphabetOf(texts: ReadonlySet<string>, source: string, flags: string): Alphabet {
  const characters = charactersOf(source)
  const signatures: string[] = characters.map(() => '')
  for (const text of texts) {
    const matches = membersOf(text, flags, characters)
    for (const index of characters.keys()) signatures[index] += matches[index] === 1 ? '1' : '0'
  }
  const numbers = new Map<string, number>()
  const samples: string[] = []
  for (const index of preferred(characters)) {
    const signature = signatures[index]
    if (numbers.has(signature)) continue
    numbers.set(signature, samples.length)
    samples.push(String.fromCharCode(characters[index]))
  }
  const symbols = new Map<string, number[]>()
  for (const [at, text] of [...texts].entries())
    symbols.set(
      text,
      [...numbers].filter(([signature]) => signature[at] === '1').map(([, number]) => number),
    )
  return { samples, symbols }
}

/** Code units: Latin, and the ends of every range that the source names, with their neighbours. */
function charactersOf(source: string): number[] {
  const further = new Set(BEYOND)
  for (const [, hex] of source.matchAll(/\\u([0-9a-fA-F]{4})/g)) addAround(further, Number.parseInt(hex, 16))
  for (let index = 0; index < source.length; index++) addAround(further, source.charCodeAt(index))
  return [...Array(LATIN_END).keys(), ...further]
}

function addAround(set: Set<number>, code: number): void {
  const char = String.fromCharCode(code)
  for (const letter of [char, char.toUpperCase(), char.toLowerCase()]) {
    const unit = letter.charCodeAt(0)
    for (const near of [unit - 1, unit, unit + 1]) if (near >= LATIN_END && near <= 0xffff) set.add(near)
  }
}

function membersOf(text: string, flags: string, characters: readonly number[]): Uint8Array {
  const expression = new RegExp(`^(?:${text})$`, flags.includes('i') ? 'is' : 's')
  // `.` is the one that the flag s changes; the anchors are the same with and without it.
  const single = text === '.' && !flags.includes('s') ? /^.$/ : expression
  const key = `${single.flags}${text}`
  const latin = latinMembers.get(key)
  const members = new Uint8Array(characters.length)
  if (latin !== undefined) members.set(latin)
  for (let index = latin === undefined ? 0 : LATIN_END; index < characters.length; index++)
    members[index] = single.test(String.fromCharCode(characters[index])) ? 1 : 0
  if (latin === undefined && latinMembers.size < MAX_CACHED) latinMembers.set(key, members.slice(0, LATIN_END))
  return members
}

/** Samples are shown in messages: letters and digits first. */
function preferred(characters: readonly number[]): number[] {
  const rank = (code: number): number =>
    /[a-z]/.test(String.fromCharCode(code)) ? 0 : code > 0x20 && code < 0x7f ? 1 : 2
  return [...characters.keys()].sort((left, right) => rank(characters[left]) - rank(characters[right]) || left - right)
}
