import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import { field, protoFile, textMapEntry } from './file-builder.ts'

/** google/rpc/status.proto: what `grpc-status-details-bin` holds. */
const status = protoFile('google/rpc/status.proto', 'google.rpc', {
  dependency: ['google/protobuf/any.proto'],
  messageType: [
    {
      name: 'Status',
      field: [
        field(1, 'code', 'int32'),
        field(2, 'message', 'string'),
        field(3, 'details', '.google.protobuf.Any', { repeated: true }),
      ],
    },
  ],
})

const text = (number: number, name: string) => field(number, name, 'string')

/** google/rpc/error_details.proto: the details that services usually give. */
const errorDetails = protoFile('google/rpc/error_details.proto', 'google.rpc', {
  dependency: ['google/protobuf/duration.proto'],
  messageType: [
    {
      name: 'ErrorInfo',
      field: [
        text(1, 'reason'),
        text(2, 'domain'),
        field(3, 'metadata', '.google.rpc.ErrorInfo.MetadataEntry', { repeated: true }),
      ],
      nestedType: [textMapEntry('MetadataEntry')],
    },
    { name: 'RetryInfo', field: [field(1, 'retry_delay', '.google.protobuf.Duration')] },
    { name: 'DebugInfo', field: [field(1, 'stack_entries', 'string', { repeated: true }), text(2, 'detail')] },
    {
      name: 'QuotaFailure',
      field: [field(1, 'violations', '.google.rpc.QuotaFailure.Violation', { repeated: true })],
      nestedType: [
        {
          name: 'Violation',
          field: [
            text(1, 'subject'),
            text(2, 'description'),
            text(3, 'api_service'),
            text(4, 'quota_metric'),
            text(5, 'quota_id'),
            field(6, 'quota_dimensions', '.google.rpc.QuotaFailure.Violation.QuotaDimensionsEntry', { repeated: true }),
            field(7, 'quota_value', 'int64'),
            { ...field(8, 'future_quota_value', 'int64', { oneof: 0 }), proto3Optional: true },
          ],
          nestedType: [textMapEntry('QuotaDimensionsEntry')],
          oneofDecl: [{ name: '_future_quota_value' }],
        },
      ],
    },
    {
      name: 'PreconditionFailure',
      field: [field(1, 'violations', '.google.rpc.PreconditionFailure.Violation', { repeated: true })],
      nestedType: [{ name: 'Violation', field: [text(1, 'type'), text(2, 'subject'), text(3, 'description')] }],
    },
    {
      name: 'BadRequest',
      field: [field(1, 'field_violations', '.google.rpc.BadRequest.FieldViolation', { repeated: true })],
      nestedType: [
        {
          name: 'FieldViolation',
          field: [
            text(1, 'field'),
            text(2, 'description'),
            text(3, 'reason'),
            field(4, 'localized_message', '.google.rpc.LocalizedMessage'),
          ],
        },
      ],
    },
    { name: 'RequestInfo', field: [text(1, 'request_id'), text(2, 'serving_data')] },
    {
      name: 'ResourceInfo',
      field: [text(1, 'resource_type'), text(2, 'resource_name'), text(3, 'owner'), text(4, 'description')],
    },
    {
      name: 'Help',
      field: [field(1, 'links', '.google.rpc.Help.Link', { repeated: true })],
      nestedType: [{ name: 'Link', field: [text(1, 'description'), text(2, 'url')] }],
    },
    { name: 'LocalizedMessage', field: [text(1, 'locale'), text(2, 'message')] },
  ],
})

export const googleRpcFiles: readonly FileDescriptorProto[] = [status, errorDetails]
