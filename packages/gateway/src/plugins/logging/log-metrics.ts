import type { Counter, MetricDefinition, WorkerMetrics } from '../../observability/metrics/index.ts'

/**
 * What became of entries: `sent`; `dropped` (too many waited); `failed` (the sink did not take them in as many attempts as are configured);
 * `refused` (the sink says that it never will).
 */
export type LogOutcome = 'sent' | 'dropped' | 'failed' | 'refused'

const ENTRIES: MetricDefinition<'plugin' | 'outcome'> = {
  name: 'sekisho_plugin_log_entries_total',
  type: 'counter',
  help: 'Log entries of plugins by what became of them: sent, dropped (too many waited), failed (retries are used up), refused (by the sink, for good).',
  labels: ['plugin', 'outcome'],
}

/** Counts the entries of a logger, of all its places. */
export class LogCounts {
  private readonly counters = new Map<LogOutcome, Counter>()
  private readonly plugin: string
  private readonly metrics: WorkerMetrics | undefined

  /** @param metrics left out: nobody counts (a test of a plugin without a worker) */
  constructor(plugin: string, metrics: WorkerMetrics | undefined) {
    this.plugin = plugin
    this.metrics = metrics
  }

  add(outcome: LogOutcome, count: number): void {
    if (this.metrics === undefined || count === 0) return
    let counter = this.counters.get(outcome)
    if (counter === undefined) {
      counter = this.metrics.counter(ENTRIES, { plugin: this.plugin, outcome })
      this.counters.set(outcome, counter)
    }
    counter.add(count)
  }
}
