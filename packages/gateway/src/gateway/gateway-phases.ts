import {
  LogThrottle,
  ProxyError,
  type CacheUse,
  type MaybePromise,
  type Peer,
  type ProxyPhases,
  type RequestHead,
  type ResponseHead,
} from '@sekisho/proxy'
import type { CidrSet } from '../addresses/index.ts'
import { passes, runChain } from '../plan/run-chain.ts'
import type { Plan } from '../plan/plan.ts'
import type { UpstreamTarget } from '../upstreams/upstream-target.ts'
import { ForgedFields } from '../plugins/forged-fields.ts'
import type { LoadControl } from '../overload/load-control.ts'
import { RequestContext } from '../request-context.ts'
import type { GatewaySession } from '../session.ts'
import type { AcmeChallenges } from '../tls/acme/challenges.ts'
import { verifyClient } from '../tls/verify-client.ts'
import { addForwardedHeaders } from './forwarded-headers.ts'
import type { GatewayTable } from './gateway-table.ts'
import { answerPreflight, preflightPlan } from './preflight.ts'
import type { UpstreamStatus } from './upstream-status.ts'

export interface GatewayPhasesOptions {
  readonly table: GatewayTable
  /** Of ACME, while a certificate is ordered. */
  readonly challenges?: AcmeChallenges
  /** Proxies in front of us whose X-Forwarded-* are believed. */
  readonly trusted: CidrSet | undefined
  /** The Server field of answers of our own; undefined = none. */
  readonly serverHeader: string | undefined
  readonly status: UpstreamStatus
  /** Sheds requests before the thread has too many; left out: all are served. */
  readonly load?: LoadControl | undefined
  /** Called once per request, at its end. */
  readonly onLogged: (session: GatewaySession) => void
}

/** The gateway is a program of the proxy framework: match a route, run its plugins, pick a node. */
export class GatewayPhases implements ProxyPhases<RequestContext> {
  private readonly options: GatewayPhasesOptions
  private readonly throttle = new LogThrottle()

  constructor(options: GatewayPhasesOptions) {
    this.options = options
  }

  newContext = (session: GatewaySession): RequestContext => new RequestContext(session)

  requestFilter = (session: GatewaySession): MaybePromise<void> => {
    const { ctx } = session
    if (ctx.path === '') {
      session.respond(400, { error_msg: 'the path of the request is malformed' })
      return undefined
    }
    const { table, challenges } = this.options
    const { tls } = session
    if (tls !== undefined && table.ssls.verifying > 0) {
      const refused = verifyClient(table.ssls, tls, ctx.host, ctx.path)
      if (refused !== undefined) {
        session.respond(refused.status, { error_msg: refused.message })
        return undefined
      }
    }
    if (challenges !== undefined && challenges.pending > 0 && challenges.answer(session)) return undefined
    IDENTITY.drop(session.request.headers)
    if (session.request.method === 'OPTIONS') {
      const asked = preflightPlan(session, table)
      if (asked !== undefined) return answerPreflight(session, asked)
    }
    const plan = table.match(ctx)
    if (plan.urgency !== undefined) ctx.urgency = plan.urgency.of(session)
    if (this.options.load !== undefined && !this.options.load.admits(session)) return undefined
    ctx.plan = plan
    if (plan.grpc !== undefined) plan.grpc.apply(session)
    const waiting = plan.rewrite.length === 0 ? undefined : runChain(plan.rewrite, 'rewrite', session)
    return waiting === undefined
      ? this.afterRewrite(session, plan)
      : waiting.then(() => this.afterRewrite(session, plan))
  }

  requestCacheFilter = (session: GatewaySession): CacheUse | undefined => session.ctx.cacheUse

  backgroundContext = (session: GatewaySession, original: RequestContext): void => session.ctx.takeOver(original)

  upstreamPeer = (session: GatewaySession): MaybePromise<Peer> => {
    const { plan } = session.ctx
    this.leave(session)
    if (plan === undefined || plan.balancer.length === 0) return this.enter(session)
    const waiting = runChain(plan.balancer, 'balancer', session)
    return waiting === undefined ? this.enter(session) : waiting.then(() => this.enter(session))
  }

