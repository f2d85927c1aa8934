import { create } from '@bufbuild/protobuf'
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  EnumOptionsSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as FieldType,
  MessageOptionsSchema,
  OneofOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import type Protobuf from 'protobufjs'
import { fieldDescriptor, type FieldTypeOf, isProto3Optional, lowerCamelCase, typeOf } from './field-descriptor.ts'
import type { FileContext } from './file-context.ts'
import { joined } from './type-names.ts'

/** What a file or message declares, by kind. */
export interface Declarations {
  readonly messages: Protobuf.Type[]
  readonly enums: Protobuf.Enum[]
  readonly extensions: Protobuf.Field[]
  readonly services: Protobuf.Service[]
}

/** Sorts what stands in a scope. */
export function declarationsIn(protobuf: typeof Protobuf, scope: Protobuf.NamespaceBase): Declarations {
  const nested = scope.nestedArray
  return {
    messages: nested.filter((item) => item instanceof protobuf.Type),
    enums: nested.filter((item) => item instanceof protobuf.Enum),
    extensions: nested.filter((item) => item instanceof protobuf.Field),
    services: nested.filter((item) => item instanceof protobuf.Service),
  }
}

/** A message as a descriptor. `scope`: the full name of what it stands in. */
export function messageDescriptor(
  protobuf: typeof Protobuf,
  type: Protobuf.Type,
  scope: string,
  context: FileContext,
): DescriptorProto {
  const fullName = joined(scope, type.name)
  const { messages, enums, extensions } = declarationsIn(protobuf, type)
  // protoc puts the oneofs that stand for `optional` behind all others.
  const oneofs = [...type.oneofsArray].sort((a, b) => Number(isSynthetic(a)) - Number(isSynthetic(b)))
  // protobufjs enters extensions that a file makes of its own messages as fields of these.
  const fields = type.fieldsArray.filter((field) => field.declaringField === null)
  return create(DescriptorProtoSchema, {
    name: type.name,
    field: fields.map((field) =>
      fieldDescriptor(field, fullName, context, {
        type: field instanceof protobuf.MapField ? entryType(field, fullName) : undefined,
        oneofIndex: field.partOf === null ? undefined : oneofs.indexOf(field.partOf),
      }),
    ),
    nestedType: [
      ...messages.map((nested) => messageDescriptor(protobuf, nested, fullName, context)),
      ...fields
        .filter((field) => field instanceof protobuf.MapField)
        .map((field) => mapEntry(field, fullName, context)),
    ],
    enumType: enums.map((nested) => enumDescriptor(nested, context)),
    extension: extensions.map((field) => fieldDescriptor(field, fullName, context)),
    extensionRange: (type.extensions ?? []).map(([start, end]) => ({ start, end: end + 1 })),
    oneofDecl: oneofs.map((oneof) => ({
      name: oneof.name,
      ...context.options(OneofOptionsSchema, oneof, oneof.name),
    })),
    ...context.options(MessageOptionsSchema, type, type.name),
  })
}

const isSynthetic = (oneof: Protobuf.OneOf): boolean => oneof.fieldsArray.some(isProto3Optional)

/** `string_map` to `StringMapEntry`, as protoc names it. */
function entryName(field: Protobuf.MapField): string {
  const camel = lowerCamelCase(field.name)
  return `${camel.charAt(0).toUpperCase()}${camel.slice(1)}Entry`
}

const entryType = (field: Protobuf.MapField, scope: string): FieldTypeOf => ({
  type: FieldType.MESSAGE,
  typeName: `.${joined(scope, entryName(field))}`,
})

function mapEntry(field: Protobuf.MapField, scope: string, context: FileContext) {
  const entry = (name: string, number: number, type: string) => ({
    name,
    number,
    jsonName: name,
    label: Label.OPTIONAL,
    ...typeOf(type, scope, context),
  })
  return {
    name: entryName(field),
    field: [entry('key', 1, field.keyType), entry('value', 2, field.type)],
    options: { mapEntry: true },
  }
}

/** An enum as a descriptor. */
export function enumDescriptor(declared: Protobuf.Enum, context: FileContext): EnumDescriptorProto {
  return create(EnumDescriptorProtoSchema, {
    name: declared.name,
    value: Object.entries(declared.values).map(([name, number]) => ({ name, number })),
    ...context.options(EnumOptionsSchema, declared, declared.name),
  })
}
