import {
  parseRetryAfter,
  ProxyError,
  type BalancingCounts,
  type Gate,
  type GateRefusal,
  type HedgePolicy,
  type RetryLimit,
  type ResponseHead,
} from '@sekisho/proxy'
import { METRICS, type Gauge, type WorkerMetrics } from '../observability/metrics/index.ts'
import type { NormalUpstream } from '../resources/normalise-upstream.ts'
import type { GatewaySession } from '../session.ts'
import { gateOf, hedgePolicyOf, retryLimitOf } from './gate-of.ts'
import { GuardedRequest } from './guarded-request.ts'
import { RetryPolicy } from './retry-policy.ts'

/** What all guards of a worker have in common. */
export interface GuardContext {
  readonly metrics: WorkerMetrics
  /** Where the counts of the upstream at this place are kept. */
  readonly countsOf: (place: string) => BalancingCounts
}

/**
 * What keeps an upstream and its clients apart when one of them is in trouble: retries, hedges, circuit breakers and the limit that adapts.
 * One for each target that has any of these.
 */
export class UpstreamGuard {
  readonly place: string
  readonly policy: RetryPolicy | undefined
  readonly gate: Gate | undefined
  readonly retryLimit: RetryLimit | undefined
  readonly hedge: HedgePolicy | undefined
  readonly maxPending: number
  private readonly retryAfter: string
  private readonly metrics: WorkerMetrics
  private readonly limitGauge: Gauge | undefined
  private shownLimit = -1

  /** undefined: the upstream has nothing of the kind, and pays nothing for it */
  static of(upstream: NormalUpstream, place: string, context: GuardContext): UpstreamGuard | undefined {
    const { retry, hedge, circuit_breakers: breakers, adaptive_concurrency: adaptive } = upstream
    if (retry === undefined && hedge === undefined && breakers === undefined && adaptive === undefined) return undefined
    return new UpstreamGuard(upstream, place, context)
  }

  constructor(upstream: NormalUpstream, place: string, { metrics, countsOf }: GuardContext) {
    const { circuit_breakers: breakers, adaptive_concurrency: adaptive } = upstream
    const counts = countsOf(place)
    this.place = place
    this.metrics = metrics
    this.policy = upstream.retry && new RetryPolicy(upstream.retry)
    this.gate = gateOf(upstream, counts)
    this.retryLimit = retryLimitOf(upstream, counts)
    this.hedge = upstream.hedge && hedgePolicyOf(upstream.hedge)
    this.maxPending = breakers?.max_pending_requests ?? 0
    this.retryAfter = String(breakers?.retry_after ?? adaptive?.retry_after ?? 1)
    this.limitGauge = adaptive && metrics.gauge(METRICS.concurrencyLimit, { upstream: place })
    this.showLimit()
  }

  /** The state of a request that goes to the upstream for the first time. */
  begin(session: GatewaySession): GuardedRequest {
    this.retryLimit?.started()
    const { policy } = this
    if (policy !== undefined) {
      if (policy.timeoutMs > 0) session.limitTime(policy.timeoutMs)
      if (policy.maxBodyBytes !== 65_536) session.limitReplay(policy.maxBodyBytes)
      if (policy.grpcStatuses !== undefined) session.retryOnStatus(policy.grpcStatuses)
    }
    return new GuardedRequest(this)
  }

  /** The answer to a request that found no place. */
  refused(reason: GateRefusal): ProxyError {
    this.metrics.counter(METRICS.circuitBreakerRefusals, { upstream: this.place, reason }).add(1)
    const { gate } = this
    const message = `${this.place} has reached its limit ${reason}: ${gate?.inFlight} requests in flight`
    const error = new ProxyError('OVERLOADED', 'upstream', 503, message)
    error.fields = { 'Retry-After': this.retryAfter }
    return error
  }

  /** Whether a failed attempt is followed by another; counts it, and says how long it waits. */
  admitRetry(session: GatewaySession, error: ProxyError): boolean {
    const refusal = this.retryLimit?.tryRetry()
    if (refusal !== undefined) {
      this.metrics.counter(METRICS.retriesRefused, { upstream: this.place, reason: refusal }).add(1)
      return false
    }
    this.metrics.counter(METRICS.upstreamRetries, { upstream: this.place, reason: error.code }).add(1)
    if (this.policy !== undefined && error.retryAfterMs === 0)
      error.retryAfterMs = this.policy.backOff.delayMs(session.attempts)
    return true
  }

  /** What the upstream asks to wait for, ms; 0: it says nothing; undefined: longer than is waited. */
  waitFor(response: ResponseHead): number | undefined {
    const text = response.headers.get('retry-after')
    const asked = text === undefined ? undefined : parseRetryAfter(text, Date.now())
    if (asked === undefined) return 0
    return asked > (this.policy?.maxRetryAfterMs ?? 0) ? undefined : asked
  }

  hedged(result: 'won' | 'lost'): void {
    this.metrics.counter(METRICS.upstreamHedges, { upstream: this.place, result }).add(1)
  }

  /** The limit that adapts may have changed. */
  showLimit(): void {
    const limit = this.gate?.gradient?.limit
    if (limit === undefined || limit === this.shownLimit) return
    this.shownLimit = limit
    this.limitGauge?.set(limit)
  }
}
