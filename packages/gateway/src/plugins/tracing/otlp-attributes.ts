import { double, sized, utf8, varint } from './protobuf-text.ts'

/** Longer values are cut: what strangers send goes into memory that waits for a collector. */
export const MAX_VALUE_CHARACTERS = 2_048

export type AttributeValue = string | number | boolean

/** Fields of `KeyValue` and `AnyValue` (opentelemetry/proto/common/v1/common.proto), with their wire types. */
const KEY = '\x0a'
const VALUE = '\x12'
const STRING_VALUE = '\x0a'
const BOOL_VALUE = '\x10'
const INT_VALUE = '\x18'
const DOUBLE_VALUE = '\x21'

/** Field `attributes` of a resource, and of a span. */
export const RESOURCE_ATTRIBUTES = '\x0a'
export const SPAN_ATTRIBUTES = '\x4a'

/** The name of an attribute, as it stands in each message. Values become fields of a message, as text of bytes. */
export class AttributeKey {
  private readonly tag: string
  /** Field `key` of `KeyValue` and the tag of its field `value`. */
  private readonly head: string
  /** Whole attributes with values that come again and again. */
  private readonly known = new Map<AttributeValue, string>()

  /** @param tag of the field of a message that it is */
  constructor(name: string, tag = SPAN_ATTRIBUTES) {
    this.tag = tag
    this.head = KEY + sized(utf8(name)) + VALUE
  }

  with(value: AttributeValue): string {
    return this.tag + sized(this.head + sized(anyValue(value)))
  }

  /** The same for values of which there are few. */
  withKnown(value: AttributeValue): string {
    const known = this.known.get(value)
    if (known !== undefined) return known
    const made = this.with(value)
    if (this.known.size >= MAX_KNOWN) this.known.clear()
    if (made.length <= MAX_KNOWN_CHARACTERS) this.known.set(value, made)
    return made
  }
}

function anyValue(value: AttributeValue): string {
  if (typeof value === 'string')
    return (
      STRING_VALUE + sized(utf8(value.length > MAX_VALUE_CHARACTERS ? value.slice(0, MAX_VALUE_CHARACTERS) : value))
    )
  if (typeof value === 'boolean') return BOOL_VALUE + varint(Number(value))
  return Number.isSafeInteger(value) && value >= 0 ? INT_VALUE + varint(value) : DOUBLE_VALUE + double(value)
}

const MAX_KNOWN = 500
const MAX_KNOWN_CHARACTERS = 300
