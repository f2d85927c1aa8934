import { isIP } from 'node:net'
import type { GatewaySession } from '../../session.ts'
import { type VariableReader } from '../../variables/variables.ts'
import { maskedQuery, maskedTarget } from './masked-query.ts'
import { AttributeKey } from './otlp-attributes.ts'
import { ProtobufWriter } from './protobuf-writer.ts'
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
const TRACE_ID = 0x0a
const SPAN_ID = 0x12
const TRACE_STATE = 0x1a
const PARENT_SPAN_ID = 0x22
const NAME = 0x2a
const KIND = 0x30
const START = 0x39
const END = 0x41
const ATTRIBUTES = 0x4a
const STATUS = 0x7a
/** Field 16 takes two bytes of tag. */
const FLAGS = [0x85, 0x01]

const KIND_SERVER = 2
const KIND_CLIENT = 3
/** `Status { code = 3 }` with STATUS_CODE_ERROR. */
const STATUS_ERROR = Uint8Array.of(STATUS, 2, 0x18, 2)
const FLAG_SAMPLED = 0x001
const FLAG_KNOWS_REMOTE = 0x100
const FLAG_IS_REMOTE = 0x200

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

const writer = new ProtobufWriter()

/** Field `spans` of `ScopeSpans`. */
const SPANS = 0x12

/** The span of a request: kind SERVER, by the semantic conventions of HTTP 1.23 and later. */
export function serverSpan(trace: RequestTrace, session: GatewaySession, extras: SpanExtras): Buffer {
  const { ctx, request, response } = session
  const { plan } = ctx
  const method = knownMethod(request.method)
  const route = routePattern(session)
  const rpc = grpcMethod(session)
  begin(trace, trace.spanId, trace.parentId, session)
  const name = method === '_OTHER' ? 'HTTP' : method
  times(KIND_SERVER, rpc ?? (route === undefined ? name : `${name} ${route}`), session.startedAt, session.finishedAt)
  methodAttribute(session, method)
  if (route !== undefined) ROUTE.writeKnown(writer, ATTRIBUTES, route)
  if (response !== undefined) STATUS_CODE.writeKnown(writer, ATTRIBUTES, response.status)
  SCHEME.writeKnown(writer, ATTRIBUTES, session.secure ? 'https' : 'http')
  const { target } = request
  const at = target.indexOf('?')
  PATH.write(writer, ATTRIBUTES, at < 0 ? target : target.slice(0, at))
  if (at >= 0 && at + 1 < target.length) QUERY.write(writer, ATTRIBUTES, maskedQuery(target.slice(at + 1)))
  PROTOCOL_VERSION.writeKnown(writer, ATTRIBUTES, protocolVersion(session.protocol))
  if (ctx.host !== '') SERVER_ADDRESS.writeKnown(writer, ATTRIBUTES, ctx.host)
  SERVER_PORT.writeKnown(writer, ATTRIBUTES, session.localPort)
  CLIENT_ADDRESS.writeKnown(writer, ATTRIBUTES, ctx.remoteAddr)
  if (ctx.remoteAddr !== session.remoteAddress) PEER_ADDRESS.writeKnown(writer, ATTRIBUTES, session.remoteAddress)
  const agent = request.headers.get('user-agent')
  if (agent !== undefined) USER_AGENT.writeKnown(writer, ATTRIBUTES, agent)
  if (plan !== undefined && plan.route.id !== '') {
    ROUTE_ID.writeKnown(writer, ATTRIBUTES, plan.route.id)
    if (plan.route.name !== undefined) ROUTE_NAME.writeKnown(writer, ATTRIBUTES, plan.route.name)
    if (plan.service !== undefined) SERVICE_ID.writeKnown(writer, ATTRIBUTES, plan.service.id)
  }
  if (ctx.consumer !== undefined) CONSUMER.writeKnown(writer, ATTRIBUTES, ctx.consumer.username)
  if (session.cacheResult !== undefined) CACHE.writeKnown(writer, ATTRIBUTES, session.cacheResult)
  if (rpc !== undefined) rpcAttributes(session, rpc)
  extraAttributes(session, extras)
  errorAttributes(requestError(session), ctx.failure?.source !== 'downstream')
  return writer.takeField(SPANS)
}

