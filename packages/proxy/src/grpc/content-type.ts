import type { Headers } from '@sekisho/wire'

/** `application/grpc`, with a suffix or parameters. */
const GRPC = /^application\/grpc(?:[+;]|$)/i
/** The same and gRPC-Web, whose calls are as long and as quiet. */
const GRPC_OR_WEB = /^application\/grpc(?:-web|[+;]|$)/i

interface Head {
  readonly headers: Headers
}

/** Whether a message is gRPC: of a request, that its client reads a status from fields that only gRPC has. */
export const isGrpc = (head: Head): boolean => hasType(head, GRPC)

/** Whether a request is a call of gRPC, whatever carries it. */
export const isGrpcCall = (head: Head): boolean => hasType(head, GRPC_OR_WEB)

function hasType({ headers }: Head, pattern: RegExp): boolean {
  const type = headers.get('content-type')
  return type !== undefined && pattern.test(type)
}
