/** The status codes of gRPC (grpc/grpc, doc/statuscodes.md). */
export const GrpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const
export type GrpcStatus = (typeof GrpcStatus)[keyof typeof GrpcStatus]

/** Names by number. */
export const GRPC_STATUS_NAMES = Object.keys(GrpcStatus) as readonly (keyof typeof GrpcStatus)[]

/** A call that failed, where it failed. */
export interface GrpcFailure {
  readonly status: GrpcStatus
  readonly message: string
}

/**
 * HTTP statuses by gRPC status, as Envoy and google.rpc.Code have them. 499 is nginx's "client closed request".
 */
const HTTP_STATUS_OF_GRPC: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
]

/** What an HTTP client gets for a gRPC status; a number that is no gRPC status counts as UNKNOWN. */
export const httpStatusOfGrpc = (status: number): number =>
  HTTP_STATUS_OF_GRPC[status] ?? HTTP_STATUS_OF_GRPC[GrpcStatus.UNKNOWN]

/** What a gRPC client gets for an HTTP answer without grpc-status (grpc/grpc, doc/http-grpc-status-mapping.md). */
export function grpcStatusOfHttp(status: number): GrpcStatus {
  switch (status) {
    case 400:
    case 431:
      return GrpcStatus.INTERNAL
    case 401:
      return GrpcStatus.UNAUTHENTICATED
    case 403:
      return GrpcStatus.PERMISSION_DENIED
    case 404:
      return GrpcStatus.UNIMPLEMENTED
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus.UNAVAILABLE
    default:
      return GrpcStatus.UNKNOWN
  }
}

/** Reads the value of a `grpc-status` field; undefined for what is no status of gRPC. */
export function parseGrpcStatus(text: string): GrpcStatus | undefined {
  if (!/^(?:[0-9]|1[0-6])$/.test(text)) return undefined
  return Number(text) as GrpcStatus
}
