import type { FailureKind, HealthBoardData, OutlierReason } from '@sekisho/proxy/health'

/** What a worker saw, to be decided or told by the control thread. One message for each change, not for each failure. */
export interface HealthReport {
  readonly type: 'health'
  /** Where the upstream is written: `upstreams/1`, `routes/1`. */
  readonly place: string
  /** By `nodeKey`. */
  readonly node: string
  readonly event:
    | { readonly change: 'up' }
    | { readonly change: 'down'; readonly kind: FailureKind }
    | { readonly change: 'outlier'; readonly reason: OutlierReason }
  /** For people: the last status, or the last error. */
  readonly evidence: string
}

/** To all workers. What is known lies in memory that they share; the second says no more than that they should look again. */
export type HealthMessage =
  | { readonly type: 'health-board'; readonly place: string; readonly board: HealthBoardData | undefined }
  | { readonly type: 'health-changed'; readonly place: string }
