import { clone } from '@bufbuild/protobuf'
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { lowerCamelCase } from '../proto-source/field-descriptor.ts'
import { joined, TypeNames } from '../proto-source/type-names.ts'
import { wellKnownFiles } from '../well-known/well-known-files.ts'

/**
 * Descriptors that are not quite right made right. Servers in Node.js that load their `.proto` with @grpc/proto-loader describe themselves
 * with what protobufjs made of it: one file for each package, without imports, names of types that are not whole, without JSON
 * names, and optional fields that look like a oneof. Descriptors of protoc come back as they are.
 */
export function mendFiles(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const own = files.filter((file) => wellKnownFiles.has(file.name) || !isWellKnown(file))
  const owners = new Map<string, string>()
  const names = new TypeNames()
  for (const file of [...wellKnownFiles.values(), ...own]) {
    names.addFile(file)
    for (const name of typesOf(file)) owners.set(name, file.name)
  }
  return own.map((file) => mendFile(clone(FileDescriptorProtoSchema, file), names, owners))
}

/** Another file with types that are well known: ours are complete. */
const wellKnownTypes = new Set([...wellKnownFiles.values()].flatMap(typesOf))
const isWellKnown = (file: FileDescriptorProto): boolean => {
  const types = typesOf(file)
  return types.length > 0 && types.every((name) => wellKnownTypes.has(name))
}

function typesOf(file: FileDescriptorProto): string[] {
  return [...file.messageType, ...file.enumType].map(({ name }) => `.${joined(file.package, name)}`)
}

function mendFile(
  file: FileDescriptorProto,
  names: TypeNames,
  owners: ReadonlyMap<string, string>,
): FileDescriptorProto {
  const whole = (name: string, scope: string): string => {
    const resolved = names.resolve(name, scope)?.fullName ?? name
    const owner = ownerOf(resolved, owners)
    if (owner !== undefined && owner !== file.name && !file.dependency.includes(owner)) file.dependency.push(owner)
    return resolved
  }
  const mendField = (field: FieldDescriptorProto, scope: string): void => {
    if (field.jsonName === '') field.jsonName = lowerCamelCase(field.name)
    if (field.typeName !== '') field.typeName = whole(field.typeName, scope)
    if (field.extendee !== '') field.extendee = whole(field.extendee, scope)
  }
  const mendMessage = (message: DescriptorProto, scope: string): void => {
    const fullName = joined(scope, message.name)
    for (const field of message.field) {
      mendField(field, fullName)
      if (file.syntax === 'proto3' && isSynthetic(message, field)) field.proto3Optional = true
    }
    for (const field of message.extension) mendField(field, fullName)
    for (const nested of message.nestedType) mendMessage(nested, fullName)
  }
  for (const message of file.messageType) mendMessage(message, file.package)
  for (const field of file.extension) mendField(field, file.package)
  for (const service of file.service) {
    for (const method of service.method) {
      method.inputType = whole(method.inputType, joined(file.package, service.name))
      method.outputType = whole(method.outputType, joined(file.package, service.name))
    }
  }
  return file
}

/** The file of a type, or of the type that it is nested in. */
function ownerOf(fullName: string, owners: ReadonlyMap<string, string>): string | undefined {
  for (let name = fullName; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
    const owner = owners.get(name)
    if (owner !== undefined) return owner
  }
  return undefined
}

/** The oneof of an `optional` field is named after it, and has no other. */
function isSynthetic(message: DescriptorProto, field: FieldDescriptorProto): boolean {
  const { oneofIndex } = field
  if (!Object.hasOwn(field, 'oneofIndex')) return false
  const members = message.field.filter((other) => Object.hasOwn(other, 'oneofIndex') && other.oneofIndex === oneofIndex)
  return members.length === 1 && message.oneofDecl[oneofIndex]?.name === `_${field.name}`
}
