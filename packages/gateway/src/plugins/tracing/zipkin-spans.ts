import { isIP } from 'node:net'
import type { GatewaySession } from '../../session.ts'
import { jsonString } from '../../observability/access-log/escape.ts'
import { maskedTarget } from './masked-query.ts'
import { epochOffset, type Attempt, type RequestTrace } from './request-trace.ts'
import { grpcMethod, grpcStatusName, isUpstreamAnswer, requestError, routePattern } from './span-facts.ts'
import { newSpanId } from './trace-ids.ts'

/** What a tag holds at most: strangers send it, and it waits in memory for Zipkin. */
const MAX_TAG_CHARACTERS = 2_048

/** Moments of a request that spans begin or end at, ms of `performance.now`; 0: has not happened. */
export interface Moments {
  rewritten: number
  accessed: number
  /** The response's head was there. */
  answered: number
}

/** The endpoint of this gateway as JSON, `"localEndpoint":{…}`. */
export const localEndpoint = (serviceName: string, address: string, port: number): string =>
  `"localEndpoint":{"serviceName":${JSON.stringify(serviceName)},${addressJson(address, port)}}`

/**
 * The spans of a request as JSON objects of Zipkin's API, version 2 (https://zipkin.io/zipkin-api/): `apisix.request` and below it one `apisix.proxy` for
 * each attempt, with `apisix.response_span` (version 2) or `apisix.rewrite`, `apisix.access` and `apisix.body_filter` (version 1).
 */
export function zipkinSpans(
  trace: RequestTrace,
  session: GatewaySession,
  moments: Moments,
  version: number,
  local: string,
  debug: boolean,
): string[] {
  const { startedAt, finishedAt } = session
  const child = (name: string, parentId: string, from: number, to: number): string =>
    span(trace, { id: newSpanId(), parentId, name, from, to, local })
  const spans = [requestSpan(trace, session, local, debug)]
  const last = trace.attempts.at(-1)
  for (const [index, attempt] of trace.attempts.entries())
    spans.push(attemptSpan(trace, session, attempt, attempt === last ? moments.answered : 0, index, local))
  if (version === 1) {
    if (moments.rewritten > 0) spans.push(child('apisix.rewrite', trace.spanId, startedAt, moments.rewritten))
    if (moments.accessed > 0) spans.push(child('apisix.access', trace.spanId, moments.rewritten, moments.accessed))
    if (moments.answered > 0 && last !== undefined)
      spans.push(child('apisix.body_filter', last.spanId, moments.answered, finishedAt))
  } else if (moments.answered > 0) spans.push(child('apisix.response_span', trace.spanId, moments.answered, finishedAt))
  return spans
}

interface SpanParts {
  readonly id: string
  readonly parentId: string
  readonly name: string
  readonly from: number
  readonly to: number
  readonly local: string
  readonly kind?: 'SERVER' | 'CLIENT'
  /** Fields behind, with a comma before each. */
  readonly more?: string
}

function span(trace: RequestTrace, { id, parentId, name, from, to, local, kind, more = '' }: SpanParts): string {
  const parent = parentId === '' ? '' : `,"parentId":"${parentId}"`
  const kindJson = kind === undefined ? '' : `,"kind":"${kind}"`
  const timestamp = Math.round((epochOffset(to) + from) * 1_000)
  // Zipkin takes 0 for unknown.
  const duration = Math.max(1, Math.round((to - from) * 1_000))
  return `{"traceId":"${trace.traceId}","id":"${id}"${parent}${kindJson},"name":"${name}","timestamp":${timestamp},"duration":${duration},${local}${more}}`
}

function requestSpan(trace: RequestTrace, session: GatewaySession, local: string, debug: boolean): string {
  const { ctx, request, response } = session
  const { plan } = ctx
  const route = routePattern(session)
  const rpc = grpcMethod(session)
  let tags = `"component":"sekisho","http.method":${jsonString(request.method)},"http.url":${tag(urlOf(session))},"http.host":${tag(ctx.host)}`
  if (response !== undefined) tags += `,"http.status_code":"${response.status}"`
  if (route !== undefined) tags += `,"http.route":${tag(route)},"sekisho.route_id":${tag(plan!.route.id)}`
  if (plan?.service !== undefined) tags += `,"sekisho.service_id":${tag(plan.service.id)}`
  if (ctx.consumer !== undefined) tags += `,"sekisho.consumer_name":${tag(ctx.consumer.username)}`
  if (session.cacheResult !== undefined) tags += `,"sekisho.cache_status":"${session.cacheResult}"`
  if (rpc !== undefined) tags += `,"rpc.method":${tag(rpc)},"grpc.status_code":"${grpcStatusName(session.grpcStatus!)}"`
  const error = requestError(session)
  if (error !== undefined) tags += `,"error":"${error}"`
  const remote = `,"remoteEndpoint":{${addressJson(ctx.remoteAddr, session.remotePort)}}`
  const more = `${remote},"tags":{${tags}}${debug ? ',"debug":true' : ''}`
  const { spanId: id, parentId } = trace
  return span(trace, {
    id,
    parentId,
    name: 'apisix.request',
    kind: 'SERVER',
    from: session.startedAt,
    to: session.finishedAt,
    local,
    more,
  })
}

function attemptSpan(
  trace: RequestTrace,
  session: GatewaySession,
  { spanId: id, startedAt: from, endedAt, peer, failure }: Attempt,
  answeredAt: number,
  index: number,
  local: string,
): string {
  let tags = '"component":"sekisho"'
  let error: string | undefined = failure?.code
  if (answeredAt > 0 && error === undefined && isUpstreamAnswer(session)) {
    const { status } = session.response!
    tags += `,"http.status_code":"${status}"`
    if (status >= 400) error = String(status)
  }
  if (index > 0) tags += `,"http.resend_count":"${index}"`
  if (error !== undefined) tags += `,"error":"${error}"`
  const remote = peer === undefined ? '' : `,"remoteEndpoint":{${addressJson(peer.host, peer.port)}}`
  const more = `${remote},"tags":{${tags}}`
  const to = answeredAt > 0 ? answeredAt : endedAt
  return span(trace, { id, parentId: trace.spanId, name: 'apisix.proxy', kind: 'CLIENT', from, to, local, more })
}

const urlOf = (session: GatewaySession): string =>
  `${session.secure ? 'https' : 'http'}://${session.ctx.hostWithPort}${maskedTarget(session.request.target)}`

const tag = (text: string): string =>
  jsonString(text.length > MAX_TAG_CHARACTERS ? text.slice(0, MAX_TAG_CHARACTERS) : text)

/** Fields of an endpoint; a name is the name of a service. */
function addressJson(host: string, port: number): string {
  const version = isIP(host)
  const address = version === 0 ? `"serviceName":${jsonString(host)}` : `"ipv${version}":"${host}"`
  return port === 0 ? address : `${address},"port":${port}`
}
