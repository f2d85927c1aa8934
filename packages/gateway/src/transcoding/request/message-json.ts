import type { DescField, JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { FieldPath } from '../http-rules/field-path.ts'

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** The key under which a message in JSON has a field: both spellings are allowed. */
const keyOf = (message: JsonObject, { jsonName, name }: DescField): string =>
  !Object.hasOwn(message, jsonName) && Object.hasOwn(message, name) ? name : jsonName

/** A field may be called `constructor`: what every object has is no value of a message. */
const valueAt = (message: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(message, key) ? message[key] : undefined

/** What a value of the body at the same place becomes. */
export type OnConflict = 'replace' | 'refuse'

/**
 * Puts a value into the JSON of a message; into a list it is appended. Returns what is wrong, if it cannot stand there.
 */
export function placeValue(
  message: JsonObject,
  path: FieldPath,
  value: JsonValue,
  onConflict: OnConflict,
): string | undefined {
  let scope = message
  for (const field of path.slice(0, -1)) {
    const key = keyOf(scope, field)
    const inner = valueAt(scope, key) ?? {}
    if (!isObject(inner)) return `"${field.name}" is not an object`
    scope[key] = inner
    scope = inner
  }
  const field = path[path.length - 1]
  const key = keyOf(scope, field)
  if (field.fieldKind === 'list') {
    const list = valueAt(scope, key) ?? []
    if (!Array.isArray(list)) return `"${field.name}" is not a list`
    list.push(value)
    scope[key] = list
    return undefined
  }
  if (onConflict === 'refuse' && valueAt(scope, key) !== undefined) return 'is given twice'
  delete scope[field.name]
  scope[field.jsonName] = value
  return undefined
}
