import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { GatewaySession } from '../../session.ts'
import { VERSION } from '../../version.ts'
import type { RequestTrace } from '../tracing/request-trace.ts'
import { routePattern } from '../tracing/span-facts.ts'
import { scrubbedHeaders, scrubbedQuery, scrubbedText } from './scrub.ts'
import { stackFrames } from './stack-frames.ts'

/** What of a request may leave. */
export interface EventOptions {
  readonly environment: string | undefined
  readonly release: string | undefined
  readonly serverName: string | undefined
  readonly query: 'masked' | 'names' | 'none'
  readonly headers: boolean
  /** In lower case. */
  readonly hiddenHeaders: ReadonlySet<string>
  readonly personal: boolean
}

/** What went wrong, in Sentry's words. */
export interface Problem {
  /** Its kind: a code, the name of an error. */
  readonly type: string
  readonly message: string
  /** Of our own house, with stacks. */
  readonly errors: readonly Error[]
}

/** An envelope with one event: https://develop.sentry.dev/sdk/data-model/envelopes/ and …/event-payloads/ */
export function envelope(problem: Problem, session: GatewaySession, options: EventOptions): string {
  const eventId = randomUUID().replaceAll('-', '')
  const now = new Date()
  const payload = JSON.stringify(eventOf(eventId, now, problem, session, options))
  const head = JSON.stringify({ event_id: eventId, sent_at: now.toISOString(), sdk: SDK })
  const item = JSON.stringify({ type: 'event', content_type: 'application/json', length: Buffer.byteLength(payload) })
  return `${head}\n${item}\n${payload}\n`
}

const SDK = { name: 'sekisho', version: VERSION }

function eventOf(id: string, now: Date, problem: Problem, session: GatewaySession, options: EventOptions): object {
  const { ctx, request, peer, response } = session
  const { plan, failure } = ctx
  const route = routePattern(session)
  const node = peer?.name
  return {
    event_id: id,
    timestamp: now.getTime() / 1_000,
    platform: 'node',
    level: 'error',
    logger: 'sekisho',
    server_name: options.serverName ?? hostname(),
    environment: options.environment,
    release: options.release,
    sdk: SDK,
    transaction: route === undefined ? request.method : `${request.method} ${route}`,
    tags: {
      route: plan?.route.id,
      service: plan?.service?.id,
      code: failure?.code,
      source: failure?.source,
      status: response?.status === undefined ? undefined : String(response.status),
      node,
    },
    fingerprint: ['{{ default }}', problem.type, plan?.route.id ?? ''],
    exception: { values: exceptions(problem) },
    request: requestOf(session, options),
    contexts: { trace: traceContext(session) },
    user: options.personal ? { ip_address: ctx.remoteAddr, username: ctx.consumer?.username } : undefined,
    extra: {
      attempts: session.attempts,
      protocol: session.protocol,
      duration_ms: Math.round(session.finishedAt - session.startedAt),
    },
  }
}

/** What caused something stands before it. */
function exceptions({ type, message, errors }: Problem): object[] {
  const mechanism = { type: 'gateway', handled: true }
  if (errors.length === 0) return [{ type, value: scrubbedText(message), mechanism }]
  return errors.map((error) => {
    const frames = stackFrames(error.stack)
    const value = scrubbedText(error.message)
    return { type: error.name, value, mechanism, ...(frames.length > 0 && { stacktrace: { frames } }) }
  })
}

function requestOf(session: GatewaySession, options: EventOptions): object {
  const { request, ctx } = session
  const { target } = request
  const at = target.indexOf('?')
  const path = at < 0 ? target : target.slice(0, at)
  return {
    method: request.method,
    url: `${session.secure ? 'https' : 'http'}://${ctx.hostWithPort}${path.slice(0, 2_048)}`,
    query_string: scrubbedQuery(at < 0 ? '' : target.slice(at + 1), options.query),
    headers: options.headers ? scrubbedHeaders(request.headers, options.hiddenHeaders, options.personal) : undefined,
  }
}

/** That of a tracing plugin, so that Sentry finds the trace. */
function traceContext({ ctx }: GatewaySession): object | undefined {
  const trace = ctx.getState<RequestTrace>('opentelemetry') ?? ctx.getState<RequestTrace>('zipkin')
  return trace === undefined
    ? undefined
    : { trace_id: trace.traceId.padStart(32, '0'), span_id: trace.spanId, op: 'http.server' }
}