  hedgePeer = (session: GatewaySession): Peer | undefined => {
    const { ctx } = session
    const { guarded } = ctx
    const upstream = upstreamOf(session)
    if (guarded === undefined || upstream === undefined) return undefined
    const busy = [session.peer, ...guarded.hedgedOn].flatMap((peer) => peer?.backend ?? [])
    const peer = upstream.pick(session, [...session.tried, ...busy])
    if (peer === undefined || !guarded.tryHedge(session)) return undefined
    guarded.hedgedOn.push(peer)
    if (upstream.counts && peer.backend !== undefined) upstream.started(peer.backend)
    return peer
  }

  hedgeOver = (session: GatewaySession, peer: Peer, won: boolean, error: ProxyError | undefined): void => {
    const { ctx } = session
    const { guarded } = ctx
    const upstream = upstreamOf(session)
    if (guarded === undefined || upstream === undefined) return
    guarded.hedgedOn.splice(guarded.hedgedOn.indexOf(peer), 1)
    if (error !== undefined) this.failed(session, peer, error)
    const { backend } = peer
    if (upstream.counts && backend !== undefined) {
      // The attempt took at least so long.
      if (won && ctx.countedBackend !== undefined)
        upstream.finished(ctx.countedBackend, performance.now() - session.startedAt)
      if (won) ctx.countedBackend = backend
      else upstream.finished(backend, -1)
    }
    guarded.hedgeOver(won)
  }

  connectedToUpstream = (session: GatewaySession, peer: Peer, reused: boolean): void => {
    if (!reused) this.options.status.set(peer, upstreamName(session), true)
  }

  failToConnect = (session: GatewaySession, peer: Peer, error: ProxyError): void => {
    this.options.status.set(peer, upstreamName(session), false)
    session.ctx.failure = error
    this.failed(session, peer, error)
    this.settleRetry(session, error)
  }

  errorWhileProxy = (session: GatewaySession, peer: Peer, error: ProxyError): void => {
    if (error.stale) return
    session.ctx.failure = error
    this.failed(session, peer, error)
    this.settleRetry(session, error)
  }

  upstreamResponseFilter = (session: GatewaySession, response: ResponseHead): void => {
    const { guarded } = session.ctx
    if (guarded !== undefined) guarded.look(session, response, mayTryAgain(session))
  }

  upstreamRequestFilter = (session: GatewaySession, request: RequestHead): void => {
    const { ctx } = session
    const { plan } = ctx
    if (ctx.upstreamMethod !== undefined) request.method = ctx.upstreamMethod
    if (ctx.upstreamTarget !== undefined) request.target = ctx.upstreamTarget
    if (ctx.upstreamFields !== undefined) setFields(request, ctx.upstreamFields)
    const host = ctx.upstreamHost ?? upstreamOf(session)?.hostFor(session.peer as Peer)
    if (host !== undefined) request.headers.set('Host', host)
    if (request.upgrade && plan?.tunnelLimits !== undefined) session.limitTunnel(plan.tunnelLimits)
    if (request.upgrade && !mayUpgrade(plan, request)) {
      request.upgrade = false
      request.headers.delete('upgrade')
      request.headers.delete('connection')
    }
    addForwardedHeaders(request, ctx, this.options.trusted)
    if (ctx.functionCall !== undefined) ctx.functionCall.apply(session, request)
  }

  failToProxy = (session: GatewaySession, error: ProxyError): void => {
    session.ctx.functionCall?.failed(session, error)
  }

  responseFilter = (session: GatewaySession, response: ResponseHead): void => {
    const { serverHeader } = this.options
    if (session.responseSource === 'local') {
      if (serverHeader !== undefined) response.headers.set('Server', serverHeader)
    } else if (session.responseSource === 'upstream') {
      const upstream = upstreamOf(session)
      if (upstream?.health !== undefined) session.ctx.watchedStatus = response.status
      if (upstream?.sticky !== undefined) upstream.sticky.answer(session, response)
    }
    const chain = session.ctx.plan?.headerFilter
    if (chain === undefined) return
    for (const plugin of chain)
      if (plugin.filter === undefined || passes(plugin, session)) plugin.hooks.headerFilter?.(session)
  }

  filtersRequestBody = (session: GatewaySession): boolean => (session.ctx.plan?.requestBody.length ?? 0) > 0

