import type { StreamPlan } from '@sekisho/proxy'
import { METRICS, type Counter, type WorkerMetrics } from '../observability/metrics/index.ts'
import type { MountedPlugin } from '../plan/mounted-plugin.ts'
import type { NormalStreamRoute } from '../resources/normalise-stream-route.ts'
import type { UpstreamTarget } from '../upstreams/upstream-target.ts'
import { streamVariable, type StreamVariable } from './stream-variables.ts'

/** nginx's `proxy_timeout`; for datagrams what is usual for DNS and games, and for address translators (RFC 4787: two minutes, many have one). */
const IDLE_SECONDS = { tcp: 600, udp: 60 }

/** A stream route made ready. */
export interface StreamRoutePlan {
  readonly route: NormalStreamRoute
  readonly target: UpstreamTarget | undefined
  /** Why there is no target. */
  readonly missing: string | undefined
  readonly tcp: StreamPlan
  readonly udp: StreamPlan
  /** In the order in which they run. */
  readonly plugins: readonly MountedPlugin[]
  /** What consistent hash goes by. */
  readonly key: StreamVariable | undefined
  readonly sessions: Counter
  readonly ingress: Counter
  readonly egress: Counter
}

export function streamRoutePlan(
  route: NormalStreamRoute,
  target: UpstreamTarget | undefined,
  missing: string | undefined,
  mounted: readonly MountedPlugin[],
  metrics: WorkerMetrics,
): StreamRoutePlan {
  const plan = (transport: 'tcp' | 'udp'): StreamPlan => ({
    idleTimeoutMs: (route.idle_timeout ?? target?.upstream.timeout?.read ?? IDLE_SECONDS[transport]) * 1_000,
    retries: target?.retries ?? 0,
    retryTimeoutMs: target?.retryTimeoutMs ?? 0,
    proxyProtocol: route.proxy_protocol,
    responses: route.responses,
  })
  return {
    route,
    target,
    missing,
    tcp: plan('tcp'),
    udp: plan('udp'),
    plugins: mounted.filter(({ hooks }) => hooks.stream !== undefined).sort((a, b) => b.priority - a.priority),
    key: target?.upstream.type === 'chash' ? streamVariable(target.upstream.key ?? 'remote_addr') : undefined,
    sessions: metrics.counter(METRICS.streamSessions, { stream_route: route.id }),
    ingress: metrics.counter(METRICS.streamBytes, { stream_route: route.id, type: 'ingress' }),
    egress: metrics.counter(METRICS.streamBytes, { stream_route: route.id, type: 'egress' }),
  }
}
