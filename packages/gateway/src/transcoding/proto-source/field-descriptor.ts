import { create } from '@bufbuild/protobuf'
import {
  FieldDescriptorProto_Label as Label,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as FieldType,
  FieldOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import type Protobuf from 'protobufjs'
import type { FileContext } from './file-context.ts'

const SCALARS: ReadonlyMap<string, FieldType> = new Map(
  Object.entries({
    double: FieldType.DOUBLE,
    float: FieldType.FLOAT,
    int64: FieldType.INT64,
    uint64: FieldType.UINT64,
    int32: FieldType.INT32,
    fixed64: FieldType.FIXED64,
    fixed32: FieldType.FIXED32,
    bool: FieldType.BOOL,
    string: FieldType.STRING,
    bytes: FieldType.BYTES,
    uint32: FieldType.UINT32,
    sfixed32: FieldType.SFIXED32,
    sfixed64: FieldType.SFIXED64,
    sint32: FieldType.SINT32,
    sint64: FieldType.SINT64,
  }),
)

/** 2^29 - 1, and what the format keeps for itself. */
const MAX_FIELD_NUMBER = 536_870_911
const isReserved = (number: number): boolean => number >= 19_000 && number <= 19_999

/** The part of a descriptor that says the type. */
export interface FieldTypeOf {
  readonly type: FieldType
  readonly typeName?: string
}

export interface FieldPlace {
  /** In place of the written type: that of a map's entry. */
  readonly type?: FieldTypeOf | undefined
  readonly oneofIndex?: number | undefined
}

/** A field as a descriptor. `scope` is the full name of the message, or of the package for an extension there. */
export function fieldDescriptor(
  field: Protobuf.FieldBase,
  scope: string,
  context: FileContext,
  place: FieldPlace = {},
): FieldDescriptorProto {
  const { name, id: number } = field
  const { oneofIndex } = place
  if (number < 1 || number > MAX_FIELD_NUMBER || isReserved(number)) {
    throw context.errorAt(name, `${number} is no number for a field; fields have 1 to 536870911 without 19000 to 19999`)
  }
  const group = isGroup(field)
  return create(FieldDescriptorProtoSchema, {
    // protobufjs lowers the first letter of a group's name only.
    name: group ? name.toLowerCase() : name,
    number,
    jsonName: jsonNameOf(field, group),
    label: field.repeated || field.map ? Label.REPEATED : field.rule === 'required' ? Label.REQUIRED : Label.OPTIONAL,
    ...(place.type ?? typeOf(field.type, scope, context)),
    ...(group ? { type: FieldType.GROUP } : {}),
    ...(field.extend === undefined ? {} : { extendee: context.messageName(field.extend, scope) }),
    ...defaultOf(field),
    ...(oneofIndex === undefined ? {} : { oneofIndex }),
    ...(isProto3Optional(field) ? { proto3Optional: true } : {}),
    ...context.options(FieldOptionsSchema, field, name),
  })
}

/** The type of a field, resolved. */
export function typeOf(written: string, scope: string, context: FileContext): FieldTypeOf {
  const scalar = SCALARS.get(written)
  if (scalar !== undefined) return { type: scalar }
  const { kind, fullName } = context.typeName(written, scope)
  return { type: kind, typeName: fullName }
}

export const isProto3Optional = (field: Protobuf.FieldBase): boolean => field.options?.['proto3_optional'] === true

/** A field of the old `group` syntax has the type that was declared with it. */
function isGroup(field: Protobuf.FieldBase): boolean {
  const declared = field.parent?.get(field.type) as { group?: boolean } | null
  return declared?.group === true
}

/** The written `json_name`, or what protoc makes of the name: underscores go, the letter behind one becomes upper case. */
function jsonNameOf(field: Protobuf.FieldBase, group: boolean): string {
  const written = field.options?.['json_name'] as string | undefined
  return written ?? lowerCamelCase(group ? field.name.toLowerCase() : field.name)
}

export const lowerCamelCase = (name: string): string =>
  name.replace(/_+([^_]?)/g, (_, letter: string) => letter.toUpperCase())

function defaultOf({ options, type }: Protobuf.FieldBase): { defaultValue?: string } {
  const value = options?.['default'] as string | number | boolean | undefined
  if (value === undefined) return {}
  if (typeof value === 'number') return { defaultValue: numberText(value) }
  return { defaultValue: type === 'bytes' ? escapedBytes(String(value)) : String(value) }
}

const numberText = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'

/** Bytes in descriptors are written as in C: octal escapes for what is not printable. */
const escapedBytes = (text: string): string =>
  [...Buffer.from(text, 'utf8')]
    .map((byte) =>
      byte === 0x5c || byte === 0x22 || byte === 0x27
        ? `\\${String.fromCharCode(byte)}`
        : byte >= 0x20 && byte < 0x7f
          ? String.fromCharCode(byte)
          : `\\${byte.toString(8).padStart(3, '0')}`,
    )
    .join('')
