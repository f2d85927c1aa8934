import { ProtobufWriter, utf8Length, varintLength } from './protobuf-writer.ts'

/** Longer values are cut: what strangers send goes into memory that waits for a collector. */
export const MAX_VALUE_CHARACTERS = 2_048

export type AttributeValue = string | number | boolean

/** Fields of `KeyValue` and `AnyValue` (opentelemetry/proto/common/v1/common.proto), with their wire types. */
const KEY = 0x0a
const VALUE = 0x12
const STRING_VALUE = 0x0a
const BOOL_VALUE = 0x10
const INT_VALUE = 0x18
const DOUBLE_VALUE = 0x21

/** The name of an attribute, as it stands in each message. */
export class AttributeKey {
  readonly name: string
  /** Field `key` of `KeyValue` and the tag of its field `value`. */
  private readonly head: Uint8Array
  /** Whole attributes with values that come again and again. */
  private readonly known = new Map<AttributeValue, Uint8Array>()

  constructor(name: string) {
    this.name = name
    const writer = new ProtobufWriter(256)
    writer.byte(KEY)
    writer.text(name)
    writer.byte(VALUE)
    this.head = writer.take()
  }

  /**
   * An attribute, as a field of a message.
   * @param tag of that field: `attributes` of a span, or of a resource
   */
  write(writer: ProtobufWriter, tag: number, value: AttributeValue): void {
    writer.byte(tag)
    const { head } = this
    if (typeof value === 'string') {
      const text = value.length > MAX_VALUE_CHARACTERS ? value.slice(0, MAX_VALUE_CHARACTERS) : value
      const bytes = utf8Length(text)
      const any = 1 + varintLength(bytes) + bytes
      writer.varint(head.length + varintLength(any) + any)
      writer.raw(head)
      writer.varint(any)
      writer.byte(STRING_VALUE)
      writer.text(text)
    } else if (typeof value === 'boolean' || (Number.isSafeInteger(value) && value >= 0)) {
      const number = Number(value)
      const any = 1 + varintLength(number)
      writer.varint(head.length + 1 + any)
      writer.raw(head)
      writer.varint(any)
      writer.byte(typeof value === 'boolean' ? BOOL_VALUE : INT_VALUE)
      writer.varint(number)
    } else {
      writer.varint(head.length + 1 + 9)
      writer.raw(head)
      writer.varint(9)
      writer.byte(DOUBLE_VALUE)
      const bytes = Buffer.allocUnsafe(8)
      bytes.writeDoubleLE(value)
      writer.raw(bytes)
    }
  }

  /** The same for values of which there are few. */
  writeKnown(writer: ProtobufWriter, tag: number, value: AttributeValue): void {
    let whole = this.known.get(value)
    if (whole === undefined) {
      const made = new ProtobufWriter(256)
      this.write(made, tag, value)
      whole = made.take()
      if (this.known.size >= MAX_KNOWN) this.known.clear()
      if (whole.length <= MAX_KNOWN_BYTES) this.known.set(value, whole)
    }
    writer.raw(whole)
  }
}

const MAX_KNOWN = 500
const MAX_KNOWN_BYTES = 300
