import { MAX_CLOCK_SKEW_MS, type Scope, type SharedTable } from './shared-table.ts'

/** Float64 cells a slot needs: excess in 1/1000 requests, time of the last request. */
export const LEAKY_BUCKET_CELLS = 2

const EXCESS = 0
const LAST = 1

/**
 * A rate with a burst (resty.limit.req, nginx's limit_req): requests above `rate` fill a bucket that leaks at `rate`; up to `burst`
 * they are to be delayed, beyond it they are refused. Unlike resty.limit.req, reading and writing are one step across threads.
 */
export class LeakyBucket {
  /** After `take`: how far the key is above its rate, in requests (multiples of 1/1000). */
  excess = 0

  readonly #table: SharedTable
  readonly #scope: Scope

  /** `scope` names what shares its buckets, in every thread the same: plugin and route, say. */
  constructor(table: SharedTable, scope: string) {
    this.#table = table
    this.#scope = table.scope(`leaky-bucket\0${scope}`)
  }

  /**
   * One request. Returns the seconds to delay it (0 = none), or -1 when it is refused.
   *
   * @param rate requests per second, above 0
   * @param burst requests, 0 or more
   * @param commit false only looks: the request is not recorded
   */
  take(key: string, rate: number, burst: number, nowMs: number, commit = true): number {
    const table = this.#table
    const cells = table.cells
    const slot = table.acquire(this.#scope, key, nowMs)
    const cell = slot * table.cellsPerSlot
    let excess = 0
    let lastMs = nowMs
    const elapsedMs = nowMs - cells[cell + LAST]
    if (!table.fresh && elapsedMs >= -MAX_CLOCK_SKEW_MS) {
      // `rate` requests a second are `rate` thousandths a millisecond. Another thread's clock may be a little ahead.
      if (elapsedMs < 0) lastMs = cells[cell + LAST]
      excess = Math.max(0, cells[cell + EXCESS] - rate * Math.max(0, elapsedMs) + 1_000)
    }
    const passes = excess <= burst * 1_000
    if (passes && commit) {
      cells[cell + EXCESS] = excess
      cells[cell + LAST] = lastMs
      // From then on the slot says what no slot says: the next request finds an excess of 0.
      table.expiresAtMs[slot] = lastMs + (excess + 1_000) / rate
    }
    table.release(slot)
    this.excess = excess / 1_000
    return passes ? this.excess / rate : -1
  }

  /** Takes back a request that `take` recorded and that was refused elsewhere. */
  undo(key: string, nowMs: number): void {
    const table = this.#table
    const slot = table.find(this.#scope, key, nowMs)
    if (slot < 0) return
    const cell = slot * table.cellsPerSlot + EXCESS
    table.cells[cell] = Math.max(0, table.cells[cell] - 1_000)
    table.release(slot)
  }
}
