import { Gate, GradientLimit, HedgePolicy, RetryLimit, type BalancingCounts } from '@sekisho/proxy'
import type { NormalUpstream } from '../resources/normalise-upstream.ts'
import type { AdaptiveConcurrency, Hedge } from '../resources/overload.ts'

/** The gate of an upstream; undefined when nothing limits what goes there. */
export function gateOf(upstream: NormalUpstream, counts: BalancingCounts): Gate | undefined {
  const { circuit_breakers: breakers, adaptive_concurrency: adaptive } = upstream
  const limited = breakers?.max_connections !== undefined || breakers?.max_requests !== undefined
  if (!limited && adaptive === undefined) return undefined
  return new Gate({
    maxConnections: breakers?.max_connections,
    maxRequests: breakers?.max_requests,
    maxPendingRequests: breakers?.max_pending_requests,
    pendingTimeoutMs: (breakers?.pending_timeout ?? 1) * 1_000,
    gradient: adaptive && gradientOf(adaptive),
    counts,
  })
}

/** What limits its retries; undefined when nothing does. */
export function retryLimitOf(upstream: NormalUpstream, counts: BalancingCounts): RetryLimit | undefined {
  const maxRetries = upstream.circuit_breakers?.max_retries
  const budget = upstream.retry?.budget
  if (maxRetries === undefined && budget === undefined) return undefined
  const { budget_percent: percent = 20, min_retry_concurrency: minConcurrency = 3 } = budget ?? {}
  return new RetryLimit({ maxRetries, budget: budget && { percent, minConcurrency } }, counts)
}

export function hedgePolicyOf({ after, max = 1, budget_percent: budgetPercent = 10 }: Hedge): HedgePolicy {
  const wait = typeof after === 'number' ? after * 1_000 : { percentile: Number(after.slice(1)) }
  return new HedgePolicy({ after: wait, max, budgetPercent })
}

function gradientOf(settings: AdaptiveConcurrency): GradientLimit {
  const { concurrency_update_interval: update = 0.1, min_rtt_interval: measure = 60 } = settings
  return new GradientLimit({
    percentile: settings.sample_aggregate_percentile ?? 50,
    maxConcurrency: settings.max_concurrency_limit ?? 1_000,
    minConcurrency: settings.min_concurrency ?? 3,
    updateIntervalMs: update * 1_000,
    minRttIntervalMs: measure * 1_000,
    minRttRequests: settings.min_rtt_request_count ?? 50,
    jitterPercent: settings.jitter ?? 15,
    bufferPercent: settings.buffer ?? 25,
  })
}
