import { MAX_CLOCK_SKEW_MS, type Scope, type SharedTable } from './shared-table.ts'

/** Float64 cells a slot needs: what was taken in this window. */
export const FIXED_WINDOW_CELLS = 1

/**
 * At most `limit` in a window that the first request of a key opens (resty.limit.count). Exact across threads: of any number of
 * concurrent takes of cost 1, exactly `limit` succeed. A take that is refused counts nothing, so that a dear request which does
 * not fit leaves the rest to cheap ones (resty.limit.count would let it use up the rest; with cost 1 there is no difference).
 */
export class FixedWindow {
  /** After `take`: milliseconds until the window ends. */
  resetMs = 0

  readonly #table: SharedTable
  readonly #scope: Scope

  /** `scope` names what shares its counters, in every thread the same: plugin and route, say. */
  constructor(table: SharedTable, scope: string) {
    this.#table = table
    this.#scope = table.scope(`fixed-window\0${scope}`)
  }

  /**
   * Takes `cost` of `limit`. Returns what remains in the window, or -1 when it does not fit.
   * A cost of 0 only looks, and opens no window.
   */
  take(key: string, cost: number, limit: number, windowMs: number, nowMs: number): number {
    const table = this.#table
    const slot = table.acquire(this.#scope, key, nowMs)
    const cell = slot * table.cellsPerSlot
    let used = 0
    let endMs = table.expiresAtMs[slot]
    // A window that ends too far ahead was opened before the clock was set back, or under a longer setting.
    const isNew = table.fresh || endMs - nowMs > windowMs + MAX_CLOCK_SKEW_MS
    if (isNew) endMs = nowMs + windowMs
    else used = table.cells[cell]
    let remaining = limit - used - cost
    if (remaining < 0) remaining = -1
    else if (cost > 0) {
      table.cells[cell] = used + cost
      if (isNew) table.expiresAtMs[slot] = endMs
    }
    table.release(slot)
    this.resetMs = endMs - nowMs
    return remaining
  }
}
