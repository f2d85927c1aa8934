export { monotonicClock, type Clock } from './clock/clock.ts'
export { Deadlines, type Timed } from './clock/deadlines.ts'
export { TransportError, type TransportCode } from './errors.ts'
export { Headers } from './headers/headers.ts'
export { isFieldValue, isToken } from './headers/characters.ts'
export type { ClientExchange } from './h1/client-exchange.ts'
export { H1ClientConnection } from './h1/client-connection.ts'
export { removeHopByHop } from './h1/hop-by-hop.ts'
export { refusal, Refusal, refusalCodes, type RefusalCode } from './h1/refusal.ts'
export { CHUNKED, isAuthority, parseRequestHead, RequestHead } from './h1/request-head.ts'
export { parseResponseHead, ResponseHead, UNTIL_CLOSE } from './h1/response-head.ts'
export { H1ServerConnection, type ServerConnectionOptions } from './h1/server-connection.ts'
export type { RequestHandler, ServerExchange } from './h1/server-exchange.ts'
export type { TunnelEnds } from './h1/tunnel-ends.ts'
export { statusText } from './h1/status-text.ts'
export { DEFAULT_H1_LIMITS, type H1Limits } from './limits.ts'
export {
  ConnectionPool,
  DEFAULT_KEEP_ALIVE,
  DEFAULT_MAX_IDLE,
  type ConnectionPoolOptions,
  type KeepAlive,
} from './pools/connection-pool.ts'
export { poolKey, type UpstreamAddress } from './pools/upstream-address.ts'
export { latin1Text, latin1TextOf } from './sockets/latin1.ts'
export { Listener, type ListenerOptions, type ListenerTls, type ListenTarget } from './sockets/listener.ts'
export { HELD, SENT, STALLED, type Sent } from './sockets/output.ts'
export type { SocketOwner } from './sockets/owner.ts'
export { tlsTrustKey, type UpstreamTls } from './tls/upstream-tls.ts'
