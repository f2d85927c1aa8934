import { spend } from './budget.ts'

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
const latinMembers = new Map<string, readonly number[]>()
const MAX_CACHED = 500

/** Divides the characters by the `texts` that match them, each tried alone with JavaScript's own expressions. */
export function alphabetOf(texts: ReadonlySet<string>, source: string, flags: string): Alphabet {
  const characters = charactersOf(source)
  const kinds = new Kinds(characters.length)
  for (const text of texts) {
    if (isLiteral(text, flags)) kinds.split([text.charCodeAt(0)])
    else kinds.split(membersOf(text, flags, characters))
  }
  const numbers = new Map<number, number>()
  const samples: string[] = []
  const symbolOf = characters.map(() => 0)
  for (let at = 0; at < characters.length; at++) {
    const index = at < LATIN_END ? PREFERRED[at] : at
    const kind = kinds.of[index]
    const known = numbers.get(kind)
    symbolOf[index] = known ?? samples.length
    if (known !== undefined) continue
    numbers.set(kind, samples.length)
    samples.push(String.fromCharCode(characters[index]))
  }
  const symbols = new Map<string, readonly number[]>()
  for (const text of texts) {
    const members = isLiteral(text, flags) ? [text.charCodeAt(0)] : membersOf(text, flags, characters)
    symbols.set(text, [...new Set(members.map((index) => symbolOf[index]))])
  }
  return { samples, symbols }
}

/** Divides characters, given by index, further with each set of them. */
class Kinds {
  readonly of: Int32Array
  private next = 1

  constructor(size: number) {
    this.of = new Int32Array(size)
  }

  split(members: readonly number[]): void {
    const renamed = new Map<number, number>()
    for (const index of members) {
      const kind = this.of[index]
      let name = renamed.get(kind)
      if (name === undefined) renamed.set(kind, (name = this.next++))
      this.of[index] = name
    }
  }
}

/** Most characters of patterns: what stands for itself and nothing else. The indices of Latin characters are their codes. */
const isLiteral = (text: string, flags: string): boolean =>
  text.length === 1 && text !== '.' && !flags.includes('i') && text.charCodeAt(0) < LATIN_END

/** Code units: Latin, and the ends of every range that the source names, with their neighbours. */
function charactersOf(source: string): number[] {
  const further = new Set(BEYOND)
  for (const [, hex] of source.matchAll(/\\u([0-9a-fA-F]{4})/g)) addAround(further, Number.parseInt(hex, 16))
  for (let index = 0; index < source.length; index++) {
    // The last of Latin 1 have neighbours, and small and capital letters, beyond it.
    if (source.charCodeAt(index) >= 0x80) addAround(further, source.charCodeAt(index))
  }
  return [...LATIN, ...further]
}

function addAround(set: Set<number>, code: number): void {
  const char = String.fromCharCode(code)
  for (const letter of [char, char.toUpperCase(), char.toLowerCase()]) {
    const unit = letter.charCodeAt(0)
    for (const near of [unit - 1, unit, unit + 1]) if (near >= LATIN_END && near <= 0xffff) set.add(near)
  }
}

/** Indices of the characters that `text` matches. */
function membersOf(text: string, flags: string, characters: readonly number[]): readonly number[] {
  // `.` is the one that the flag s changes; the anchors are the same with and without it.
  const mode = (flags.includes('i') ? 'i' : '') + (text === '.' && !flags.includes('s') ? '' : 's')
  const key = `${mode}/${text}`
  spend(characters.length)
  const expression = new RegExp(`^(?:${text})$`, mode)
  const matches = (index: number): boolean => expression.test(String.fromCharCode(characters[index]))
  let latin = latinMembers.get(key)
  if (latin === undefined) {
    latin = LATIN.filter(matches)
    if (latinMembers.size < MAX_CACHED) latinMembers.set(key, latin)
  }
  const members = [...latin]
  for (let index = LATIN_END; index < characters.length; index++) if (matches(index)) members.push(index)
  return members
}

/** Samples are shown in messages: letters first, then what can be seen. */
const LATIN: readonly number[] = [...Array(LATIN_END).keys()]
const PREFERRED = LATIN.toSorted((left, right) => rank(left) - rank(right) || left - right)

function rank(code: number): number {
  if (code >= 0x61 && code <= 0x7a) return 0
  return code > 0x20 && code < 0x7f ? 1 : 2
}
