import { GRPC_STATUS_NAMES } from '../grpc/status.ts'
import { type Static, Type } from '../schema/type.ts'

/** The names of the statuses but OK, as retry policies write them: `resource-exhausted`. */
export const RETRYABLE_STATUSES = GRPC_STATUS_NAMES.slice(1).map((name) => name.toLowerCase().replaceAll('_', '-'))

const seconds = (description: string) =>
  Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 99_999_999, description }))
const bytes = (description: string) => Type.Optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295, description }))

/** How gRPC calls are treated. */
export const GrpcPolicy = Type.Object(
  {
    max_timeout: seconds(
      'seconds a call may take, retries and all of its messages included, whatever its client asks for',
    ),
    default_timeout: seconds('the same for calls whose client sets no deadline'),
    max_request_message_bytes: bytes('bytes of a message to the upstream'),
    max_response_message_bytes: bytes('bytes of a message from the upstream'),
    retry_on: Type.Optional(
      Type.Array(Type.Enum(RETRYABLE_STATUSES), {
        uniqueItems: true,
        description: 'statuses after which another node is asked, as often as `retries` of the upstream says',
      }),
    ),
  },
  { additionalProperties: false, description: 'how gRPC calls are treated' },
)
export type GrpcPolicy = Static<typeof GrpcPolicy>
