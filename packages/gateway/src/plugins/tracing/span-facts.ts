import type { Peer } from '@sekisho/proxy'
import type { GatewaySession } from '../../session.ts'
import { readVariable } from '../../variables/variables.ts'

/** Names of gRPC's statuses, by number (https://grpc.io/docs/guides/status-codes/). */
const GRPC_STATUSES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]
/** Those that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const SERVER_FAULTS: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15])

export const grpcStatusName = (status: number): string => GRPC_STATUSES[status] ?? String(status)
export const isGrpcServerFault = (status: number): boolean => SERVER_FAULTS.has(status)

/** `package.Service/Method` of a call of gRPC; undefined for what is none. */
export function grpcMethod({ ctx, grpcStatus }: GatewaySession): string | undefined {
  if (grpcStatus === undefined) return undefined
  const service = readVariable(ctx, 'grpc_service')
  return service === undefined ? undefined : `${service}/${readVariable(ctx, 'grpc_method')}`
}

/** The pattern that a request matched: of a route with several the first, as the router does not tell which it was. */
export function routePattern({ ctx: { plan } }: GatewaySession): string | undefined {
  // The route that stands for "no route" has no name.
  return plan === undefined || plan.route.id === '' ? undefined : plan.route.uris[0]
}

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'CONNECT',
  'TRACE',
])

/** A method that strangers made up is `_OTHER`. */
export const knownMethod = (method: string): string => (METHODS.has(method) ? method : '_OTHER')

/** `1.1` of `HTTP/1.1`, `2` of `HTTP/2.0`. */
export const protocolVersion = (protocol: string): string => (protocol === 'HTTP/2.0' ? '2' : protocol.slice(5))

/** What went wrong with the request as a whole: a status from 500, or why the exchange was cut; undefined: nothing that is not the client's doing. */
export function requestError(session: GatewaySession): string | undefined {
  const { response, grpcStatus } = session
  const { failure } = session.ctx
  if (failure !== undefined) return failure.code
  if (response !== undefined && response.status >= 500) return String(response.status)
  return grpcStatus !== undefined && isGrpcServerFault(grpcStatus) ? grpcStatusName(grpcStatus) : undefined
}

/** `http://10.0.0.1:8080` of a peer. */
export const peerOrigin = (peer: Peer): string => `${peer.tls === undefined ? 'http' : 'https'}://${peer.name}`

/** Whether the last attempt is what the client was answered with. */
export const isUpstreamAnswer = (session: GatewaySession): boolean =>
  session.responseSource === 'upstream' && session.answeredAt > 0