  requestBodyFilter = (session: GatewaySession, chunk: Uint8Array, end: boolean): Uint8Array => {
    let bytes = chunk
    for (const plugin of session.ctx.plan?.requestBody ?? []) {
      if (plugin.filter !== undefined && !passes(plugin, session)) continue
      bytes = plugin.hooks.requestBody?.(session, bytes, end) ?? bytes
    }
    return bytes
  }

  filtersResponseBody = (session: GatewaySession): boolean => (session.ctx.plan?.bodyFilter.length ?? 0) > 0

  responseBodyFilter = (session: GatewaySession, chunk: Uint8Array, end: boolean): Uint8Array => {
    let bytes = chunk
    for (const plugin of session.ctx.plan?.bodyFilter ?? []) {
      if (plugin.filter !== undefined && !passes(plugin, session)) continue
      bytes = plugin.hooks.bodyFilter?.(session, bytes, end) ?? bytes
    }
    return bytes
  }

  /** Failures of upstreams: one line a second for each node and kind of failure. */
  suppressErrorLog = (session: GatewaySession, error: ProxyError): boolean =>
    error.source === 'upstream' && this.throttle.holds(`${error.code} ${session.peer?.name} ${error.retry}`)

  logging = (session: GatewaySession, error?: ProxyError): void => {
    const { plan, watchedStatus } = session.ctx
    session.ctx.failure = error
    this.leave(session)
    session.ctx.guarded?.end()
    if (session.ctx.shedderCounts) this.options.load?.finished()
    if (session.background) return
    if (watchedStatus !== 0) watched(session, watchedStatus, error)
    if (plan !== undefined) {
      for (const plugin of plan.log)
        if (plugin.filter === undefined || passes(plugin, session)) plugin.hooks.log?.(session)
    }
    this.options.onLogged(session)
  }

  /** The caller may be known now: its plugins join in. */
  private afterRewrite(session: GatewaySession, matched: Plan): MaybePromise<void> {
    if (isSettled(session)) return undefined
    const { ctx } = session
    if (ctx.consumer === undefined) return this.access(session, matched)
    const plan = matched.forConsumer(ctx.consumer)
    ctx.plan = plan
    const waiting = plan.consumerRewrite.length === 0 ? undefined : runChain(plan.consumerRewrite, 'rewrite', session)
    return waiting === undefined ? this.access(session, plan) : waiting.then(() => this.access(session, plan))
  }

  private access(session: GatewaySession, plan: Plan): MaybePromise<void> {
    if (isSettled(session)) return undefined
    const waiting = plan.access.length === 0 ? undefined : runChain(plan.access, 'access', session)
    return waiting === undefined ? this.afterAccess(session, plan) : waiting.then(() => this.afterAccess(session, plan))
  }

  private afterAccess(session: GatewaySession, plan: Plan): MaybePromise<void> {
    if (isSettled(session)) return undefined
    const { ctx } = session
    const target = ctx.chosen ?? plan
    if (ctx.functionCall === undefined && target.function !== undefined) ctx.functionCall = target.function.call()
    if (ctx.functionCall !== undefined) return ctx.functionCall.begin(session)
    if (target.missing !== undefined) session.respond(target.missing.status, { error_msg: target.missing.message })
    return undefined
  }

  /** Waits for a place where an upstream has only so many. */
  private enter(session: GatewaySession): MaybePromise<Peer> {
    const { ctx } = session
    const guard = upstreamOf(session)?.guard
    if (guard === undefined) return this.pick(session)
    ctx.guarded ??= guard.begin(session)
    const waiting = ctx.guarded.enter(session)
    if (waiting === undefined) return this.pick(session)
    return waiting.then(() => {
      if (session.finishedAt !== 0) throw new Error('the client has left')
      return this.pick(session)
    })
  }

  private pick(session: GatewaySession): Peer {
    const upstream = upstreamOf(session)
    const peer = upstream?.pick(session) ?? (mayPickAgain(session) ? upstream?.pick(session, []) : undefined)
    if (peer === undefined || upstream === undefined) {
      throw new ProxyError(
        'NO_UPSTREAM',
        'upstream',
        session.attempts > 1 ? 502 : 503,
        'no node of the upstream is left',
      )
    }
    if (upstream.counts && peer.backend !== undefined) {
      upstream.started(peer.backend)
      session.ctx.countedBackend = peer.backend
    }
    session.ctx.guarded?.begin(session)
    return peer
  }

