import { addMember, type Cursor, MAX_KEY_LENGTH, MAX_PLAIN_DEPTH, unfamiliar } from './cursor.ts'
import { readFlow } from './flow.ts'
import { readLiteral } from './literal.ts'
import { beginsPlain, plainKey, readQuoted, resolvePlain } from './scalar.ts'

/** No line with content is left. */
const END = -1

/**
 * Moves to the next line with content, over empty lines and comments, and returns its indentation; the cursor stands at
 * the content. Expects the cursor at the start of a line.
 */
export function nextLine(cursor: Cursor): number {
  const { text } = cursor
  for (;;) {
    const start = cursor.pos
    let pos = start
    while (text.charCodeAt(pos) === 32) pos++
    if (pos >= text.length) {
      cursor.pos = pos
      return END
    }
    const char = text[pos]
    if (char !== '\n' && char !== '#') {
      cursor.pos = pos
      return pos - start
    }
    const end = text.indexOf('\n', pos)
    cursor.pos = end < 0 ? text.length : end + 1
  }
}

/** Reads the collection whose first entry stands at the cursor, in column `indent`. */
export function readBlock(cursor: Cursor, indent: number, depth: number): unknown {
  if (depth > MAX_PLAIN_DEPTH) return unfamiliar()
  return atDash(cursor) ? readSequence(cursor, indent, depth) : readMap(cursor, indent, depth)
}

/** After an entry: is there another one of this collection? Leaves the cursor at its content, or at the line's start. */
function anotherEntry(cursor: Cursor, indent: number): boolean {
  const found = nextLine(cursor)
  // Further right: the continuation of a scalar over lines, or an error. The library knows which.
  if (found > indent) return unfamiliar()
  if (found === indent) return true
  if (found !== END) cursor.pos -= found
  return false
}

function readSequence(cursor: Cursor, indent: number, depth: number): unknown[] {
  const items: unknown[] = []
  do {
    if (!atDash(cursor)) {
      // A sequence may stand in the same column as the key it belongs to; that map goes on here.
      cursor.pos -= indent
      return items
    }
    const dash = cursor.pos++
    skipSpaces(cursor)
    const column = indent + cursor.pos - dash
    items.push(
      atDash(cursor) || keyEnd(cursor) !== undefined
        ? readBlock(cursor, column, depth + 1)
        : readValue(cursor, indent, depth, false),
    )
  } while (anotherEntry(cursor, indent))
  return items
}

function readMap(cursor: Cursor, indent: number, depth: number): Record<string, unknown> {
  const map: Record<string, unknown> = {}
  do {
    const { pos, text } = cursor
    const end = keyEnd(cursor)
    if (end === undefined || end - pos > MAX_KEY_LENGTH || atDocumentMarker(text, pos, indent)) return unfamiliar()
    const quoted = text[pos] === '"' || text[pos] === "'"
    const key = quoted ? readQuoted(cursor) : plainKey(text.slice(pos, end).trimEnd())
    cursor.pos = end + 1
    skipSpaces(cursor)
    addMember(map, key, readValue(cursor, indent, depth, true))
  } while (anotherEntry(cursor, indent))
  return map
}

/** Reads what follows `key: ` or `- ` and ends at the start of the next line. */
function readValue(cursor: Cursor, indent: number, depth: number, inMap: boolean): unknown {
  const { text, pos } = cursor
  const first = text[pos]
  if (first === undefined || first === '\n' || first === '#') return readNested(cursor, indent, depth, inMap)
  if (first === '|') return readLiteral(cursor, indent)
  if (first === '{' || first === '[') return endOfLine(cursor, readFlow(cursor, indent, depth + 1))
  if (first === '"' || first === "'") return endOfLine(cursor, readQuoted(cursor))
  const lineEnd = text.indexOf('\n', pos)
  const line = text.slice(pos, lineEnd < 0 ? text.length : lineEnd)
  const comment = line.indexOf(' #')
  const content = (comment < 0 ? line : line.slice(0, comment)).trimEnd()
  if (!beginsPlain(text, pos) || content.endsWith(':') || content.includes(': ')) return unfamiliar()
  cursor.pos = lineEnd < 0 ? text.length : lineEnd + 1
  return resolvePlain(content)
}

/** Nothing on the line of the key or dash: the value is the collection below, or null. */
function readNested(cursor: Cursor, indent: number, depth: number, inMap: boolean): unknown {
  const lineEnd = cursor.text.indexOf('\n', cursor.pos)
  cursor.pos = lineEnd < 0 ? cursor.text.length : lineEnd + 1
  const found = nextLine(cursor)
  const below = found > indent || (inMap && found === indent && atDash(cursor))
  if (below) return readBlock(cursor, found, depth + 1)
  if (found !== END) cursor.pos -= found
  return null
}

/** Only a comment may follow on the line. */
function endOfLine(cursor: Cursor, value: unknown): unknown {
  const { text } = cursor
  const before = cursor.pos
  skipSpaces(cursor)
  const char = text[cursor.pos]
  if (char !== undefined && char !== '\n' && !(char === '#' && cursor.pos > before)) return unfamiliar()
  const lineEnd = text.indexOf('\n', cursor.pos)
  cursor.pos = lineEnd < 0 ? text.length : lineEnd + 1
  return value
}

/** Where the colon of a `key:` at the cursor stands; undefined when there is no key on this line. */
function keyEnd(cursor: Cursor): number | undefined {
  const { text, pos } = cursor
  let from = pos
  if (text[pos] === '"' || text[pos] === "'") {
    readQuoted(cursor)
    from = cursor.pos
    cursor.pos = pos
    if (text[from] !== ':') return undefined
  } else if (!beginsPlain(text, pos)) return undefined
  for (let at = from; ; at++) {
    const char = text[at]
    if (char === undefined || char === '\n') return undefined
    if (char === '#' && text[at - 1] === ' ') return undefined
    if (char !== ':') continue
    const next = text[at + 1]
    if (next === undefined || next === ' ' || next === '\n') return at
    if (from !== pos) return unfamiliar()
  }
}

const atDash = ({ text, pos }: Cursor): boolean =>
  text[pos] === '-' && (text[pos + 1] === ' ' || text[pos + 1] === '\n' || pos + 1 === text.length)

const atDocumentMarker = (text: string, pos: number, indent: number): boolean =>
  indent === 0 && (text.startsWith('---', pos) || text.startsWith('...', pos))

function skipSpaces(cursor: Cursor): void {
  while (cursor.text.charCodeAt(cursor.pos) === 32) cursor.pos++
}
