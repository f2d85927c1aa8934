import { LogThrottle, type Peer, type ProxyError, type StreamPhases, type StreamPlan } from '@sekisho/proxy'
import type { UpstreamStatus } from '../gateway/upstream-status.ts'
import { METRICS, type Counter, type Gauge, type WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginLogger } from '../plugins/context.ts'
import { StreamContext, type GatewayStreamSession } from './stream-context.ts'
import type { SslTable } from '../tls/ssl-table.ts'
import { verifyStreamClient } from '../tls/verify-client.ts'
import type { StreamTable } from './stream-table.ts'

export interface GatewayStreamsOptions {
  readonly table: StreamTable
  readonly ssls: SslTable
  readonly status: UpstreamStatus
  readonly metrics: WorkerMetrics
  readonly logger: PluginLogger
}

/** The gateway's part in sessions below HTTP: match a stream route, ask its plugins, pick a node. */
export class GatewayStreams implements StreamPhases<StreamContext> {
  private readonly options: GatewayStreamsOptions
  private readonly throttle = new LogThrottle()
  private readonly gauge: Gauge
  private readonly unrouted: Counter
  private openCount = 0

  constructor(options: GatewayStreamsOptions) {
    this.options = options
    this.gauge = options.metrics.gauge(METRICS.streamOpen, {})
    this.unrouted = options.metrics.counter(METRICS.streamUnrouted, {})
  }

  newContext(): StreamContext {
    return new StreamContext()
  }

  passesTls(session: GatewayStreamSession): boolean {
    return this.options.table.match(session)?.route.passthrough === true
  }

  open(session: GatewayStreamSession): StreamPlan | undefined {
    const { ctx } = session
    const plan = this.options.table.match(session)
    this.gauge.set(++this.openCount)
    if (plan?.target === undefined) {
      this.unrouted.add(1)
      this.tell(session, plan === undefined ? 'no stream route matches' : (plan.missing ?? 'there is no upstream'))
      return undefined
    }
    ctx.plan = plan
    plan.sessions.add(1)
    const { tls } = session.client
    const { ssls } = this.options
    const wrong = tls === undefined || ssls.verifying === 0 ? undefined : verifyStreamClient(ssls, tls)
    if (wrong !== undefined) {
      this.tell(session, wrong)
      return undefined
    }
    for (const { hooks, name } of plan.plugins) {
      if (hooks.stream?.(session) === false) {
        this.tell(session, `${name} refused it`)
        return undefined
      }
      ctx.entered++
    }
    return session.transport === 'udp' ? plan.udp : plan.tcp
  }

  upstreamPeer(session: GatewayStreamSession): Peer | undefined {
    const { plan } = session.ctx
    const target = plan?.target
    if (target === undefined) return undefined
    this.leave(session)
    const key = plan?.key?.(session) ?? session.client.remoteAddress
    const peer = target.pickBy(key, session.tried)
    if (peer?.backend !== undefined && target.counts) {
      target.started(peer.backend)
      session.ctx.countedBackend = peer.backend
    }
    return peer
  }

  connectedToUpstream(session: GatewayStreamSession, peer: Peer): void {
    this.options.status.set(peer, upstreamName(session), true)
    if (peer.backend !== undefined) session.ctx.plan?.target?.health?.connected(peer.backend)
  }

  failToConnect(session: GatewayStreamSession, peer: Peer, error: ProxyError): void {
    this.options.status.set(peer, upstreamName(session), false)
    if (peer.backend !== undefined) session.ctx.plan?.target?.health?.failure(peer.backend, error.code)
  }

  /** Failures of upstreams: one line a second for each node and kind of failure. */
  suppressErrorLog(session: GatewayStreamSession, error: ProxyError): boolean {
    return error.source === 'upstream' && this.throttle.holds(`${error.code} ${session.peer?.name} ${error.retry}`)
  }

  logging(session: GatewayStreamSession): void {
    const { plan, entered } = session.ctx
    this.gauge.set(--this.openCount)
    this.leave(session)
    if (plan === undefined) return
    for (const { hooks } of plan.plugins.slice(0, entered)) hooks.streamEnd?.(session)
    plan.ingress.add(session.bytesReceived)
    plan.egress.add(session.bytesSent)
  }

  /** One line a second for each port and reason: who scans ports must not fill the log. */
  private tell({ client, transport, serverName }: GatewayStreamSession, reason: string): void {
    if (this.throttle.holds(`${transport} ${client.localPort} ${reason}`)) return
    const fields = {
      transport,
      client: client.remoteAddress,
      server_port: client.localPort,
      ...(serverName === '' ? {} : { sni: serverName }),
    }
    this.options.logger.warn(fields, `a ${transport} session was closed: ${reason}`)
  }

  /** The attempt on a counted node, or the session there, is over. */
  private leave(session: GatewayStreamSession): void {
    const { ctx, connectedAt, attemptedAt } = session
    const backend = ctx.countedBackend
    if (backend === undefined) return
    ctx.countedBackend = undefined
    ctx.plan?.target?.finished(backend, connectedAt > 0 ? connectedAt - attemptedAt : -1)
  }
}

const upstreamName = ({ ctx: { plan } }: GatewayStreamSession): string =>
  plan?.target?.upstream.id ?? plan?.route.id ?? ''
