import { isIP } from 'node:net'
import type { GatewaySession } from '../../session.ts'
import { type VariableReader } from '../../variables/variables.ts'
import { maskedQuery, maskedTarget } from './masked-query.ts'
import { AttributeKey } from './otlp-attributes.ts'
import { bytesOf, fixed32, fixed64, hexBytes, sized, utf8 } from './protobuf-text.ts'
import { epochOffset, type Attempt, type RequestTrace } from './request-trace.ts'
import {
  grpcMethod,
  grpcStatusName,
  isUpstreamAnswer,
  knownMethod,
  peerOrigin,
  protocolVersion,
  requestError,
  routePattern,
} from './span-facts.ts'
import { traceStateOf } from './trace-state.ts'

/** What a configuration adds to the spans of requests. */
export interface SpanExtras {
  /** Variables, by the names that their attributes have. */
  readonly variables: readonly { readonly key: AttributeKey; readonly read: VariableReader }[]
  /** Names of request fields in lower case. */
  readonly headers: readonly { readonly key: AttributeKey; readonly name: string }[]
  /** What names of request fields begin with. */
  readonly headerPrefixes: readonly string[]
}

// Fields of `Span` (opentelemetry/proto/trace/v1/trace.proto), with their wire types.
const TRACE_ID = '\x0a'
const SPAN_ID = '\x12'
const TRACE_STATE = '\x1a'
const PARENT_SPAN_ID = '\x22'
const NAME = '\x2a'
const KIND = '\x30'
const START = '\x39'
const END = '\x41'
/** `Status { code = 3 }` with STATUS_CODE_ERROR. */
const STATUS_ERROR = '\x7a\x02\x18\x02'
/** Field 16 takes two bytes of tag. */
const FLAGS = '\x85\x01'

const KIND_SERVER = '\x02'
const KIND_CLIENT = '\x03'
const FLAG_SAMPLED = 0x001
const FLAG_KNOWS_REMOTE = 0x100
const FLAG_IS_REMOTE = 0x200
const FLAGS_LOCAL = FLAGS + fixed32(FLAG_SAMPLED | FLAG_KNOWS_REMOTE)
const FLAGS_REMOTE = FLAGS + fixed32(FLAG_SAMPLED | FLAG_KNOWS_REMOTE | FLAG_IS_REMOTE)

const METHOD = new AttributeKey('http.request.method')
const ORIGINAL_METHOD = new AttributeKey('http.request.method_original')
const STATUS_CODE = new AttributeKey('http.response.status_code')
const RESEND_COUNT = new AttributeKey('http.request.resend_count')
const ROUTE = new AttributeKey('http.route')
const SCHEME = new AttributeKey('url.scheme')
const PATH = new AttributeKey('url.path')
const QUERY = new AttributeKey('url.query')
const FULL_URL = new AttributeKey('url.full')
const PROTOCOL_VERSION = new AttributeKey('network.protocol.version')
const PEER_ADDRESS = new AttributeKey('network.peer.address')
const PEER_PORT = new AttributeKey('network.peer.port')
const SERVER_ADDRESS = new AttributeKey('server.address')
const SERVER_PORT = new AttributeKey('server.port')
const CLIENT_ADDRESS = new AttributeKey('client.address')
const USER_AGENT = new AttributeKey('user_agent.original')
const ERROR_TYPE = new AttributeKey('error.type')
const RPC_SYSTEM = new AttributeKey('rpc.system.name')
const RPC_METHOD = new AttributeKey('rpc.method')
const RPC_STATUS = new AttributeKey('rpc.response.status_code')
const ROUTE_ID = new AttributeKey('sekisho.route_id')
const ROUTE_NAME = new AttributeKey('sekisho.route_name')
const SERVICE_ID = new AttributeKey('sekisho.service_id')
const CONSUMER = new AttributeKey('sekisho.consumer_name')
const CACHE = new AttributeKey('sekisho.cache_status')

/** Field `spans` of `ScopeSpans`. */
const SPANS = '\x12'

/** The span of a request: kind SERVER, by the semantic conventions of HTTP 1.23 and later. */
export function serverSpan(trace: RequestTrace, session: GatewaySession, extras: SpanExtras): Buffer {
  const { ctx, request, response } = session
  const { plan } = ctx
  const method = knownMethod(request.method)
  const route = routePattern(session)
  const rpc = grpcMethod(session)
  let span = identity(trace, trace.spanId, trace.parentId, session)
  const name = method === '_OTHER' ? 'HTTP' : method
  span += timed(
    KIND_SERVER,
    rpc ?? (route === undefined ? name : `${name} ${route}`),
    session.startedAt,
    session.finishedAt,
  )
  span += METHOD.withKnown(method)
  if (method === '_OTHER') span += ORIGINAL_METHOD.with(request.method)
  if (route !== undefined) span += ROUTE.withKnown(route)
  if (response !== undefined) span += STATUS_CODE.withKnown(response.status)
  span += SCHEME.withKnown(session.secure ? 'https' : 'http')
  const { target } = request
  const at = target.indexOf('?')
  span += PATH.with(at < 0 ? target : target.slice(0, at))
  if (at >= 0 && at + 1 < target.length) span += QUERY.with(maskedQuery(target.slice(at + 1)))
  span += PROTOCOL_VERSION.withKnown(protocolVersion(session.protocol))
  if (ctx.host !== '') span += SERVER_ADDRESS.with(ctx.host)
  span += SERVER_PORT.withKnown(session.localPort)
  span += CLIENT_ADDRESS.withKnown(ctx.remoteAddr)
  if (ctx.remoteAddr !== session.remoteAddress) span += PEER_ADDRESS.withKnown(session.remoteAddress)
  const agent = request.headers.get('user-agent')
  if (agent !== undefined) span += USER_AGENT.with(agent)
  if (plan !== undefined && plan.route.id !== '') {
    span += ROUTE_ID.withKnown(plan.route.id)
    if (plan.route.name !== undefined) span += ROUTE_NAME.withKnown(plan.route.name)
    if (plan.service !== undefined) span += SERVICE_ID.withKnown(plan.service.id)
  }
  if (ctx.consumer !== undefined) span += CONSUMER.withKnown(ctx.consumer.username)
  if (session.cacheResult !== undefined) span += CACHE.withKnown(session.cacheResult)
  if (rpc !== undefined) span += rpcAttributes(session, rpc)
  span += extraAttributes(session, extras)
  span += errorAttributes(requestError(session), ctx.failure?.source !== 'downstream')
  return bytesOf(SPANS + sized(span))
}

