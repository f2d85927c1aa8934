import type { MetricDefinition } from './definitions.ts'
import type { Counter } from './series.ts'
import type { WorkerMetrics } from './worker-metrics.ts'

/** What something of a plugin comes to, counted by outcome, of all its places. A counter is made with its first count. */
export class OutcomeCounts<Outcome extends string> {
  private readonly counters = new Map<Outcome, Counter>()
  private readonly definition: MetricDefinition<'plugin' | 'outcome'>
  private readonly plugin: string
  private readonly metrics: WorkerMetrics | undefined

  /** @param metrics left out: nobody counts (a test of a plugin without a worker) */
  constructor(definition: MetricDefinition<'plugin' | 'outcome'>, plugin: string, metrics: WorkerMetrics | undefined) {
    this.definition = definition
    this.plugin = plugin
    this.metrics = metrics
  }

  add(outcome: Outcome, count = 1): void {
    if (this.metrics === undefined || count === 0) return
    let counter = this.counters.get(outcome)
    if (counter === undefined) {
      counter = this.metrics.counter(this.definition, { plugin: this.plugin, outcome })
      this.counters.set(outcome, counter)
    }
    counter.add(count)
  }
}
