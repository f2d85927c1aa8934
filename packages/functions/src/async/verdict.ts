import type { EventInvokeConfig } from '../catalog/function-catalog.ts'
import type { QueuedEvent } from './queued-event.ts'

/** How it ended, as destination records say it. */
export type Condition = 'Success' | 'RetriesExhausted' | 'EventAgeExceeded' | 'ZeroReservedConcurrency'

/** After the first error of a function, after the second. AWS: 1 min, 2 min. */
export type RetryDelays = readonly [firstMs: number, secondMs: number]

export const AWS_RETRY_DELAYS: RetryDelays = [60_000, 120_000]

/** The function failed: undefined is once more, at `retryAt`. */
export function afterError(
  event: QueuedEvent,
  { maximumRetryAttempts, maximumEventAge }: EventInvokeConfig,
  now: number,
  delays: RetryDelays,
): Condition | { readonly retryAt: number } {
  const failures = event.attempts + 1
  if (failures > maximumRetryAttempts) return 'RetriesExhausted'
  const retryAt = now + delays[Math.min(failures, delays.length) - 1]!
  // It would be too old by then: nobody is served by waiting for that.
  return retryAt - event.enqueuedAt > maximumEventAge * 1_000 ? 'EventAgeExceeded' : { retryAt }
}

export const isTooOld = (event: QueuedEvent, { maximumEventAge }: EventInvokeConfig, now: number): boolean =>
  now - event.enqueuedAt > maximumEventAge * 1_000
