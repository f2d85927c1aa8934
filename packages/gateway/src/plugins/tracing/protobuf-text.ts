/**
 * Messages of protobuf as text with one character (0 to 255) for each byte: lengths are known before what holds them is written, and pieces that come again are kept as they
 * are. What leaves becomes bytes by `bytesOf`.
 */
type Bytes = string

/** Each byte as a character. */
const CHARACTERS = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))

/** @param value a whole number from 0 to 2^53 */
export function varint(value: number): Bytes {
  let text = ''
  let rest = value
  while (rest > 127) {
    text += CHARACTERS[(rest % 128) | 128]
    rest = Math.floor(rest / 128)
  }
  return text + CHARACTERS[rest]
}

/** Bytes behind their length. */
export const sized = (bytes: Bytes): Bytes =>
  bytes.length < 128 ? CHARACTERS[bytes.length] + bytes : varint(bytes.length) + bytes

const NOT_ASCII = /[^\0-\x7f]/

/** Text in UTF-8. Unpaired surrogates become U+FFFD: strings of protobuf are valid UTF-8. */
export const utf8 = (text: string): Bytes =>
  NOT_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text

/** 0 to 15 by the code of a hexadecimal digit. */
const NIBBLES = new Uint8Array(128)
for (let value = 0; value < 16; value++) NIBBLES[value.toString(16).charCodeAt(0)] = value

/** @param digits an even number of lower-case hexadecimal digits */
export function hexBytes(digits: string): Bytes {
  let text = ''
  for (let at = 0; at < digits.length; at += 2)
    text += CHARACTERS[(NIBBLES[digits.charCodeAt(at) & 127] << 4) | NIBBLES[digits.charCodeAt(at + 1) & 127]]
  return text
}

/** 64 bits, little-endian, of a number that may be larger than 2^53: as exact as a number is. */
export function fixed64(value: number): Bytes {
  const high = Math.floor(value / 4_294_967_296)
  return fixed32(value - high * 4_294_967_296) + fixed32(high)
}

export const fixed32 = (value: number): Bytes =>
  CHARACTERS[value & 255] +
  CHARACTERS[(value >>> 8) & 255] +
  CHARACTERS[(value >>> 16) & 255] +
  CHARACTERS[value >>> 24]

/** 64 bits of a floating-point number, little-endian. */
export function double(value: number): Bytes {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeDoubleLE(value)
  return bytes.toString('latin1')
}

export const bytesOf = (text: Bytes): Buffer => Buffer.from(text, 'latin1')
