import { addMember, type Cursor, MAX_KEY_LENGTH, MAX_PLAIN_DEPTH, unfamiliar } from './cursor.ts'
import { beginsPlain, plainKey, readQuoted, resolvePlain } from './scalar.ts'

/**
 * Reads `{ … }` or `[ … ]`, over several lines if need be; the cursor ends behind the closing bracket.
 * `parentIndent` is the column of the block collection around it: later lines must stand further right.
 */
export function readFlow(cursor: Cursor, parentIndent: number, depth: number): unknown {
  if (depth > MAX_PLAIN_DEPTH) return unfamiliar()
  return cursor.text[cursor.pos] === '{'
    ? readFlowMap(cursor, parentIndent, depth)
    : readFlowSequence(cursor, parentIndent, depth)
}

function readFlowMap(cursor: Cursor, parentIndent: number, depth: number): Record<string, unknown> {
  const map: Record<string, unknown> = {}
  cursor.pos++
  skipSpace(cursor, parentIndent)
  if (cursor.text[cursor.pos] === '}') {
    cursor.pos++
    return map
  }
  for (;;) {
    const key = readFlowKey(cursor)
    skipSpace(cursor, parentIndent)
    addMember(map, key, readFlowValue(cursor, parentIndent, depth))
    if (atEnd(cursor, parentIndent, '}')) return map
  }
}

function readFlowSequence(cursor: Cursor, parentIndent: number, depth: number): unknown[] {
  const items: unknown[] = []
  cursor.pos++
  skipSpace(cursor, parentIndent)
  if (cursor.text[cursor.pos] === ']') {
    cursor.pos++
    return items
  }
  for (;;) {
    items.push(readFlowValue(cursor, parentIndent, depth))
    if (atEnd(cursor, parentIndent, ']')) return items
  }
}

/** Behind an entry: true at the closing bracket, false behind a comma. A comma before the bracket goes to the library. */
function atEnd(cursor: Cursor, parentIndent: number, bracket: string): boolean {
  skipSpace(cursor, parentIndent)
  const char = cursor.text[cursor.pos++]
  if (char === bracket) return true
  if (char !== ',') return unfamiliar()
  skipSpace(cursor, parentIndent)
  return false
}

/** Reads the key and the colon behind it. */
function readFlowKey(cursor: Cursor): string {
  const { text, pos } = cursor
  const first = text[pos]
  if (first === '"' || first === "'") {
    const key = readQuoted(cursor)
    if (text[cursor.pos] !== ':' || cursor.pos - pos > MAX_KEY_LENGTH) return unfamiliar()
    cursor.pos++
    return key
  }
  const end = plainEnd(text, pos)
  if (text[end] !== ':' || text[end + 1] !== ' ' || end - pos > MAX_KEY_LENGTH) return unfamiliar()
  cursor.pos = end + 1
  return plainKey(text.slice(pos, end).trimEnd())
}

function readFlowValue(cursor: Cursor, parentIndent: number, depth: number): unknown {
  const { text, pos } = cursor
  const first = text[pos]
  if (first === '{' || first === '[') return readFlow(cursor, parentIndent, depth + 1)
  if (first === '"' || first === "'") return readQuoted(cursor)
  const end = plainEnd(text, pos)
  cursor.pos = end
  return resolvePlain(text.slice(pos, end).trimEnd())
}

/** Where a plain scalar inside brackets ends: before `,` `]` `}`, `: `, ` #` or the line's end. */
function plainEnd(text: string, start: number): number {
  if (!beginsPlain(text, start)) return unfamiliar()
  for (let pos = start; ; pos++) {
    switch (text[pos]) {
      case undefined:
      case '{':
      case '[':
        return unfamiliar()
      case ',':
      case ']':
      case '}':
      case '\n':
        return pos
      case '#':
        if (text[pos - 1] === ' ') return unfamiliar()
        break
      case ':':
        if (' \n,[]{}'.includes(text[pos + 1] ?? ' ')) return pos
        break
    }
  }
}

function skipSpace(cursor: Cursor, parentIndent: number): void {
  const { text } = cursor
  for (;;) {
    const char = text[cursor.pos]
    if (char === ' ') cursor.pos++
    else if (char === '\n') {
      const start = ++cursor.pos
      while (text[cursor.pos] === ' ') cursor.pos++
      const blank = text[cursor.pos] === '\n'
      if (!blank && cursor.pos - start <= parentIndent) unfamiliar()
    } else if (char === '#') unfamiliar()
    else return
  }
}
