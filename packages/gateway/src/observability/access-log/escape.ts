import { isUtf8 } from 'node:buffer'

/** What is neither plain printable ASCII nor safe between quotes. */
const UNSAFE = /["\\]|[^ -~]/
const UNSAFE_ALL = /["\\]|[^ -~]/gu
const NOT_ASCII = /[^\0-\x7f]/
const NOT_LATIN1 = /[^\0-\xff]/

/**
 * nginx's `escape=default`: `"`, `\` and bytes below 32 or above 126 become `\xXX`, so that no value can end a line or a field.
 * Header values are strings of bytes (one character each); characters above 255 count as their UTF-8 bytes.
 */
export function escapeText(value: string): string {
  return UNSAFE.test(value) ? value.replace(UNSAFE_ALL, escapeCharacter) : value
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0)
  if (code <= 0xff) return hex(code)
  let text = ''
  for (const byte of Buffer.from(character)) text += hex(byte)
  return text
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`
}

/** A JSON string. Bytes that are UTF-8 are read as that, as JSON is UTF-8; others keep the character of their number (latin1). */
export function jsonString(value: string): string {
  // Most values need nothing but quotes, which is a third of the time of JSON.stringify.
  if (!UNSAFE.test(value)) return `"${value}"`
  return JSON.stringify(NOT_ASCII.test(value) ? decode(value) : value)
}

function decode(value: string): string {
  if (NOT_LATIN1.test(value)) return value
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : value
}
