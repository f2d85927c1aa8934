import { huffmanEncode, huffmanLength } from './huffman-encode.ts'

/** `latin1Write` is what `write(text, 'latin1')` calls after looking at its arguments; the types do not know it. */
interface Latin1Buffer {
  latin1Write(text: string, at: number): number
}

/** First bits of the representations of a field (RFC 7541 section 6), and how many are left for a number. */
export const INDEXED = 0x80
export const INDEXED_BITS = 7
export const INCREMENTAL = 0x40
export const INCREMENTAL_BITS = 6
export const SIZE_UPDATE = 0x20
export const SIZE_UPDATE_BITS = 5
export const NEVER_INDEXED = 0x10
export const NOT_INDEXED = 0x00
export const LITERAL_BITS = 4

const HUFFMAN = 0x80
/** More than the numbers of one field take: an index and two lengths of five bytes at most. */
const NUMBERS = 16

/**
 * The two buffers that all encoders of a thread share: the text that is being encoded, and the block that is being written. Both are as
 * large as the largest head so far, and heads have a limit.
 *
 * The text is copied into bytes first, as a loop over bytes takes half the time of one over `charCodeAt`, and a third where the
 * string was put together from parts.
 */
export class BlockWriter {
  text: Buffer = Buffer.allocUnsafe(4096)
  bytes: Buffer = Buffer.allocUnsafe(4096)
  length = 0

  /** Puts latin1 text at `text[at…]`. @returns where it ends */
  load(text: string, at: number): number {
    const end = at + text.length
    if (end > this.text.length) {
      const larger = Buffer.allocUnsafe(2 * end)
      this.text.copy(larger, 0, 0, at)
      this.text = larger
    }
    ;(this.text as unknown as Latin1Buffer).latin1Write(text, at)
    return end
  }

  /** Makes room for a field with that much text; to be called before its parts are written. */
  reserve(textLength: number): void {
    const needed = this.length + textLength + NUMBERS
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(2 * needed)
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  /** Section 5.1. @param bits how many of the first byte the number has; above them stands `first` */
  integer(first: number, bits: number, value: number): void {
    const { bytes } = this
    const full = (1 << bits) - 1
    if (value < full) {
      bytes[this.length++] = first | value
      return
    }
    bytes[this.length++] = first | full
    let rest = value - full
    for (; rest >= 0x80; rest >>>= 7) bytes[this.length++] = 0x80 | (rest & 0x7f)
    bytes[this.length++] = rest
  }

  /** Section 5.2: `text[at, end)`, in Huffman code where that is shorter. */
  string(at: number, end: number): void {
    const { text, bytes } = this
    const plain = end - at
    const short = huffmanLength(text, at, end)
    if (short < plain) {
      this.integer(HUFFMAN, 7, short)
      this.length = huffmanEncode(text, at, end, bytes, this.length)
      return
    }
    this.integer(0, 7, plain)
    let out = this.length
    while (at < end) bytes[out++] = text[at++]
    this.length = out
  }

  /** What was written before. */
  copy(from: Uint8Array): void {
    const { length } = from
    this.reserve(length)
    const { bytes } = this
    if (length > SHORT_COPY) bytes.set(from, this.length)
    else for (let at = 0; at < length; at++) bytes[this.length + at] = from[at]
    this.length += length
  }
}

/** Up to here a loop is faster than the call of `set`. */
const SHORT_COPY = 64
