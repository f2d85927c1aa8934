import { hostname } from 'node:os'
import { jsonString } from '../../observability/access-log/escape.ts'
import type { GatewaySession } from '../../session.ts'
import { VERSION } from '../../version.ts'
import { maskedTarget } from '../tracing/masked-query.ts'
import { headersJson, queryJson } from './fields-json.ts'

/** Bodies that were kept, as text. */
export interface LogBodies {
  readonly request?: string | undefined
  readonly response?: string | undefined
}

const SERVER = `"server":{"hostname":${JSON.stringify(hostname())},"version":${JSON.stringify(VERSION)}}`

/** What has been a JSON string lately: of ids, hosts and addresses there are few. */
const known = new Map<string, string>()
const MAX_KNOWN = 1_000

function shortJson(text: string): string {
  let json = known.get(text)
  if (json === undefined) {
    json = jsonString(text)
    if (known.size >= MAX_KNOWN) known.clear()
    if (text.length < 256) known.set(text, json)
  }
  return json
}

/**
 * The entry that is written where no `log_format` is given, as APISIX writes it; its fields without the braces around them. Times are milliseconds,
 * sizes bytes on the client's connection with heads. Fields that say who somebody is (`authorization`, `cookie`, …) are there as `***`, and such
 * arguments of the query (`apikey`, `jwt`, …) as `REDACTED`.
 */
export function defaultEntry(session: GatewaySession, bodies: LogBodies): string {
  const { ctx, request, response } = session
  const { plan, consumer } = ctx
  const shown = maskedTarget(request.target)
  const target = jsonString(shown)
  const secure = session.secure ? 'https' : 'http'
  const url = jsonString(`${secure}://${ctx.host}:${session.localPort}${shown}`)
  const latency = Math.max(0, session.finishedAt - session.startedAt)
  const upstream = session.sentAt === 0 ? undefined : Math.max(0, session.finishedAt - session.sentAt)
  let json = `"request":{"url":${url},"uri":${target},"method":${jsonString(request.method)},"headers":`
  json += `${headersJson(request.headers)},"querystring":${queryJson(queryOf(shown))},"size":${session.bytesReceived}`
  if (bodies.request !== undefined) json += `,"body":${jsonText(bodies.request)}`
  json += `},"response":{"status":${response?.status ?? 0},"headers":`
  json += `${response === undefined ? '{}' : headersJson(response.headers)},"size":${session.bytesSent}`
  if (bodies.response !== undefined) json += `,"body":${jsonText(bodies.response)}`
  json += `},${SERVER}`
  if (session.peer !== undefined) json += `,"upstream":${shortJson(session.peer.name)}`
  json += `,"service_id":${plan === undefined ? jsonString(ctx.host) : shortJson(plan.service?.id ?? '')}`
  if (plan !== undefined) json += `,"route_id":${shortJson(plan.route.id)}`
  if (consumer !== undefined) json += `,"consumer":{"username":${shortJson(consumer.username)}}`
  json += `,"client_ip":${shortJson(ctx.remoteAddr)},"start_time":${startTime(session)},"latency":${rounded(latency)}`
  if (upstream !== undefined) json += `,"upstream_latency":${rounded(upstream)}`
  return `${json},"apisix_latency":${rounded(Math.max(0, latency - (upstream ?? 0)))}`
}

/** When the request began, in milliseconds since 1970. */
export const startTime = ({ startedAt }: GatewaySession): number => Math.round(performance.timeOrigin + startedAt)

/** To the microsecond. */
export const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000

/** Text that may be anything, as bodies are. `jsonString` is for values of heads, which are bytes. */
export const jsonText = (text: string): string => JSON.stringify(text)

function queryOf(target: string): string {
  const at = target.indexOf('?')
  return at < 0 ? '' : target.slice(at + 1)
}
