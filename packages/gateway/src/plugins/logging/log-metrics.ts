import { type MetricDefinition, OutcomeCounts, type WorkerMetrics } from '../../observability/metrics/index.ts'

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

/** Counts the entries of a logger. */
export class LogCounts extends OutcomeCounts<LogOutcome> {
  /** @param metrics left out: nobody counts */
  constructor(plugin: string, metrics: WorkerMetrics | undefined) {
    super(ENTRIES, plugin, metrics)
  }
}
