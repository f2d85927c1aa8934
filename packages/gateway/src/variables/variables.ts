import { hostname } from 'node:os'
import type { RequestTrace } from '../plugins/tracing/request-trace.ts'
import type { RequestContext } from '../request-context.ts'
import { clientCertificate, verdictOn } from '../tls/client-certificate.ts'

/** What a variable is in a request; undefined: it has no value there. */
export type VariableValue = string | number | undefined
/** Reads one variable of a request. Looked up by name when the configuration is compiled, called per request. */
export type VariableReader = (context: RequestContext) => VariableValue

const seconds = (ms: number): string => (ms / 1_000).toFixed(3)
const between = (from: number, to: number): VariableValue => (from === 0 || to < from ? undefined : seconds(to - from))

/**
 * The query as it stands: a plugin may have changed it, as in nginx, where `$args` follows rewrites. So a credential that an auth plugin took
 * out does not come back by a template with `$args`.
 */
function queryOf({ upstreamTarget, session }: RequestContext): string {
  if (upstreamTarget === undefined) return session.request.query
  const at = upstreamTarget.indexOf('?')
  return at < 0 ? '' : upstreamTarget.slice(at + 1)
}

/** The path of a gRPC call: service with its package, and method. As the upstream gets it. */
function methodOf({ upstreamTarget, path, session }: RequestContext): readonly [string, string] | undefined {
  const type = session.request.headers.get('content-type')
  if (type?.startsWith('application/grpc') !== true && session.grpcStatus === undefined) return undefined
  const match = GRPC_PATH.exec(upstreamTarget ?? path)
  return match === null ? undefined : [match[1], match[2]]
}

const GRPC_PATH = /^\/([A-Za-z_][\w.]*)\/([A-Za-z_]\w*)$/

/** What a tracing plugin keeps of the request. */
const traceOf = (context: RequestContext, plugin: string): RequestTrace | undefined =>
  context.getState<RequestTrace>(plugin)

/** Variables by nginx's and APISIX's names. */
const READERS: Readonly<Record<string, VariableReader>> = {
  uri: ({ path }) => path,
  request_uri: ({ session }) => session.request.target,
  request_method: ({ method }) => method,
  method: ({ method }) => method,
  scheme: ({ session }) => (session.secure ? 'https' : 'http'),
  https: ({ session }) => (session.secure ? 'on' : ''),
  host: ({ host }) => host,
  http_host: ({ session }) => session.request.host || undefined,
  args: (context) => queryOf(context),
  query_string: (context) => queryOf(context),
  is_args: (context) => (queryOf(context) === '' ? '' : '?'),
  remote_addr: ({ remoteAddr }) => remoteAddr,
  remote_port: ({ session }) => session.remotePort,
  realip_remote_addr: ({ session }) => session.remoteAddress,
  server_addr: ({ session }) => session.localAddress,
  server_port: ({ session }) => session.localPort,
  server_name: ({ host }) => host,
  hostname: () => hostname(),
  server_protocol: ({ session }) => session.protocol,
  request: ({ session }) => `${session.request.method} ${session.request.target} ${session.protocol}`,
  content_type: ({ session }) => session.request.headers.get('content-type'),
  content_length: ({ session }) => session.request.headers.get('content-length'),
  request_id: ({ session }) => session.request.headers.get('x-request-id'),
  request_length: ({ session }) => session.bytesReceived,
  request_time: ({ session }) => seconds((session.finishedAt || performance.now()) - session.startedAt),
  status: ({ session }) => session.response?.status,
  bytes_sent: ({ session }) => session.bytesSent,
  body_bytes_sent: ({ session }) => session.bytesSent,
  connection_requests: ({ session }) => session.requestNumber,
  upstream_addr: ({ session }) => session.peer?.name,
  upstream_status: ({ session }) => (session.responseSource === 'upstream' ? session.response?.status : undefined),
  upstream_response_time: ({ session }) => between(session.sentAt, session.finishedAt),
  upstream_header_time: ({ session }) => between(session.sentAt, session.answeredAt),
  upstream_cache_status: ({ session }) => session.cacheResult?.toUpperCase(),
  grpc_status: ({ session }) => session.grpcStatus,
  grpc_service: (context) => methodOf(context)?.[0],
  grpc_method: (context) => methodOf(context)?.[1],
  balancer_ip: ({ session }) => session.peer?.host,
  balancer_port: ({ session }) => session.peer?.port,
  upstream_uri: ({ upstreamTarget, session }) => upstreamTarget ?? session.request.target,
  route_id: ({ plan }) => plan?.route.id,
  route_name: ({ plan }) => plan?.route.name,
  service_id: ({ plan }) => plan?.service?.id,
  service_name: ({ plan }) => plan?.service?.name,
  consumer_name: ({ consumer }) => consumer?.username,
  consumer_group_id: ({ consumer }) => consumer?.groupId,
  remote_user: ({ consumer }) => consumer?.username,
  opentelemetry_trace_id: (context) => traceOf(context, 'opentelemetry')?.traceId,
  opentelemetry_span_id: (context) => traceOf(context, 'opentelemetry')?.spanId,
  opentelemetry_context_traceparent: (context) => traceOf(context, 'opentelemetry')?.traceParent,
  zipkin_trace_id: (context) => traceOf(context, 'zipkin')?.traceId,
  zipkin_span_id: (context) => traceOf(context, 'zipkin')?.spanId,
  zipkin_context_traceparent: (context) => traceOf(context, 'zipkin')?.traceParent,
  ssl_protocol: ({ session }) => session.tls?.protocol,
  ssl_cipher: ({ session }) => session.tls?.cipher,
  ssl_server_name: ({ session }) => session.tls?.serverName || undefined,
  ssl_client_s_dn: ({ session }) => session.tls && clientCertificate(session.tls)?.subject,
  ssl_client_fingerprint: ({ session }) => session.tls && clientCertificate(session.tls)?.fingerprint,
  ssl_client_verify: ({ session }) => session.tls && verdictOn(session.tls),
}

