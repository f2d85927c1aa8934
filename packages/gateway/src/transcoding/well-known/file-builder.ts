import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type DescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  type FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as FieldType,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'

type Message = MessageInitShape<typeof DescriptorProtoSchema>
type Field = MessageInitShape<typeof FieldDescriptorProtoSchema>

const SCALARS: Readonly<Record<string, FieldType>> = {
  string: FieldType.STRING,
  bytes: FieldType.BYTES,
  int32: FieldType.INT32,
  int64: FieldType.INT64,
  bool: FieldType.BOOL,
}

interface FieldOptions {
  readonly repeated?: boolean
  /** Index of its oneof. */
  readonly oneof?: number
}

/** A proto3 field. `type`: a scalar, or a message as `.package.Message`. */
export function field(number: number, name: string, type: string, options: FieldOptions = {}): Field {
  const scalar = SCALARS[type]
  return {
    name,
    number,
    jsonName: name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    label: options.repeated === true ? Label.REPEATED : Label.OPTIONAL,
    ...(scalar === undefined ? { type: FieldType.MESSAGE, typeName: type } : { type: scalar }),
    ...(options.oneof === undefined ? {} : { oneofIndex: options.oneof }),
  }
}

/** A message that `map` fields of others refer to, from text to text. */
export const textMapEntry = (name: string): Message => ({
  name,
  field: [field(1, 'key', 'string'), field(2, 'value', 'string')],
  options: { mapEntry: true },
})

export interface FileParts {
  readonly dependency?: string[]
  readonly messageType?: Message[]
  readonly extension?: Field[]
}

/** A proto3 file. */
export const protoFile = (name: string, packageName: string, parts: FileParts): FileDescriptorProto =>
  create(FileDescriptorProtoSchema, { name, package: packageName, syntax: 'proto3', ...parts })
