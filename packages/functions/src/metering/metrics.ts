import type { FunctionMetrics } from './function-metrics.ts'
import type { Histogram } from './histogram.ts'
import { estimateCost, type Prices } from './prices.ts'

/** One function as it is now. */
export interface FunctionReading {
  readonly metrics: FunctionMetrics
  /** Invocations under way. */
  readonly concurrency: number
  /** Environments by what they do. */
  readonly starting: number
  readonly busy: number
  readonly idle: number
}

type Series = readonly [labels: string, value: number]

/** All of it in the Prometheus text format 0.0.4. Durations are in seconds, as is the custom there. */
export function renderMetrics(readings: readonly FunctionReading[], prices: Prices): string {
  const lines: string[] = []

  const family = (
    name: string,
    type: string,
    help: string,
    series: (reading: FunctionReading) => readonly Series[],
  ) => {
    const all = readings.flatMap((reading) => series(reading))
    if (all.length === 0) return
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const [labels, value] of all) lines.push(`${name}{${labels}} ${value}`)
  }

  const counter = (name: string, help: string, value: (metrics: FunctionMetrics) => number) =>
    family(name, 'counter', help, ({ metrics }) => [[label(metrics), value(metrics)]])

  counter('sekisho_function_invocations_total', 'Invocations that ran.', (metrics) => metrics.invocations)
  counter('sekisho_function_errors_total', 'Invocations that ended in a function error.', (metrics) => metrics.errors)
  counter('sekisho_function_timeouts_total', 'Invocations that took too long.', (metrics) => metrics.timeouts)
  counter(
    'sekisho_function_out_of_memory_total',
    'Invocations that took more memory than they may.',
    (metrics) => metrics.outOfMemory,
  )
  family('sekisho_function_throttles_total', 'counter', 'Invocations refused, by reason.', ({ metrics }) =>
    [...metrics.throttles].map(([reason, count]) => [`${label(metrics)},reason="${reason}"`, count] as const),
  )
  counter('sekisho_function_cold_starts_total', 'Environments that were started.', (metrics) => metrics.coldStarts)
  counter('sekisho_function_init_failures_total', 'Inits that failed.', (metrics) => metrics.initFailures)
  counter('sekisho_function_billed_seconds_total', 'Billed duration.', (metrics) => metrics.billedMs / 1000)
  counter('sekisho_function_estimated_cost_total', `Estimated cost in ${prices.currency}.`, (metrics) =>
    estimateCost(prices, metrics.invocations, metrics.billedMbMs),
  )
  histograms(lines, 'sekisho_function_duration_seconds', 'Duration of invocations.', readings, (of) => of.duration)
  histograms(lines, 'sekisho_function_init_duration_seconds', 'Duration of inits.', readings, (of) => of.init)
  family('sekisho_function_concurrent_executions', 'gauge', 'Invocations under way.', (reading) => [
    [label(reading.metrics), reading.concurrency],
  ])
  family('sekisho_function_environments', 'gauge', 'Environments by state.', (reading) => {
    const name = label(reading.metrics)
    return [
      [`${name},state="starting"`, reading.starting],
      [`${name},state="busy"`, reading.busy],
      [`${name},state="idle"`, reading.idle],
    ]
  })
  family('sekisho_function_max_memory_bytes', 'gauge', 'The most an environment has held.', ({ metrics }) => [
    [label(metrics), metrics.maxMemoryMb * 1024 * 1024],
  ])
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

// Names of functions and reasons have letters, digits, - and _ only: nothing to escape.
const label = (metrics: FunctionMetrics): string => `function="${metrics.name}"`

function histograms(
  lines: string[],
  name: string,
  help: string,
  readings: readonly FunctionReading[],
  of: (metrics: FunctionMetrics) => Histogram,
): void {
  if (readings.length === 0) return
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`)
  for (const { metrics } of readings) {
    const histogram = of(metrics)
    const labels = label(metrics)
    let total = 0
    histogram.bounds.forEach((bound, i) => {
      total += histogram.counts[i]!
      lines.push(`${name}_bucket{${labels},le="${bound / 1000}"} ${total}`)
    })
    lines.push(
      `${name}_bucket{${labels},le="+Inf"} ${histogram.count}`,
      `${name}_sum{${labels}} ${histogram.sum / 1000}`,
      `${name}_count{${labels}} ${histogram.count}`,
    )
  }
}
