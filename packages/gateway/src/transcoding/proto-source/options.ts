import { type DescMessage, fromJson, type JsonValue, type MessageShape, type Registry } from '@bufbuild/protobuf'
import type Protobuf from 'protobufjs'

/** Options that protobufjs keeps among the others and descriptors elsewhere. */
const NOT_OPTIONS = new Set(['default', 'json_name', 'proto3_optional'])

/**
 * The options of a declaration as a message, undefined without any. Options that extensions define are read when `known` has the
 * extension, as google.api.http; others mean nothing here and are left out. Throws for what is no option.
 */
export function readOptions<Desc extends DescMessage>(
  schema: Desc,
  { parsedOptions }: Protobuf.ReflectionObject,
  known: Registry,
): MessageShape<Desc> | undefined {
  const json: Record<string, JsonValue> = {}
  for (const option of parsedOptions ?? []) {
    for (const [name, value] of Object.entries<unknown>(option)) {
      if (name.startsWith('(')) {
        const typeName = name.slice(1, -1).replace(/^\./, '')
        const extension = known.getExtension(typeName)
        if (extension?.message === undefined) continue
        json[`[${typeName}]`] = messageJson(extension.message, value)
      } else if (!NOT_OPTIONS.has(name)) {
        json[name] = fieldJson(schema, name, value)
      }
    }
  }
  if (Object.keys(json).length === 0) return undefined
  return fromJson(schema, json, { registry: known })
}

/** Text format as JSON: a repeated field may be written without brackets, and a message that is there once is no list. */
function messageJson(desc: DescMessage, value: unknown): JsonValue {
  if (value === null || typeof value !== 'object') return value as JsonValue
  const json: Record<string, JsonValue> = {}
  for (const [name, part] of Object.entries(value)) {
    // Extensions within options, as features of one language.
    if (!name.startsWith('(') && !name.startsWith('[')) json[name] = fieldJson(desc, name, part)
  }
  return json
}

function fieldJson(desc: DescMessage, name: string, value: unknown): JsonValue {
  const field = desc.fields.find((known) => known.name === name)
  const one = (part: unknown): JsonValue =>
    field?.message === undefined ? (part as JsonValue) : messageJson(field.message, part)
  if (field?.fieldKind !== 'list') return one(value)
  return (Array.isArray(value) ? value : [value]).map(one)
}
