import { type DescField, type JsonValue, ScalarType } from '@bufbuild/protobuf'

/**
 * The text of a path segment or query parameter as JSON for a field (an element, for a repeated one). Most types have a form in which JSON
 * takes text: numbers, bytes, times. What the text must look like is checked when the JSON is read.
 */
export function textValue(field: DescField, text: string): JsonValue {
  if (field.message !== undefined) {
    return field.message.typeName === 'google.protobuf.BoolValue' ? boolean(text) : text
  }
  if (field.enum !== undefined) return /^-?[0-9]{1,10}$/.test(text) ? Number(text) : text
  return field.scalar === ScalarType.BOOL ? boolean(text) : text
}

const boolean = (text: string): JsonValue => (text === 'true' ? true : text === 'false' ? false : text)
