import type { Cells } from './cells.ts'

/*
 * The key of a block that is found by hash. It lies in the block itself, behind the four cells of what the block is about,
 * so that comparing the key brings the rest into the cache:
 *
 *   | four cells of payload | scope | length, wide | text, one byte a character, or two if some need it |
 */
export const PAYLOAD = 4
const SCOPE = PAYLOAD
const LENGTH = PAYLOAD + 1
const TEXT = PAYLOAD + 2
const WIDE = 1

const WIDE_TEXT = /[\u0100-\uffff]/

/** The size of a block with this key, in cells. */
export function keyedSize(text: string): number {
  return sizeOf(text.length, WIDE_TEXT.test(text))
}

/** The size of a block that has a key. */
export function sizeOfKeyed({ ints }: Cells, block: number): number {
  const length = ints[block + LENGTH]
  return sizeOf(length >>> 1, (length & WIDE) !== 0)
}

function sizeOf(length: number, wide: boolean): number {
  return TEXT + (wide ? (length + 1) >> 1 : (length + 3) >> 2)
}

export function writeKey({ ints, shorts, bytes }: Cells, block: number, scope: number, text: string): void {
  const narrow = !WIDE_TEXT.test(text)
  ints[block + SCOPE] = scope
  ints[block + LENGTH] = (text.length << 1) | (narrow ? 0 : WIDE)
  const units = narrow ? bytes : shorts
  const start = (block + TEXT) * (narrow ? 4 : 2)
  for (let at = 0; at < text.length; at++) units[start + at] = text.charCodeAt(at)
}

export function hasKey({ ints, shorts, bytes }: Cells, block: number, scope: number, text: string): boolean {
  const length = text.length
  const stored = ints[block + LENGTH]
  if (stored >>> 1 !== length || ints[block + SCOPE] !== scope) return false
  if ((stored & WIDE) !== 0) {
    const start = (block + TEXT) * 2
    for (let at = 0; at < length; at++) if (shorts[start + at] !== text.charCodeAt(at)) return false
  } else {
    const start = (block + TEXT) * 4
    for (let at = 0; at < length; at++) if (bytes[start + at] !== text.charCodeAt(at)) return false
  }
  return true
}
