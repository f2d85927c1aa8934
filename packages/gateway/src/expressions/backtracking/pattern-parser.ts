/** A parsed pattern in JavaScript's syntax. Offsets are into the source. */
export type PatternNode =
  /** What matches one character: a literal, an escape, `.` or a class, as it is written. */
  | { readonly type: 'character'; readonly text: string }
  | { readonly type: 'sequence'; readonly items: readonly PatternNode[] }
  | { readonly type: 'alternatives'; readonly items: readonly PatternNode[] }
  | {
      readonly type: 'repeat'
      readonly item: PatternNode
      readonly min: number
      readonly max: number
      readonly start: number
      readonly end: number
    }
  | { readonly type: 'group'; readonly name: string; readonly item: PatternNode }
  | { readonly type: 'look'; readonly item: PatternNode; readonly behind: boolean }
  /** `^`, or an assertion that is `other`: `$`, `\b`, `\B`. */
  | { readonly type: 'assertion'; readonly kind: 'start' | 'other' }
  /** `\1` or `\k<name>`. */
  | { readonly type: 'reference'; readonly name: string }

/** Groups within groups, at most: the depth of recursion here and in what walks the tree. */
export const MAX_GROUP_DEPTH = 100

const QUANTIFIER = /(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/y
const ESCAPE = /\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|k<[^>]*>|[0-3]?[0-7]{1,2}|[1-9]\d*|[\s\S])/y
const OPENING = /\((?:\?(?::|=|!|<=|<!|<([^>]*)>))?/y

/**
 * Parses what `new RegExp(source)` has accepted without the flags `u` and `v`.
 * @returns undefined when groups are nested deeper than {@link MAX_GROUP_DEPTH}
 */
export function parsePattern(source: string): PatternNode | undefined {
  const parser = new PatternParser(source)
  const node = parser.alternatives(0)
  return parser.tooDeep ? undefined : node
}

class PatternParser {
  tooDeep = false
  private readonly source: string
  private readonly groupCount: number
  private readonly hasNames: boolean
  private at = 0
  private groups = 0

  constructor(source: string) {
    this.source = source
    const plain = source.replace(/\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]/g, '')
    this.groupCount = plain.match(/\((?!\?(?!<[^=!]))/g)?.length ?? 0
    this.hasNames = /\(\?<[^=!]/.test(plain)
  }

  alternatives(depth: number): PatternNode {
    const items = [this.sequence(depth)]
    while (this.source[this.at] === '|') {
      this.at++
      items.push(this.sequence(depth))
    }
    return items.length === 1 ? items[0] : { type: 'alternatives', items }
  }

  private sequence(depth: number): PatternNode {
    const items: PatternNode[] = []
    while (this.at < this.source.length && this.source[this.at] !== '|' && this.source[this.at] !== ')') {
      const start = this.at
      const item = this.term(depth)
      items.push(this.quantified(item, start))
    }
    return items.length === 1 ? items[0] : { type: 'sequence', items }
  }

  private quantified(item: PatternNode, start: number): PatternNode {
    const found = this.read(QUANTIFIER)
    if (found === undefined) return item
    const [min, max] = bounds(found)
    return { type: 'repeat', item, min, max, start, end: this.at }
  }

  private term(depth: number): PatternNode {
    const char = this.source[this.at]
    if (char === '(') return this.group(depth)
    if (char === '\\') return this.escape()
    if (char === '[') return this.characterClass()
    this.at++
    if (char === '^') return { type: 'assertion', kind: 'start' }
    if (char === '$') return { type: 'assertion', kind: 'other' }
    return { type: 'character', text: /[\]{}]/.test(char) ? `\\${char}` : char }
  }

  private group(depth: number): PatternNode {
    const opening = this.read(OPENING) as RegExpExecArray
    const captures = opening[0] === '(' || opening[1] !== undefined
    if (captures) this.groups++
    const name = captures ? (opening[1] ?? String(this.groups)) : ''
    if (depth >= MAX_GROUP_DEPTH) {
      this.tooDeep = true
      this.at = this.source.length
      return { type: 'sequence', items: [] }
    }
    const item = this.alternatives(depth + 1)
    this.at++
    if (/[=!]$/.test(opening[0])) return { type: 'look', item, behind: opening[0].includes('<') }
    return captures ? { type: 'group', name, item } : item
  }

  private escape(): PatternNode {
    const start = this.at
    let text = (this.read(ESCAPE) as RegExpExecArray)[0]
    const kind = text[1]
    if (text.length === 2 && /[bB]/.test(kind)) return { type: 'assertion', kind: 'other' }
    if (kind === 'k' && text.length > 2 && this.hasNames) return { type: 'reference', name: text.slice(3, -1) }
    const number = /^[1-9]\d*/.exec(this.source.slice(start + 1, start + 5))?.[0]
    if (number !== undefined && Number(number) <= this.groupCount) {
      this.at = start + 1 + number.length
      return { type: 'reference', name: number }
    }
    // What only looks like a long escape is an escaped letter and what follows it; `\c` alone is a backslash.
    const isOctal = /^[0-7]+$/.test(text.slice(1))
    if (text.length > 2 && !isOctal && !/^\\[uxc]/.test(text)) text = text.slice(0, 2)
    if (text === '\\c') text = '\\'
    this.at = start + text.length
    return { type: 'character', text: text === '\\' ? '\\\\' : text }
  }

  private characterClass(): PatternNode {
    const start = this.at++
    while (this.at < this.source.length && this.source[this.at] !== ']')
      this.at += this.source[this.at] === '\\' ? 2 : 1
    this.at++
    return { type: 'character', text: this.source.slice(start, this.at) }
  }

  private read(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.at
    const found = expression.exec(this.source)
    if (found === null) return undefined
    this.at = expression.lastIndex
    return found
  }
}

function bounds([text, min, comma, max]: RegExpExecArray): [min: number, max: number] {
  if (text.startsWith('*')) return [0, Infinity]
  if (text.startsWith('+')) return [1, Infinity]
  if (text.startsWith('?')) return [0, 1]
  if (comma === undefined) return [Number(min), Number(min)]
  return [Number(min), max === '' ? Infinity : Number(max)]
}