  /** The attempt on a counted node is over. */
  private leave(session: GatewaySession): void {
    const { ctx } = session
    const backend = ctx.countedBackend
    if (ctx.guarded !== undefined) ctx.guarded.leave(session)
    if (backend === undefined) return
    ctx.countedBackend = undefined
    const answered = session.answeredAt > 0 && session.answeredAt >= session.sentAt
    upstreamOf(session)?.finished(backend, answered ? session.answeredAt - session.sentAt : -1)
  }

  /** An attempt failed before anything of an answer was sent on. */
  private failed(session: GatewaySession, peer: Peer, error: ProxyError): void {
    const health = upstreamOf(session)?.health
    if (health === undefined || peer.backend === undefined || error.source !== 'upstream') return
    // Another node is asked only for statuses that say: not this one.
    if (error.code === 'GRPC_STATUS') health.status(peer.backend, 503, undefined)
    else if (error.code === 'HTTP_STATUS') health.status(peer.backend, error.status, undefined)
    else health.failure(peer.backend, error.code)
  }

  /** Whether a failed attempt is followed by another. */
  private settleRetry(session: GatewaySession, error: ProxyError): void {
    const { guarded } = session.ctx
    // Decided when the response came.
    if (error.code === 'HTTP_STATUS' && error.retry && guarded !== undefined) return
    if (error.replaced) return
    const policy = upstreamOf(session)?.guard?.policy
    if (policy !== undefined) error.retry = policy.wants(error)
    if (!mayTryAgain(session)) error.retry = false
    if (guarded === undefined) return
    if (!session.replayable) error.retry = false
    guarded.decide(session, error)
    this.leave(session)
  }
}

const upstreamOf = ({ ctx }: GatewaySession): UpstreamTarget | undefined =>
  ctx.functionCall?.upstream ?? (ctx.chosen ?? ctx.plan)?.upstream

/** By `retries` and `retry_timeout`. */
function mayTryAgain(session: GatewaySession): boolean {
  const upstream = upstreamOf(session)
  if (upstream === undefined) return true
  if (session.attempts > upstream.retries) return false
  const { retryTimeoutMs } = upstream
  return retryTimeoutMs === 0 || performance.now() - session.startedAt <= retryTimeoutMs
}

/** Where it is written what is tried again, that goes for a node that failed once, too, when no other is left. */
const mayPickAgain = (session: GatewaySession): boolean =>
  session.attempts > 1 && upstreamOf(session)?.guard?.policy !== undefined

/** What was seen of the node that answered: its status, or that it broke off. */
function watched(session: GatewaySession, status: number, error: ProxyError | undefined): void {
  const health = upstreamOf(session)?.health
  const backend = session.peer?.backend
  if (health === undefined || backend === undefined) return
  if (error?.source === 'upstream' && error.code !== 'TUNNEL_ENDED') health.failure(backend, error.code)
  else health.status(backend, status, session.grpcStatus)
}

/** Nothing more is to be decided: a plugin answered, or the client left while one was waiting. */
const isSettled = (session: GatewaySession): boolean => session.responded || session.finishedAt !== 0

function setFields({ headers }: RequestHead, fields: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(fields)) {
    const value = fields[name]
    if (value === undefined) headers.delete(name)
    else headers.set(name, value)
  }
}

/** Who the caller is, the gateway says: a client must not be able to say it to an upstream. */
const IDENTITY = new ForgedFields(['x-consumer-username', 'x-consumer-custom-id', 'x-credential-identifier'])

const upstreamName = ({ ctx: { chosen, plan } }: GatewaySession): string =>
  (chosen ?? plan)?.upstream?.upstream.id ?? plan?.route.id ?? ''

/** WebSocket unless it is forbidden; other protocols (h2c would let a client past the gateway) only where it is said. */
function mayUpgrade(plan: Plan | undefined, request: RequestHead): boolean {
  const allowed = plan?.enableWebsocket
  return allowed ?? request.headers.get('upgrade')?.toLowerCase() === 'websocket'
}
