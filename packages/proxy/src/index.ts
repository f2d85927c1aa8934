export {
  Headers,
  RequestHead,
  ResponseHead,
  serverTlsContext,
  TransportError,
  type H1Limits,
  type H2Limits,
  type UpstreamProtocol,
  type ClientHello,
  type KeepAlive,
  type ServerTls,
  type ServerTlsContext,
  type ServerTlsContextOptions,
  type TlsInfo,
  type UpstreamTls,
} from '@sekisho/wire'
export * from './balancing/index.ts'
export * from './cache/index.ts'
export type { ClientTunnel, TunnelHandler } from './exchange/local-tunnel.ts'
export type { MessageLimits } from './exchange/message-limits.ts'
export {
  MalformedSubrequest,
  type AnswerBudget,
  type Subrequest,
  type SubrequestAnswer,
} from './exchange/subrequest.ts'
export type { ResponseTranslator } from './exchange/translated-response.ts'
export type { TunnelLimits } from './exchange/tunnel-limits.ts'
export type { ProxyLogger } from './exchange/options.ts'
export { localResponse, type ErrorRenderer, type LocalResponse } from './exchange/reply.ts'
export { MessageMeter } from './grpc/message-meter.ts'
export { HttpProxy, httpProxy, type HttpProxyOptions } from './http-proxy.ts'
export type { ServeOptions } from './proxy-listener.ts'
export * from './health/index.ts'
export * from './limits/index.ts'
export { LogThrottle } from './log-throttle.ts'
export * from './overload/index.ts'
export { Peer, peer, type PeerOptions } from './peers/peer.ts'
export { Resolver, systemLookup, type Lookup, type Resolution } from './peers/resolver.ts'
export { PHASE_NAMES, type MaybePromise, type ProxyPhases } from './phases/phases.ts'
export { ProxyError, type ErrorSource, type ProxyErrorCode } from './proxy-error.ts'
export * from './server/index.ts'
export * from './stream/index.ts'
export type { ResponseBody, ResponseFields, ResponseSource, Session } from './session.ts'
