import { MAX_CLOCK_SKEW_MS, type Scope, type SharedTable } from './shared-table.ts'

/** Float64 cells a slot needs: start of the current window, count in it, count in the one before. */
export const SLIDING_WINDOW_CELLS = 3

const START = 0
const CURRENT = 1
const PREVIOUS = 2

/**
 * At most about `limit` in any window's length of time, as APISIX estimates it: windows are aligned to the clock, and the count of
 * the previous one weighs as much as its part that the sliding window still covers:
 *
 * ```
 *   |------ previous: 40 ------|------ current: 10 ------|      limit 50, 30% into the current window:
 *              [ sliding window ......... now ]                 0.7 x 40 + 10 = 38, so 12 are left
 * ```
 *
 * A request passes while the estimate before it is below the limit. Two counters instead of a time stamp per request: the error is that
 * the previous window is taken to have been evenly spread.
 */
export class SlidingWindow {
  /** After `take`: milliseconds until the current window ends, or, when refused, until the same cost would pass. */
  resetMs = 0

  readonly #table: SharedTable
  readonly #scope: Scope

  /** `scope` names what shares its counters, in every thread the same: plugin and route, say. */
  constructor(table: SharedTable, scope: string) {
    this.#table = table
    this.#scope = table.scope(`sliding-window\0${scope}`)
  }

  /** Takes `cost` of `limit`. Returns what remains by the estimate, rounded down, or -1 when it does not fit. A cost of 0 only looks. */
  take(key: string, cost: number, limit: number, windowMs: number, nowMs: number): number {
    const table = this.#table
    const cells = table.cells
    const slot = table.acquire(this.#scope, key, nowMs)
    const cell = slot * table.cellsPerSlot
    let startMs = nowMs - (nowMs % windowMs)
    let current = 0
    let previous = 0
    if (!table.fresh) {
      const aheadMs = startMs - cells[cell + START]
      if (aheadMs <= 0 && aheadMs >= -windowMs - MAX_CLOCK_SKEW_MS) {
        // Another thread's clock may already be in the next window: its window is ours too.
        startMs = cells[cell + START]
        current = cells[cell + CURRENT]
        previous = cells[cell + PREVIOUS]
      } else if (aheadMs > 0 && aheadMs <= windowMs) {
        previous = cells[cell + CURRENT]
      }
    }
    const leftMs = Math.min(startMs + windowMs - nowMs, windowMs)
    // A limit that was lowered meanwhile must not punish for what the old one allowed.
    const weighed = (Math.min(previous, limit) * leftMs) / windowMs
    // Rounding down is what makes this the same as "estimate < limit" for a cost of 1.
    const passes = Math.floor(weighed) + current + cost <= limit
    if (passes && cost > 0) {
      cells[cell + PREVIOUS] = previous
      cells[cell + CURRENT] = current + cost
      cells[cell + START] = startMs
      table.expiresAtMs[slot] = startMs + 2 * windowMs
    }
    table.release(slot)
    this.resetMs = leftMs
    if (passes) return Math.max(0, Math.floor(limit - weighed - current - cost))
    const room = limit - current - cost + 1
    // Passes when the previous window has faded to less than `room`; never in this window when there is none.
    if (room > 0 && previous > 0) this.resetMs = Math.max(0, leftMs - (room * windowMs) / Math.min(previous, limit))
    return -1
  }
}
