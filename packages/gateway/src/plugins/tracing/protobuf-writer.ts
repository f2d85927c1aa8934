/**
 * Writes messages of protobuf into memory that is used again and again. Lengths are counted before what they are of is written, so that nothing is
 * moved. One for each thread; what it made is copied out.
 */
export class ProtobufWriter {
  private bytes: Buffer
  private at = 0

  /** @param bytes to begin with */
  constructor(bytes = 16_384) {
    this.bytes = Buffer.allocUnsafeSlow(bytes)
  }

  /** What follows is a field, whose length will be known when it is there. */
  beginField(): void {
    this.at = FIELD_HEAD_BYTES
  }

  /** A copy of what was written since, behind its tag and length. */
  takeField(tag: number): Buffer {
    const { bytes, at } = this
    const length = at - FIELD_HEAD_BYTES
    const start = FIELD_HEAD_BYTES - 1 - varintLength(length)
    this.at = start
    this.byte(tag)
    this.varint(length)
    this.at = 0
    return Buffer.from(bytes.subarray(start, at))
  }

  /** A copy of what was written. */
  take(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.at))
  }

  get length(): number {
    return this.at
  }

  byte(value: number): void {
    this.room(1)
    this.bytes[this.at++] = value
  }

  /** @param value a whole number from 0 to 2^53 */
  varint(value: number): void {
    this.room(10)
    const { bytes } = this
    let at = this.at
    let rest = value
    while (rest > 127) {
      bytes[at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    bytes[at++] = rest
    this.at = at
  }

  raw(bytes: Uint8Array): void {
    const { length } = bytes
    this.room(length)
    this.bytes.set(bytes, this.at)
    this.at += length
  }

  /** Length and UTF-8 bytes. */
  text(value: string): void {
    const length = utf8Length(value)
    this.varint(length)
    this.room(length)
    this.at += this.bytes.write(value, this.at, length, 'utf8')
  }

  /** Length and bytes of hexadecimal digits. */
  hex(digits: string): void {
    const length = digits.length >>> 1
    this.varint(length)
    this.room(length)
    this.at += this.bytes.write(digits, this.at, length, 'hex')
  }

  /** 64 bits of a number that may be larger than 2^53, as exact as a number is. */
  fixed64(value: number): void {
    this.room(8)
    const high = Math.floor(value / 4_294_967_296)
    this.bytes.writeUInt32LE(value - high * 4_294_967_296, this.at)
    this.bytes.writeUInt32LE(high, this.at + 4)
    this.at += 8
  }

  fixed32(value: number): void {
    this.room(4)
    this.bytes.writeUInt32LE(value, this.at)
    this.at += 4
  }

  private room(count: number): void {
    if (this.at + count <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + count))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
  }
}

/** A tag of one byte, and the length of what has less than 32 GB. */
const FIELD_HEAD_BYTES = 6

/** Bytes that a varint takes. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length++
  return length
}

export const utf8Length = (text: string): number => Buffer.byteLength(text)
