import { HpackDecoder, type FieldSink } from '../decoder.ts'
import { HpackEncoder } from '../encoder.ts'
import type { Field } from '../field.ts'

export type Pair = readonly [name: string, value: string, neverIndexed: boolean]

/** Remembers the fields it is given. */
export class RecordingSink implements FieldSink {
  readonly fields: Field[] = []
  readonly pairs: Pair[] = []

  onField(field: Field, neverIndexed: boolean): void {
    this.fields.push(field)
    this.pairs.push([field.name, field.value, neverIndexed])
  }
}

/** Bytes as they are read in RFCs. */
export const fromHex = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** The fields of a block, in the middle of other bytes as it is in a frame; or why it is none. */
export function decode(decoder: HpackDecoder, block: Uint8Array | string): Pair[] | string {
  const bytes = typeof block === 'string' ? fromHex(block) : block
  const frame = Buffer.concat([Buffer.alloc(9, 0xfe), bytes, Buffer.alloc(3, 0x82)])
  const sink = new RecordingSink()
  return decoder.decode(frame, 9, 9 + bytes.length, sink) ?? sink.pairs
}

/** A copy of the block of what `write` writes. */
export function encode(encoder: HpackEncoder, write: (encoder: HpackEncoder) => void): Buffer {
  encoder.begin()
  write(encoder)
  return Buffer.from(encoder.bytes.subarray(0, encoder.length))
}
