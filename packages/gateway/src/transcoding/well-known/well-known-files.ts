import {
  type FileDescriptorProto,
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt'
import { googleApiFiles } from './google-api.ts'
import { googleRpcFiles } from './google-rpc.ts'

const files: readonly FileDescriptorProto[] = [
  ...[
    file_google_protobuf_any,
    file_google_protobuf_api,
    file_google_protobuf_descriptor,
    file_google_protobuf_duration,
    file_google_protobuf_empty,
    file_google_protobuf_field_mask,
    file_google_protobuf_source_context,
    file_google_protobuf_struct,
    file_google_protobuf_timestamp,
    file_google_protobuf_type,
    file_google_protobuf_wrappers,
  ].map(({ proto }) => proto),
  ...googleApiFiles,
  ...googleRpcFiles,
]

/** Files that any `.proto` may import without bringing them along, by the name that is imported. */
export const wellKnownFiles: ReadonlyMap<string, FileDescriptorProto> = new Map(files.map((file) => [file.name, file]))
