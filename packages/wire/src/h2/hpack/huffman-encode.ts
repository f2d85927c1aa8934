import { CODE_LENGTHS, CODES } from './huffman-code.ts'

/** How many bytes `[at, end)` has in Huffman code. */
export function huffmanLength(bytes: Uint8Array, at: number, end: number): number {
  let bits = 0
  for (; at < end; at++) bits += CODE_LENGTHS[bytes[at]]
  return (bits + 7) >>> 3
}

/** Writes `[at, end)` in Huffman code to `into[out…]`, padded with ones. @returns where it ends */
export function huffmanEncode(bytes: Uint8Array, at: number, end: number, into: Uint8Array, out: number): number {
  // The lowest `waiting` bits of `window`, seven at most between two bytes, are not written yet.
  let window = 0
  let waiting = 0
  for (; at < end; at++) {
    const byte = bytes[at]
    let code = CODES[byte]
    let length = CODE_LENGTHS[byte]
    if (length > 24) {
      // Seven bits waiting and 25 more are all that fits: the front of a long code leaves first.
      length -= 16
      window = (window << length) | (code >>> 16)
      for (waiting += length; waiting >= 8;) into[out++] = window >>> (waiting -= 8)
      code &= 0xffff
      length = 16
    }
    window = (window << length) | code
    for (waiting += length; waiting >= 8;) into[out++] = window >>> (waiting -= 8)
  }
  if (waiting > 0) into[out++] = (window << (8 - waiting)) | (0xff >>> waiting)
  return out
}
