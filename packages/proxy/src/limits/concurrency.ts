import type { Scope, SharedTable } from './shared-table.ts'

/**
 * A key that nobody entered for this long is forgotten, though requests may still be in flight: an hour, as APISIX's `key_ttl`.
 * Every `enter` starts it anew.
 */
export const IN_FLIGHT_TTL_MS = 3_600_000

/**
 * At most `conn` requests in flight at once, `burst` more with a delay (resty.limit.conn). Exact across threads. Each worker counts in a
 * cell of its own, so that what a crashed worker had in flight can be given back: the table needs a cell for each worker.
 */
export class Concurrency {
  /** After `enter`: requests of the key in flight, this one included; after a refused one, without it. */
  inFlight = 0
  /**
   * Seconds that a request above `conn` waits for each `conn` in front of it. Starts as the default delay and follows the latencies given
   * to `leave`, as in resty.limit.conn: (latency + unit) / 2. It belongs to the thread.
   */
  unitDelay = -1

  readonly #table: SharedTable
  readonly #scope: Scope
  readonly #workerIndex: number

  /**
   * @param table made with as many cells as there are workers
   * @param scope names what shares its counters, in every thread the same: plugin and route, say
   */
  constructor(table: SharedTable, scope: string, workerIndex: number) {
    if (workerIndex < 0 || workerIndex >= table.cellsPerSlot) {
      throw new RangeError(
        `the table has cells for ${table.cellsPerSlot} workers; there is none for worker ${workerIndex}`,
      )
    }
    this.#table = table
    this.#scope = table.scope(`concurrency\0${scope}`)
    this.#workerIndex = workerIndex
  }

  /** Returns the seconds to delay the request (0 = none), or -1 when it is refused. Every one not refused must `leave`. */
  enter(key: string, conn: number, burst: number, defaultDelay: number, nowMs: number): number {
    const table = this.#table
    if (this.unitDelay < 0) this.unitDelay = defaultDelay
    const slot = table.acquire(this.#scope, key, nowMs)
    const total = sum(table, slot) + 1
    if (total > conn + burst) {
      table.release(slot)
      this.inFlight = total - 1
      return -1
    }
    table.cells[slot * table.cellsPerSlot + this.#workerIndex]++
    table.expiresAtMs[slot] = nowMs + IN_FLIGHT_TTL_MS
    table.release(slot)
    this.inFlight = total
    return total > conn ? this.unitDelay * Math.floor((total - 1) / conn) : 0
  }

  /** A request that entered has ended. `latency` in seconds lets the unit delay follow it; left out, the delay stays. */
  leave(key: string, nowMs: number, latency?: number): void {
    const table = this.#table
    if (latency !== undefined && this.unitDelay >= 0) this.unitDelay = (latency + this.unitDelay) / 2
    const slot = table.find(this.#scope, key, nowMs)
    if (slot < 0) return
    const cell = slot * table.cellsPerSlot + this.#workerIndex
    // Not below 0: the slot may have been evicted and claimed again since the request entered.
    if (table.cells[cell] > 0) table.cells[cell]--
    if (sum(table, slot) === 0) table.expiresAtMs[slot] = 0
    table.release(slot)
  }
}

/**
 * Gives back what a worker that has exited had in flight, for all limiters of the table, and returns how many requests those were.
 * After `table.releaseLocksOf(workerIndex)`, before a new worker starts at the same index.
 */
export function forgetWorker(table: SharedTable, workerIndex: number): number {
  let forgotten = 0
  table.forEachSlot((slot) => {
    const cell = slot * table.cellsPerSlot + workerIndex
    if (table.cells[cell] === 0) return
    forgotten += table.cells[cell]
    table.cells[cell] = 0
    if (sum(table, slot) === 0) table.expiresAtMs[slot] = 0
  })
  return forgotten
}

function sum(table: SharedTable, slot: number): number {
  let total = 0
  const end = (slot + 1) * table.cellsPerSlot
  for (let cell = slot * table.cellsPerSlot; cell < end; cell++) total += table.cells[cell]
  return total
}
