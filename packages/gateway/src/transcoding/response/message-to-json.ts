import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
  toJson,
} from '@bufbuild/protobuf'
import type { JsonStyle } from './json-style.ts'

/** A message as JSON. Throws for an Any of an unknown type. */
export function messageToJson(desc: DescMessage, message: Message, style: JsonStyle): JsonValue {
  const json = toJson(desc, message, {
    registry: style.registry,
    enumAsInteger: style.enumAsNumber,
    alwaysEmitImplicit: style.withDefaults,
    useProtoFieldName: style.protoFieldNames,
  })
  return style.int64 === 'string' ? json : restyled(desc, json, style)
}

/** One field of a message as JSON; of a field that is not set, its default value. */
export function fieldToJson(desc: DescMessage, message: Message, field: DescField, style: JsonStyle): JsonValue {
  const key = style.protoFieldNames ? field.name : field.jsonName
  const json = messageToJson(desc, message, style) as JsonObject
  // Not what every object has: a field may be called `constructor`.
  if (Object.hasOwn(json, key)) return json[key]
  if (field.fieldKind === 'message') return null
  const withDefaults = messageToJson(desc, message, { ...style, withDefaults: true }) as JsonObject
  return withDefaults[key] ?? null
}

const INT64 = new Set([ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64])

/** Messages whose JSON does not show their fields. Their 64-bit integers, if any, stay as they are. */
const isOpaque = (desc: DescMessage): boolean => desc.typeName.startsWith('google.protobuf.')

/** The same JSON with other 64-bit integers; changed in place. */
function restyled(desc: DescMessage, json: JsonValue, style: JsonStyle): JsonValue {
  if (isOpaque(desc) || json === null || typeof json !== 'object' || Array.isArray(json)) return json
  for (const field of desc.fields) {
    const key = style.protoFieldNames ? field.name : field.jsonName
    const value = json[key]
    if (value !== undefined) json[key] = restyledField(field, value, style)
  }
  return json
}

function restyledField(field: DescField, value: JsonValue, style: JsonStyle): JsonValue {
  const { message, scalar } = field
  const one = (part: JsonValue): JsonValue =>
    message !== undefined ? restyled(message, part, style) : INT64.has(scalar as ScalarType) ? int64(part, style) : part
  if (Array.isArray(value)) return value.map(one)
  if (field.fieldKind !== 'map') return one(value)
  return Object.fromEntries(Object.entries(value as JsonObject).map(([key, part]) => [key, one(part)]))
}

function int64(value: JsonValue, { int64: form }: JsonStyle): JsonValue {
  if (typeof value !== 'string') return value
  if (form === 'number') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  const number = BigInt(value)
  return number < 0n ? `-0x${(-number).toString(16)}` : `0x${number.toString(16)}`
}