/** Families of variables: what follows the prefix is a name in the request. nginx writes `-` as `_` in field names. */
const FAMILIES: Readonly<Record<string, (rest: string) => VariableReader>> = {
  arg_: (name) => (context) => queryArgument(queryOf(context), name),
  http_: (name) => {
    const field = name.toLowerCase().replaceAll('_', '-')
    return ({ session }) => session.request.headers.get(field)
  },
  cookie_: (name) => (context) => cookie(context.session.request.headers.get('cookie'), name),
  sent_http_: (name) => {
    const field = name.toLowerCase().replaceAll('_', '-')
    return ({ session }) => session.response?.headers.get(field)
  },
  upstream_http_: (name) => {
    const field = name.toLowerCase().replaceAll('_', '-')
    return ({ session }) => (session.responseSource === 'upstream' ? session.response?.headers.get(field) : undefined)
  },
  jwt_claim_: (name) => (context) => {
    const claim = context.getState<Readonly<Record<string, unknown>>>('jwt-auth')?.[name]
    return typeof claim === 'string' || typeof claim === 'number' ? claim : undefined
  },
  route_label_:
    (name) =>
    ({ plan }) =>
      plan?.route.labels?.[name],
  uri_param_: (name) => (context) => context.uriParams?.[name],
}

const compiled = new Map<string, VariableReader>()
/** Names come from the configuration, but `variable(name)` is public: a plugin may make them up from a request. */
const MAX_COMPILED = 10_000
const nothing: VariableReader = () => undefined

/** The reader for a variable; one that is always undefined for an unknown name. */
export function variableReader(name: string): VariableReader {
  const known = compiled.get(name)
  if (known !== undefined) return known
  const reader = Object.hasOwn(READERS, name) ? READERS[name] : familyReader(name)
  if (compiled.size < MAX_COMPILED) compiled.set(name, reader)
  return reader
}

export const readVariable = (context: RequestContext, name: string): VariableValue => variableReader(name)(context)

function familyReader(name: string): VariableReader {
  for (const prefix of Object.keys(FAMILIES))
    if (name.startsWith(prefix)) return FAMILIES[prefix](name.slice(prefix.length))
  return nothing
}

/** Whether a variable of that name can exist: for checks of the configuration. */
export const isVariable = (name: string): boolean => variableReader(name) !== nothing

/** The first value of a query argument, decoded; the empty string for one without `=`. */
export function queryArgument(query: string, name: string): string | undefined {
  if (query === '' || !query.includes(name)) {
    if (!query.includes('%') && !query.includes('+')) return undefined
  }
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=')
    const key = equals < 0 ? pair : pair.slice(0, equals)
    if (key === name || decode(key) === name) return equals < 0 ? '' : decode(pair.slice(equals + 1))
  }
  return undefined
}

function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

/** A cookie's value as it was sent; names are case-sensitive. */
export function cookie(field: string | undefined, name: string): string | undefined {
  if (field === undefined) return undefined
  for (const pair of field.split(/[;,]\s*/)) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1)
  }
  return undefined
}
