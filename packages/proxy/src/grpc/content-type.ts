import type { Headers } from '@sekisho/wire'

/** `application/grpc`, with a suffix or parameters. */
const GRPC = /^application\/grpc(?:[+;]|$)/i
/** The same and gRPC-Web, whose calls are as long and as quiet. */
const GRPC_OR_WEB = /^application\/grpc(?:-web|[+;]|$)/i

/** What of a content type names gRPC-Web: without parameters. */
const WEB = /^application\/grpc-web(?:-text)?(?:\+[\w.+-]+)?(?=[ \t;]|$)/i

interface Head {
  readonly headers: Headers
}

/** Whether a message is gRPC: of a request, that its client reads a status from fields that only gRPC has. */
export const isGrpc = (head: Head): boolean => hasType(head, GRPC)

/** Whether a request is a call of gRPC, whatever carries it. */
export const isGrpcCall = (head: Head): boolean => hasType(head, GRPC_OR_WEB)

/**
 * The content type of a local answer to a call: a client of gRPC-Web gets its own back. undefined: the request is no call, its client reads no
 * `grpc-status`.
 */
export function replyType({ headers }: Head): string | undefined {
  const type = headers.get('content-type')
  if (type === undefined) return undefined
  return GRPC.test(type) ? GRPC_TYPE : WEB.exec(type)?.[0]
}

export const GRPC_TYPE = 'application/grpc'

function hasType({ headers }: Head, pattern: RegExp): boolean {
  const type = headers.get('content-type')
  return type !== undefined && pattern.test(type)
}