/** The span of an attempt at an upstream: kind CLIENT. */
export function attemptSpan(trace: RequestTrace, session: GatewaySession, attempt: Attempt, index: number): Buffer {
  const { ctx, request } = session
  const { peer } = attempt
  const sent = ctx.upstreamMethod ?? request.method
  const method = knownMethod(sent)
  const rpc = grpcMethod(session)
  let span = identity(trace, attempt.spanId, trace.spanId, undefined)
  span += timed(KIND_CLIENT, rpc ?? (method === '_OTHER' ? 'HTTP' : method), attempt.startedAt, attempt.endedAt)
  span += METHOD.withKnown(method)
  let error: string | undefined = attempt.failure?.code
  if (index === trace.attempts.length - 1 && error === undefined && isUpstreamAnswer(session)) {
    const { status } = session.response!
    span += STATUS_CODE.withKnown(status)
    if (status >= 400) error = String(status)
    if (rpc !== undefined) {
      span += rpcAttributes(session, rpc)
      if (session.grpcStatus! > 0) error = grpcStatusName(session.grpcStatus!)
    }
  }
  if (peer !== undefined) {
    span += FULL_URL.with(`${peerOrigin(peer)}${maskedTarget(ctx.upstreamTarget ?? request.target)}`)
    span += SERVER_ADDRESS.withKnown(peer.host)
    if (peer.port !== 0) span += SERVER_PORT.withKnown(peer.port)
    if (isIP(peer.host) !== 0) {
      span += PEER_ADDRESS.withKnown(peer.host)
      span += PEER_PORT.withKnown(peer.port)
    }
    span += PROTOCOL_VERSION.withKnown(peer.protocol === 'h2' ? '2' : '1.1')
  }
  if (index > 0) span += RESEND_COUNT.withKnown(index)
  span += errorAttributes(error, true)
  return bytesOf(SPANS + sized(span))
}

function identity(trace: RequestTrace, spanId: string, parentId: string, session: GatewaySession | undefined): string {
  let span = TRACE_ID + sized(trace.traceIdBytes) + SPAN_ID + sized(hexBytes(spanId))
  if (parentId !== '') span += PARENT_SPAN_ID + sized(hexBytes(parentId))
  // Of the span of a request: its parent is somebody else's.
  if (session === undefined || parentId === '') return span + FLAGS_LOCAL
  const state = traceStateOf(session.request.headers)
  if (state !== undefined) span += TRACE_STATE + sized(utf8(state))
  return span + FLAGS_REMOTE
}

/** @param startedAt ms of `performance.now`, as is `finishedAt` */
function timed(kind: string, name: string, startedAt: number, finishedAt: number): string {
  const offset = epochOffset(finishedAt)
  const start = fixed64((offset + startedAt) * 1e6)
  const end = fixed64((offset + Math.max(startedAt, finishedAt)) * 1e6)
  return NAME + sized(utf8(name)) + KIND + kind + START + start + END + end
}

function rpcAttributes({ grpcStatus }: GatewaySession, method: string): string {
  const call = RPC_SYSTEM.withKnown('grpc') + RPC_METHOD.with(method)
  return grpcStatus === undefined ? call : call + RPC_STATUS.withKnown(grpcStatusName(grpcStatus))
}

function extraAttributes({ ctx, request }: GatewaySession, extras: SpanExtras): string {
  let attributes = ''
  for (const { key, read } of extras.variables) {
    const value = read(ctx)
    if (value !== undefined && value !== '') attributes += key.with(String(value))
  }
  for (const { key, name } of extras.headers) {
    const value = request.headers.get(name)
    if (value !== undefined) attributes += key.with(value)
  }
  if (extras.headerPrefixes.length === 0) return attributes
  for (const [field, value] of request.headers.entries()) {
    const name = field.toLowerCase()
    if (extras.headerPrefixes.some((prefix) => name.startsWith(prefix)))
      attributes += new AttributeKey(name).with(value)
  }
  return attributes
}

function errorAttributes(type: string | undefined, isFault: boolean): string {
  if (type === undefined) return ''
  return isFault ? ERROR_TYPE.withKnown(type) + STATUS_ERROR : ERROR_TYPE.withKnown(type)
}
