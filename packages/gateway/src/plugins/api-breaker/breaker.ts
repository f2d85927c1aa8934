import type { SharedTable } from '@sekisho/proxy'

export interface BreakerLimits {
  /** Failures that open it, and as many more that keep it open longer. */
  readonly failures: number
  /** Successes in a row that close it. */
  readonly successes: number
  readonly maxOpenMs: number
}

/** What a slot keeps. */
const FAILURES = 0
const SUCCESSES = 1
/** When it opened last, in ms; 0 = it has not. */
const OPENED = 2

/** What fails is remembered for so long behind the time that it is open. */
const MEMORY_MS = 300_000

/** Circuit breakers by key, in the table that all workers share. A key that never failed takes no room. */
export class Breaker {
  private readonly table: SharedTable
  private readonly scope: ReturnType<SharedTable['scope']>
  private readonly limits: BreakerLimits

  constructor(table: SharedTable, scope: string, limits: BreakerLimits) {
    this.table = table
    this.scope = table.scope(`api-breaker\0${scope}\0${JSON.stringify(limits)}`)
    this.limits = limits
  }

  isOpen(key: string, now: number): boolean {
    const { table } = this
    const slot = table.acquire(this.scope, key, now)
    const cell = slot * table.cellsPerSlot
    const opened = table.fresh ? 0 : table.cells[cell + OPENED]
    const open = opened !== 0 && now < opened + this.openMs(table.cells[cell + FAILURES])
    table.release(slot)
    return open
  }

  failed(key: string, now: number): void {
    const { table, limits } = this
    const slot = table.acquire(this.scope, key, now)
    const { cells } = table
    const cell = slot * table.cellsPerSlot
    if (table.fresh) cells.fill(0, cell, cell + table.cellsPerSlot)
    const failures = ++cells[cell + FAILURES]
    cells[cell + SUCCESSES] = 0
    if (failures % limits.failures === 0) cells[cell + OPENED] = now
    table.expiresAtMs[slot] = now + limits.maxOpenMs + MEMORY_MS
    table.release(slot)
  }

  succeeded(key: string, now: number): void {
    const { table, limits } = this
    const slot = table.acquire(this.scope, key, now)
    const { cells } = table
    const cell = slot * table.cellsPerSlot
    if (!table.fresh && cells[cell + FAILURES] > 0 && ++cells[cell + SUCCESSES] >= limits.successes) {
      cells.fill(0, cell, cell + table.cellsPerSlot)
      table.expiresAtMs[slot] = 0
    }
    table.release(slot)
  }

  /** 2 s after the first `failures`, 4 s after the second, and so on. */
  private openMs(failures: number): number {
    const times = Math.max(1, Math.ceil(failures / this.limits.failures))
    return Math.min(2 ** times * 1_000, this.limits.maxOpenMs)
  }
}
