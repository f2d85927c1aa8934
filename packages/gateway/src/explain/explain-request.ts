import { statusText } from '@sekisho/wire'
import { preflightPlan } from '../gateway/preflight.ts'
import { type DryRun, dryRun } from './dry-run.ts'
import { explainUpstream } from './explain-upstream.ts'
import type { ExplainedAnswer, ExplainedMatch, ExplainedRequest, RequestExplanation } from './explanation.ts'
import { idlePlugins } from './idle-plugins.ts'
import { type DescribedRequest, offlineRequest } from './offline-request.ts'
import type { OfflineAnswer, OfflineSession } from './offline-session.ts'
import { offlineTable } from './offline-table.ts'
import type { ReadConfiguration } from './read-configuration.ts'
import { routesNotTaken } from './routes-not-taken.ts'

export interface ExplainOptions {
  /** The consumer that is taken to call, whatever the credentials in the request. */
  readonly consumer?: string
  /** All routes that were not taken, instead of the nearest. */
  readonly allRoutes?: boolean
}

/** Candidates shown unless all are asked for; where no route matches, as many of the nearest ones. */
const SHOWN_NOT_TAKEN = 5

/** Longest body of an answer that is shown, in characters. */
const MAX_BODY = 500

/**
 * Says what would become of a request, with the gateway's own router, plans and plugins, and without sending anything.
 * Throws an Error for a consumer that does not exist.
 */
export async function explainRequest(
  described: DescribedRequest,
  read: ReadConfiguration,
  options: ExplainOptions = {},
): Promise<RequestExplanation> {
  const { settings, resources } = read.config
  const { session, refusal } = offlineRequest(described, settings)
  if (refusal !== undefined)
    return refused(asDescribed(described), refusal.status, `${refusal.message} (${refusal.code})`)
  const { ctx } = session
  const request = requestOf(session)
  if (ctx.path === '') return refused(request, 400, 'the path of the request is malformed')

  const offline = offlineTable(read)
  const { table, consumers } = offline
  const assumed = options.consumer === undefined ? undefined : consumers.get(options.consumer)
  if (options.consumer !== undefined && assumed === undefined) {
    throw new Error(`there is no consumer "${options.consumer}" in ${read.config.file}`)
  }
  const sent = session.request.copy()
  const preflight = ctx.method === 'OPTIONS' ? preflightPlan(session, table) : undefined
  const asked = preflight && session.request.headers.get('access-control-request-method')
  const explanation = table.explain(ctx, asked)
  const matched = preflight ?? table.match(ctx)
  ctx.plan = matched
  const params = ctx.uriParams
  const run = await dryRun(session, matched, read.plugins, preflight === undefined ? assumed : 'preflight')
  const { candidates, others } = routesNotTaken(explanation, resources, ctx)
  const { winner } = explanation
  const notTaken = [...candidates, ...others]
  // When one was taken, routes of another path have nothing to say.
  const nearest = winner === undefined ? notTaken : candidates
  const shown = options.allRoutes === true ? notTaken : nearest.slice(0, SHOWN_NOT_TAKEN)
  return {
    request,
    refused: undefined,
    route: winner && matchOf(winner, run, params),
    notTaken: shown,
    moreNotTaken: notTaken.length - shown.length,
    consumer: ctx.consumer?.username,
    phases: run.phases,
    idlePlugins: idlePlugins(run.plan, resources),
    answer: answerOf(session.answer, run),
    upstream: explainUpstream({ session, plan: run.plan, offline, settings, sent }),
  }
}

function matchOf(
  { id, uri, host, why }: { id: string; uri: string; host: string | undefined; why: string },
  { plan }: DryRun,
  params: Record<string, string> | undefined,
): ExplainedMatch {
  return { id, name: plan.route.name, uri, host, why, params: params && { ...params }, serviceId: plan.service?.id }
}

/** What a plugin answered, or what the gateway does where there is no upstream. */
function answerOf(given: OfflineAnswer | undefined, { plan, answeredBy }: DryRun): ExplainedAnswer | undefined {
  if (given !== undefined) {
    const headers = Object.entries(given.headers).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, one]),
    )
    return { status: given.status, plugin: answeredBy, body: bodyText(given), headers }
  }
  if (plan.missing === undefined) return undefined
  const body = JSON.stringify({ error_msg: plan.missing.message })
  return { status: plan.missing.status, plugin: undefined, body, headers: [] }
}

function bodyText({ body = '' }: OfflineAnswer): string {
  if (body instanceof Uint8Array) return `${body.length} bytes`
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return text.length > MAX_BODY ? `${text.slice(0, MAX_BODY - 1)}…` : text
}

function requestOf({ ctx, request, secure }: OfflineSession): ExplainedRequest {
  const { method, path, host, remoteAddr } = ctx
  return { method, target: request.target, path, host, remoteAddr, secure }
}

const asDescribed = ({ method, url, remoteAddr = '127.0.0.1' }: DescribedRequest): ExplainedRequest => ({
  method,
  target: url,
  path: '',
  host: '',
  remoteAddr,
  secure: false,
})

function refused(request: ExplainedRequest, status: number, why: string): RequestExplanation {
  return {
    request,
    refused: { status, reason: `${statusText(status)}: ${why}` },
    route: undefined,
    notTaken: [],
    moreNotTaken: 0,
    consumer: undefined,
    phases: [],
    idlePlugins: [],
    answer: undefined,
    upstream: undefined,
  }
}
