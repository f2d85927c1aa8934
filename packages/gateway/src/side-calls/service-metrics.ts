import type { Counter, MetricDefinition, WorkerMetrics } from '../observability/metrics/index.ts'

/** How a call ended: `ok` is an answer that the plugin could use. */
export type CallOutcome = 'ok' | 'timeout' | 'unreachable' | 'too-large' | 'busy' | 'refused'

const CALLS: MetricDefinition<'plugin' | 'outcome'> = {
  name: 'sekisho_plugin_calls_total',
  type: 'counter',
  help: 'Calls of plugins to services of their own (identity providers, policy servers, log sinks, Redis), by how they ended.',
  labels: ['plugin', 'outcome'],
}

/** Counts the calls of a plugin, of all its places. */
export class CallCounts {
  private readonly counters = new Map<CallOutcome, Counter>()
  private readonly plugin: string
  private readonly metrics: WorkerMetrics | undefined

  /** @param metrics left out: nobody counts (a test of a plugin without a worker) */
  constructor(plugin: string, metrics: WorkerMetrics | undefined) {
    this.plugin = plugin
    this.metrics = metrics
  }

  add(outcome: CallOutcome, count = 1): void {
    if (this.metrics === undefined) return
    let counter = this.counters.get(outcome)
    if (counter === undefined) {
      counter = this.metrics.counter(CALLS, { plugin: this.plugin, outcome })
      this.counters.set(outcome, counter)
    }
    counter.add(count)
  }
}
