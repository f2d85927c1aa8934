import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import { field, protoFile } from './file-builder.ts'

/** google/api/http.proto: how a method is called over HTTP. */
const http = protoFile('google/api/http.proto', 'google.api', {
  messageType: [
    {
      name: 'Http',
      field: [
        field(1, 'rules', '.google.api.HttpRule', { repeated: true }),
        field(2, 'fully_decode_reserved_expansion', 'bool'),
      ],
    },
    {
      name: 'HttpRule',
      field: [
        field(1, 'selector', 'string'),
        field(2, 'get', 'string', { oneof: 0 }),
        field(3, 'put', 'string', { oneof: 0 }),
        field(4, 'post', 'string', { oneof: 0 }),
        field(5, 'delete', 'string', { oneof: 0 }),
        field(6, 'patch', 'string', { oneof: 0 }),
        field(8, 'custom', '.google.api.CustomHttpPattern', { oneof: 0 }),
        field(7, 'body', 'string'),
        field(12, 'response_body', 'string'),
        field(11, 'additional_bindings', '.google.api.HttpRule', { repeated: true }),
      ],
      oneofDecl: [{ name: 'pattern' }],
    },
    { name: 'CustomHttpPattern', field: [field(1, 'kind', 'string'), field(2, 'path', 'string')] },
  ],
})

/** google/api/annotations.proto: the option that holds such a rule. */
const annotations = protoFile('google/api/annotations.proto', 'google.api', {
  dependency: ['google/api/http.proto', 'google/protobuf/descriptor.proto'],
  extension: [{ ...field(72_295_728, 'http', '.google.api.HttpRule'), extendee: '.google.protobuf.MethodOptions' }],
})

/** google/api/httpbody.proto: a body that is no JSON. */
const httpBody = protoFile('google/api/httpbody.proto', 'google.api', {
  dependency: ['google/protobuf/any.proto'],
  messageType: [
    {
      name: 'HttpBody',
      field: [
        field(1, 'content_type', 'string'),
        field(2, 'data', 'bytes'),
        field(3, 'extensions', '.google.protobuf.Any', { repeated: true }),
      ],
    },
  ],
})

export const googleApiFiles: readonly FileDescriptorProto[] = [http, annotations, httpBody]
