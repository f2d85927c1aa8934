import { pointerPart } from '../problem.ts'

/** Where a member begins, as offsets in the text. */
export interface Offsets {
  readonly key: number
  readonly value: number
}

/** The first thing in the text that is not JSON (RFC 8259). */
export class JsonError extends Error {
  readonly offset: number
  readonly remedy: string | undefined

  constructor(message: string, offset: number, remedy?: string) {
    super(message)
    this.offset = offset
    this.remedy = remedy
  }
}

/** Nesting beyond this is refused: no configuration has it, and the parser recurses. */
const MAX_DEPTH = 100

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y

/**
 * Reads JSON strictly; throws JsonError. With `offsets`, notes where each member stands, by JSON Pointer.
 *
 * Own code instead of `JSON.parse`: that one keeps the last of repeated keys silently, gives no position on Node 20, and
 * words its errors differently from version to version.
 */
export function parseJson(text: string, offsets?: Map<string, Offsets>): unknown {
  let pos = 0
  const fail = (message: string, at = pos, remedy?: string): never => {
    throw new JsonError(message, at, remedy)
  }
  const skipSpace = (): void => {
    for (;;) {
      const code = text.charCodeAt(pos)
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) break
      pos++
    }
  }
  const readString = (): string => {
    const start = pos++
    let escaped = false
    for (; ; pos++) {
      const code = text.charCodeAt(pos)
      if (code === 34) break
      if (code === 92) {
        escaped = true
        pos++
      } else if (!(code >= 32)) fail('the text has no closing quote', start)
    }
    pos++
    if (!escaped) return text.slice(start + 1, pos - 1)
    try {
      return JSON.parse(text.slice(start, pos)) as string
    } catch {
      return fail('the text holds a wrong escape', start, 'write "\\\\" for a backslash')
    }
  }
  const readObject = (path: string, depth: number): Record<string, unknown> => {
    const object: Record<string, unknown> = {}
    pos++
    skipSpace()
    if (text[pos] === '}') {
      pos++
      return object
    }
    for (;;) {
      const key = pos
      if (text[pos] !== '"')
        fail('a key in quotes is expected', pos, text[pos] === '}' ? 'remove the comma' : undefined)
      const name = readString()
      if (Object.hasOwn(object, name)) fail(`the key "${name}" is there twice`, key, 'keep one of them')
      skipSpace()
      if (text[pos] !== ':') fail('":" is expected')
      pos++
      const value = readValue(offsets === undefined ? '' : `${path}/${pointerPart(name)}`, depth, key)
      if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true })
      else object[name] = value
      if (atEnd('}')) return object
    }
  }
  const readArray = (path: string, depth: number): unknown[] => {
    const array: unknown[] = []
    pos++
    skipSpace()
    if (text[pos] === ']') {
      pos++
      return array
    }
    for (;;) {
      array.push(readValue(offsets === undefined ? '' : `${path}/${array.length}`, depth, pos))
      if (atEnd(']')) return array
    }
  }
  const atEnd = (bracket: string): boolean => {
    skipSpace()
    const char = text[pos]
    if (char !== bracket && char !== ',') fail(`"," or "${bracket}" is expected`)
    pos++
    if (char === bracket) return true
    skipSpace()
    return false
  }
  const readValue = (path: string, depth: number, key: number): unknown => {
    if (depth > MAX_DEPTH) fail(`is nested more than ${MAX_DEPTH} deep`)
    skipSpace()
    offsets?.set(path, { key, value: pos })
    const char = text[pos]
    if (char === '{') return readObject(path, depth + 1)
    if (char === '[') return readArray(path, depth + 1)
    if (char === '"') return readString()
    for (const [word, value] of WORDS) {
      if (text.startsWith(word, pos)) {
        pos += word.length
        return value
      }
    }
    NUMBER.lastIndex = pos
    const number =
      NUMBER.exec(text)?.[0] ?? fail(char === undefined ? 'the file ends too early' : 'a value is expected')
    pos += number.length
    return Number(number)
  }
  const value = readValue('', 0, 0)
  skipSpace()
  if (pos < text.length) fail('nothing may follow the document')
  return value
}

const WORDS = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const
