import { type MetricDefinition, OutcomeCounts, type WorkerMetrics } from '../observability/metrics/index.ts'

/** How a call ended: `ok` is an answer that the plugin could use. */
export type CallOutcome = 'ok' | 'timeout' | 'unreachable' | 'too-large' | 'busy' | 'refused'

const CALLS: MetricDefinition<'plugin' | 'outcome'> = {
  name: 'sekisho_plugin_calls_total',
  type: 'counter',
  help: 'Calls of plugins to services of their own (identity providers, policy servers, log sinks, Redis), by how they ended.',
  labels: ['plugin', 'outcome'],
}

/** Counts the calls of a plugin. */
export class CallCounts extends OutcomeCounts<CallOutcome> {
  /** @param metrics left out: nobody counts */
  constructor(plugin: string, metrics: WorkerMetrics | undefined) {
    super(CALLS, plugin, metrics)
  }
}
