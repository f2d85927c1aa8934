import { type Cursor, unfamiliar } from './cursor.ts'

/** Characters that cannot begin a plain scalar (YAML 1.2, 7.3.3); `-`, `?` and `:` are looked at by the callers. */
const INDICATORS = new Set('&*!|>%@`#,[]{}\'"')

const INTEGER = /^[-+]?[0-9]+$/
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/
/** Octal, hexadecimal, infinities: rare in configurations, so the library reads them. */
const RARE_NUMBER = /^(?:0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/

/** May a plain scalar begin here? The library decides about everything else. */
export function beginsPlain(text: string, pos: number): boolean {
  const first = text[pos]
  if (first === undefined || first === '\n' || INDICATORS.has(first)) return false
  if (first !== '-' && first !== '?' && first !== ':') return true
  const second = text[pos + 1]
  return second !== undefined && second !== ' ' && second !== '\n' && !',[]{}'.includes(second)
}

/** The value of plain text in the core schema of YAML 1.2, section 10.3.2. */
export function resolvePlain(text: string): unknown {
  const first = text.charCodeAt(0)
  // Only these can begin anything but a string: digits, + - . and the first letters of null, true, false.
  if ((first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46) {
    if (INTEGER.test(text)) return Number.parseInt(text, 10)
    if (FLOAT.test(text)) return Number.parseFloat(text)
    return RARE_NUMBER.test(text) ? unfamiliar() : text
  }
  switch (text) {
    case '~':
    case 'null':
    case 'Null':
    case 'NULL':
      return null
    case 'true':
    case 'True':
    case 'TRUE':
      return true
    case 'false':
    case 'False':
    case 'FALSE':
      return false
    default:
      return text
  }
}

/** The property name that a plain key stands for; keys that are not clearly text go to the library. */
export function plainKey(text: string): string {
  const value = resolvePlain(text)
  if (typeof value === 'string') return value
  return typeof value === 'number' && String(value) === text ? text : unfamiliar()
}

/** Reads a quoted scalar on one line; the cursor ends behind the closing quote. */
export function readQuoted(cursor: Cursor): string {
  return cursor.text[cursor.pos] === '"' ? readDoubleQuoted(cursor) : readSingleQuoted(cursor)
}

function readDoubleQuoted(cursor: Cursor): string {
  const { text, pos } = cursor
  let end = pos + 1
  let escaped = false
  for (; ; end++) {
    const char = text[end]
    if (char === undefined || char === '\n') return unfamiliar()
    if (char === '"') break
    if (char !== '\\') continue
    // The escapes that JSON has too; YAML's others are rare.
    if (!'"\\/bfnrtu'.includes(text[++end] ?? 'x')) return unfamiliar()
    escaped = true
  }
  cursor.pos = end + 1
  if (!escaped) return text.slice(pos + 1, end)
  try {
    return JSON.parse(text.slice(pos, end + 1)) as string
  } catch {
    return unfamiliar()
  }
}

function readSingleQuoted(cursor: Cursor): string {
  const { text, pos } = cursor
  let end = pos
  for (;;) {
    end = text.indexOf("'", end + 1)
    if (end < 0) return unfamiliar()
    if (text[end + 1] !== "'") break
    end++
  }
  const raw = text.slice(pos + 1, end)
  if (raw.includes('\n')) return unfamiliar()
  cursor.pos = end + 1
  return raw.replaceAll("''", "'")
}
