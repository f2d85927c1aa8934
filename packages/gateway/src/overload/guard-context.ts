import { NamedCounts, type BalancingCounts, type SharedCounts } from '@sekisho/proxy'
import type { WorkerMetrics } from '../observability/metrics/index.ts'
import type { GuardContext } from './upstream-guard.ts'

/** What the guards of one worker share. Counts are those of all workers, where there is more than one. */
export function guardContext(metrics: WorkerMetrics, counts: SharedCounts | undefined): GuardContext {
  if (counts !== undefined) return { metrics, countsOf: (place) => counts.of(place) }
  // Routes with time limits of their own have targets of their own, and the same limits.
  const own = new Map<string, BalancingCounts>()
  return {
    metrics,
    countsOf: (place) => {
      let known = own.get(place)
      if (known === undefined) own.set(place, (known = new NamedCounts()))
      return known
    },
  }
}
