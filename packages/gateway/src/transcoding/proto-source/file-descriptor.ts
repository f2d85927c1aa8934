import { create, type Registry } from '@bufbuild/protobuf'
import {
  Edition,
  FieldDescriptorProto_Type as FieldType,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileOptionsSchema,
  MethodOptionsSchema,
  ServiceOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import type Protobuf from 'protobufjs'
import { fieldDescriptor } from './field-descriptor.ts'
import { FileContext } from './file-context.ts'
import { declarationsIn, enumDescriptor, messageDescriptor } from './message-descriptor.ts'
import type { ParsedSource } from './parse-source.ts'
import { ProtoError } from './proto-problem.ts'
import type { SourceText } from './source-text.ts'
import { joined, TypeNames } from './type-names.ts'

/**
 * A parsed file as a descriptor. protobufjs has an extension that makes descriptors; it mixes up the files of a package, and knows neither imports nor
 * google.api.http.
 *
 * `visible`: the files that it imports, and what these import publicly. Throws a ProtoError.
 */
export function fileDescriptor(
  protobuf: typeof Protobuf,
  { text, packageName, scope }: ParsedSource,
  visible: readonly FileDescriptorProto[],
  known: Registry,
): FileDescriptorProto {
  const names = new TypeNames()
  for (const file of visible) names.addFile(file)
  addDeclared(protobuf, names, scope, packageName)
  const context = new FileContext(text, names, known)
  const { messages, enums, extensions, services } = declarationsIn(protobuf, scope)
  const { imports } = text
  return create(FileDescriptorProtoSchema, {
    name: text.name,
    package: packageName,
    dependency: imports.map(({ name }) => name),
    publicDependency: imports.flatMap(({ isPublic }, index) => (isPublic ? [index] : [])),
    messageType: messages.map((message) => messageDescriptor(protobuf, message, packageName, context)),
    enumType: enums.map((declared) => enumDescriptor(declared, context)),
    service: services.map((service) => serviceDescriptor(service, packageName, context)),
    extension: extensions.map((field) => fieldDescriptor(field, packageName, context)),
    ...syntaxOf(text),
    ...context.options(FileOptionsSchema, scope, packageName),
  })
}

const EDITIONS: ReadonlyMap<string, Edition> = new Map([
  ['2023', Edition.EDITION_2023],
  ['2024', Edition.EDITION_2024],
])

function syntaxOf(text: SourceText): { syntax?: string; edition?: Edition } {
  const { syntax } = text
  const edition = EDITIONS.get(syntax)
  if (edition !== undefined) return { syntax: 'editions', edition }
  if (syntax === 'proto3') return { syntax }
  // What a descriptor without syntax means.
  if (syntax === 'proto2') return {}
  const known = ['proto2', 'proto3', ...EDITIONS.keys()].join(', ')
  throw new ProtoError(text.problemAtName(syntax, `"${syntax}" is not known; known are ${known}`))
}

function addDeclared(protobuf: typeof Protobuf, names: TypeNames, scope: Protobuf.NamespaceBase, within: string): void {
  const { messages, enums } = declarationsIn(protobuf, scope)
  for (const { name } of enums) names.add(joined(within, name), FieldType.ENUM)
  for (const message of messages) {
    const fullName = joined(within, message.name)
    names.add(fullName, FieldType.MESSAGE)
    addDeclared(protobuf, names, message, fullName)
  }
}

function serviceDescriptor(service: Protobuf.Service, packageName: string, context: FileContext) {
  const scope = joined(packageName, service.name)
  return {
    name: service.name,
    method: service.methodsArray.map((method) => ({
      name: method.name,
      inputType: context.messageName(method.requestType, scope),
      outputType: context.messageName(method.responseType, scope),
      ...(method.requestStream === true ? { clientStreaming: true } : {}),
      ...(method.responseStream === true ? { serverStreaming: true } : {}),
      ...context.options(MethodOptionsSchema, method, method.name),
    })),
    ...context.options(ServiceOptionsSchema, service, service.name),
  }
}
