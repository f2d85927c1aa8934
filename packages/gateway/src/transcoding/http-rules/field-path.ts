import type { DescField, DescMessage } from '@bufbuild/protobuf'

/** Fields from a message inwards; all but the last are messages. */
export type FieldPath = readonly DescField[]

/** A field by the name in the `.proto` or in JSON. */
export const fieldNamed = (message: DescMessage, name: string): DescField | undefined =>
  message.fields.find((field) => field.name === name) ?? message.fields.find((field) => field.jsonName === name)

/** Finds a field by the names on the way to it; a text says why there is none. */
export function resolveFieldPath(message: DescMessage, names: readonly string[]): FieldPath | string {
  const path: DescField[] = []
  let scope: DescMessage | undefined = message
  for (const name of names) {
    if (scope === undefined) return `"${path[path.length - 1].name}" is not a message that has fields`
    const field: DescField | undefined = fieldNamed(scope, name)
    if (field === undefined) return `${scope.typeName} has no field "${name}"`
    path.push(field)
    scope = field.fieldKind === 'message' ? field.message : undefined
  }
  return path
}

/** Messages that are one value in JSON, which text can give. */
const TEXT_MESSAGES = new Set([
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'google.protobuf.FieldMask',
  'google.protobuf.DoubleValue',
  'google.protobuf.FloatValue',
  'google.protobuf.Int64Value',
  'google.protobuf.UInt64Value',
  'google.protobuf.Int32Value',
  'google.protobuf.UInt32Value',
  'google.protobuf.BoolValue',
  'google.protobuf.StringValue',
  'google.protobuf.BytesValue',
  'google.protobuf.Value',
])

/** Whether the text of a path segment or query parameter can be a value of this field (an element, for a repeated one). */
export function takesText(field: DescField): boolean {
  if (field.fieldKind === 'map') return false
  return field.message === undefined || TEXT_MESSAGES.has(field.message.typeName)
}
