import type { Backoff } from './event-lane.ts'
import { AWS_RETRY_DELAYS, type RetryDelays } from './verdict.ts'

export interface QueueSettings {
  /** Of one function or alias: who sends more is told 429. */
  readonly maxEvents: number
  /** Of their payloads, which are in memory. */
  readonly maxBytes: number
  /** Payloads of all functions together. */
  readonly maxTotalBytes: number
  /** Events of one function or alias that run at the same time. */
  readonly maxRunning: number
  readonly retryDelays: RetryDelays
  /** Between tries that were refused: throttled, the platform's own trouble. */
  readonly refusalBackoff: Backoff
  /** Between deliveries to a target that did not take them. */
  readonly deliveryBackoff: Backoff
  /** About 6 hours: 9 tries until the steps are 5 min long, and 71 of those. */
  readonly maxDeliveryAttempts: number
  /** Destinations that lead from one function to the next. AWS ends such loops after 16. */
  readonly maxHops: number
}

export const DEFAULT_QUEUE_SETTINGS: QueueSettings = {
  maxEvents: 100_000,
  maxBytes: 128 * 1024 * 1024,
  maxTotalBytes: 512 * 1024 * 1024,
  maxRunning: 100,
  retryDelays: AWS_RETRY_DELAYS,
  refusalBackoff: { minMs: 1_000, maxMs: 300_000 },
  deliveryBackoff: { minMs: 1_000, maxMs: 300_000 },
  maxDeliveryAttempts: 80,
  maxHops: 16,
}
