import { FunctionMetrics } from '../metering/function-metrics.ts'
import { BurstLimit } from './burst-limit.ts'
import { type AccountConcurrency, FunctionConcurrency } from './concurrency.ts'
import type { EngineSettings } from './engine-settings.ts'
import type { FunctionPool } from './function-pool.ts'

/** All versions and revisions of one function: what they share. */
export class FunctionGroup {
  readonly name: string
  readonly concurrency: FunctionConcurrency
  readonly metrics: FunctionMetrics
  readonly burst: BurstLimit | undefined
  /** By version and revision. */
  readonly pools = new Map<string, FunctionPool>()

  /** The function is no more; this goes with its last environment. */
  deleted = false

  constructor(name: string, account: AccountConcurrency, settings: EngineSettings) {
    this.name = name
    this.concurrency = new FunctionConcurrency(account)
    this.metrics = new FunctionMetrics(name)
    this.burst = settings.burst === undefined ? undefined : new BurstLimit(settings.burst)
  }

  count(phase: number): number {
    let count = 0
    for (const pool of this.pools.values()) count += pool.counts[phase]!
    return count
  }
}
