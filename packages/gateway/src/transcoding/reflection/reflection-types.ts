import { create, createFileRegistry, type Message } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { field, protoFile } from '../well-known/file-builder.ts'

const oneof = { oneof: 0 }
const P = '.grpc.reflection.v1.'

/** grpc/reflection/v1/reflection.proto, what is needed of it. v1alpha has the same messages under another name. */
const file = protoFile('grpc/reflection/v1/reflection.proto', 'grpc.reflection.v1', {
  messageType: [
    {
      name: 'ServerReflectionRequest',
      field: [
        field(1, 'host', 'string'),
        field(3, 'file_by_filename', 'string', oneof),
        field(4, 'file_containing_symbol', 'string', oneof),
        field(7, 'list_services', 'string', oneof),
      ],
      oneofDecl: [{ name: 'message_request' }],
    },
    {
      name: 'ServerReflectionResponse',
      field: [
        field(4, 'file_descriptor_response', `${P}FileDescriptorResponse`, oneof),
        field(6, 'list_services_response', `${P}ListServiceResponse`, oneof),
        field(7, 'error_response', `${P}ErrorResponse`, oneof),
      ],
      oneofDecl: [{ name: 'message_response' }],
    },
    { name: 'FileDescriptorResponse', field: [field(1, 'file_descriptor_proto', 'bytes', { repeated: true })] },
    { name: 'ListServiceResponse', field: [field(1, 'service', `${P}ServiceResponse`, { repeated: true })] },
    { name: 'ServiceResponse', field: [field(1, 'name', 'string')] },
    { name: 'ErrorResponse', field: [field(1, 'error_code', 'int32'), field(2, 'error_message', 'string')] },
  ],
})

const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }))
export const ReflectionRequest = registry.getMessage('grpc.reflection.v1.ServerReflectionRequest')!
export const ReflectionResponse = registry.getMessage('grpc.reflection.v1.ServerReflectionResponse')!

/** What is asked. */
export interface Question {
  readonly case: 'fileByFilename' | 'fileContainingSymbol' | 'listServices'
  readonly value: string
}

export interface ReflectionResponseMessage extends Message {
  readonly messageResponse:
    | {
        readonly case: 'fileDescriptorResponse'
        readonly value: { readonly fileDescriptorProto: readonly Uint8Array[] }
      }
    | {
        readonly case: 'listServicesResponse'
        readonly value: { readonly service: readonly { readonly name: string }[] }
      }
    | { readonly case: 'errorResponse'; readonly value: { readonly errorCode: number; readonly errorMessage: string } }
    | { readonly case: undefined; readonly value?: undefined }
}