/** The span of an attempt at an upstream: kind CLIENT. */
export function attemptSpan(trace: RequestTrace, session: GatewaySession, attempt: Attempt, index: number): Buffer {
  const { ctx, request } = session
  const { peer } = attempt
  const sent = ctx.upstreamMethod ?? request.method
  const method = knownMethod(sent)
  const rpc = grpcMethod(session)
  begin(trace, attempt.spanId, trace.spanId, undefined)
  times(KIND_CLIENT, rpc ?? (method === '_OTHER' ? 'HTTP' : method), attempt.startedAt, attempt.endedAt)
  METHOD.writeKnown(writer, ATTRIBUTES, method)
  let error: string | undefined = attempt.failure?.code
  if (index === trace.attempts.length - 1 && error === undefined && isUpstreamAnswer(session)) {
    const { status } = session.response!
    STATUS_CODE.writeKnown(writer, ATTRIBUTES, status)
    if (status >= 400) error = String(status)
    if (rpc !== undefined) {
      rpcAttributes(session, rpc)
      if (session.grpcStatus! > 0) error = grpcStatusName(session.grpcStatus!)
    }
  }
  if (peer !== undefined) {
    FULL_URL.write(writer, ATTRIBUTES, `${peerOrigin(peer)}${maskedTarget(ctx.upstreamTarget ?? request.target)}`)
    SERVER_ADDRESS.writeKnown(writer, ATTRIBUTES, peer.host)
    if (peer.port !== 0) SERVER_PORT.writeKnown(writer, ATTRIBUTES, peer.port)
    if (isIP(peer.host) !== 0) {
      PEER_ADDRESS.writeKnown(writer, ATTRIBUTES, peer.host)
      PEER_PORT.writeKnown(writer, ATTRIBUTES, peer.port)
    }
    PROTOCOL_VERSION.writeKnown(writer, ATTRIBUTES, peer.protocol === 'h2' ? '2' : '1.1')
  }
  if (index > 0) RESEND_COUNT.writeKnown(writer, ATTRIBUTES, index)
  errorAttributes(error, true)
  return writer.takeField(SPANS)
}

function begin(trace: RequestTrace, spanId: string, parentId: string, session: GatewaySession | undefined): void {
  writer.beginField()
  writer.byte(TRACE_ID)
  writer.hex(trace.traceId)
  writer.byte(SPAN_ID)
  writer.hex(spanId)
  if (parentId !== '') {
    writer.byte(PARENT_SPAN_ID)
    writer.hex(parentId)
  }
  let flags = FLAG_SAMPLED | FLAG_KNOWS_REMOTE
  if (session !== undefined && parentId !== '') {
    flags |= FLAG_IS_REMOTE
    const state = traceStateOf(session.request.headers)
    if (state !== undefined) {
      writer.byte(TRACE_STATE)
      writer.text(state)
    }
  }
  writer.byte(FLAGS[0])
  writer.byte(FLAGS[1])
  writer.fixed32(flags)
}

/** @param startedAt ms of `performance.now`, as is `finishedAt` */
function times(kind: number, name: string, startedAt: number, finishedAt: number): void {
  const offset = epochOffset()
  writer.byte(NAME)
  writer.text(name)
  writer.byte(KIND)
  writer.byte(kind)
  writer.byte(START)
  writer.fixed64((offset + startedAt) * 1e6)
  writer.byte(END)
  writer.fixed64((offset + Math.max(startedAt, finishedAt)) * 1e6)
}

function methodAttribute({ request }: GatewaySession, method: string): void {
  METHOD.writeKnown(writer, ATTRIBUTES, method)
  if (method === '_OTHER') ORIGINAL_METHOD.write(writer, ATTRIBUTES, request.method)
}

function rpcAttributes({ grpcStatus }: GatewaySession, method: string): void {
  RPC_SYSTEM.writeKnown(writer, ATTRIBUTES, 'grpc')
  RPC_METHOD.writeKnown(writer, ATTRIBUTES, method)
  if (grpcStatus !== undefined) RPC_STATUS.writeKnown(writer, ATTRIBUTES, grpcStatusName(grpcStatus))
}

function extraAttributes({ ctx, request }: GatewaySession, extras: SpanExtras): void {
  for (const { key, read } of extras.variables) {
    const value = read(ctx)
    if (value !== undefined && value !== '') key.write(writer, ATTRIBUTES, String(value))
  }
  for (const { key, name } of extras.headers) {
    const value = request.headers.get(name)
    if (value !== undefined) key.write(writer, ATTRIBUTES, value)
  }
  if (extras.headerPrefixes.length === 0) return
  for (const [field, value] of request.headers.entries()) {
    const name = field.toLowerCase()
    if (extras.headerPrefixes.some((prefix) => name.startsWith(prefix)))
      new AttributeKey(name).write(writer, ATTRIBUTES, value)
  }
}

function errorAttributes(type: string | undefined, isFault: boolean): void {
  if (type === undefined) return
  ERROR_TYPE.writeKnown(writer, ATTRIBUTES, type)
  if (isFault) writer.raw(STATUS_ERROR)
}
