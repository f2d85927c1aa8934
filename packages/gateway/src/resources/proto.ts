import { type Static, Type } from '../schema/type.ts'
import { needsOneOf } from './constraints.ts'
import { Id, metadata } from './metadata.ts'

/** As in APISIX. */
const MAX_SOURCE_LENGTH = 1_048_576

/** Types and services of gRPC, for plugins that refer to them by `proto_id`. */
export const Proto = Type.Object(
  {
    ...metadata,
    id: Id,
    content: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_SOURCE_LENGTH,
        description: 'the text of a `.proto` file; or a FileDescriptorSet (`protoc --include_imports -o`) as base64',
      }),
    ),
    files: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: MAX_SOURCE_LENGTH }), {
        minProperties: 1,
        maxProperties: 1_000,
        description: 'the texts of several `.proto` files, by the names under which they import each other',
      }),
    ),
  },
  { additionalProperties: false, allOf: [needsOneOf('a proto', ['content', 'files'])] },
)

/** As it is written, and what the check of the configuration made of it. */
export type Proto = Static<typeof Proto> & {
  /** A FileDescriptorSet as base64: all files but well-known ones. Workers read this, and never parse `.proto` text. */
  readonly descriptors?: string
}
