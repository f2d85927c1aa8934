/** Limits that hold across worker threads: counters in shared memory, exact, some tens of nanoseconds each. */
// Counts of balancers, which a control thread needs without the rest of balancing.
export { DEFAULT_COUNTS, SharedCounts } from '../balancing/shared-counts.ts'
export { Concurrency, forgetWorker, IN_FLIGHT_TTL_MS } from './concurrency.ts'
export { FIXED_WINDOW_CELLS, FixedWindow } from './fixed-window.ts'
export { LEAKY_BUCKET_CELLS, LeakyBucket } from './leaky-bucket.ts'
export {
  BUCKET_SLOTS,
  CONTROL_INDEX,
  DEFAULT_SLOTS,
  LOCK_TAKEOVER_MS,
  MAX_CLOCK_SKEW_MS,
  MAX_SLOTS,
  type Scope,
  SharedTable,
  type SharedTableOptions,
} from './shared-table.ts'
export { SLIDING_WINDOW_CELLS, SlidingWindow } from './sliding-window.ts'
