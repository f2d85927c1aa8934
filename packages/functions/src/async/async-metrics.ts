import { Histogram } from '../metering/histogram.ts'
import type { Condition } from './verdict.ts'

/** Milliseconds from the acknowledgement to the first run. */
const AGE_BOUNDS = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 30_000, 60_000, 300_000, 3_600_000]

/** What became of the Event invocations of one function. */
export class AsyncMetrics {
  readonly name: string
  received = 0
  refused = 0
  retried = 0
  throttled = 0
  succeeded = 0
  /** Events that were given up, by reason. */
  readonly dropped = new Map<Exclude<Condition, 'Success'> | 'Deleted' | 'RecursiveLoop', number>()
  delivered = 0
  deliveryFailures = 0
  readonly age = new Histogram(AGE_BOUNDS)

  constructor(name: string) {
    this.name = name
  }

  drop(reason: Exclude<Condition, 'Success'> | 'Deleted' | 'RecursiveLoop'): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1)
  }
}

/** What is in the queue now. */
export interface QueueReading {
  readonly functionName: string
  readonly events: number
  readonly bytes: number
  readonly running: number
}

/** In the Prometheus text format. */
export function renderAsyncMetrics(all: readonly AsyncMetrics[], readings: readonly QueueReading[]): string {
  const lines: string[] = []
  const family = (name: string, type: string, help: string, series: readonly (readonly [string, number])[]) => {
    if (series.length === 0) return
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const [labels, value] of series) lines.push(`${name}{${labels}} ${value}`)
  }
  const counter = (name: string, help: string, value: (metrics: AsyncMetrics) => number) =>
    family(
      `sekisho_function_async_${name}_total`,
      'counter',
      help,
      all.map((metrics) => [label(metrics.name), value(metrics)]),
    )
  const gauge = (name: string, help: string, value: (reading: QueueReading) => number) =>
    family(
      `sekisho_function_async_${name}`,
      'gauge',
      help,
      readings.map((reading) => [label(reading.functionName), value(reading)]),
    )

  counter('received', 'Event invocations that were acknowledged.', (metrics) => metrics.received)
  counter('refused', 'Event invocations that found the queue full.', (metrics) => metrics.refused)
  counter('retries', 'Runs that failed and were planned again.', (metrics) => metrics.retried)
  counter('throttled', 'Runs that were refused and are tried again.', (metrics) => metrics.throttled)
  counter('succeeded', 'Event invocations that went well.', (metrics) => metrics.succeeded)
  counter('delivered', 'Records and dead letters that were delivered.', (metrics) => metrics.delivered)
  counter(
    'delivery_failures',
    'Deliveries of records and dead letters that failed.',
    (metrics) => metrics.deliveryFailures,
  )
  family(
    'sekisho_function_async_dropped_total',
    'counter',
    'Event invocations that were given up, by reason.',
    all.flatMap(({ name, dropped }) =>
      [...dropped].map(([reason, count]) => [`${label(name)},reason="${reason}"`, count] as const),
    ),
  )
  gauge('queued_events', 'Event invocations that are not over.', (reading) => reading.events)
  gauge('queued_bytes', 'Their payloads.', (reading) => reading.bytes)
  gauge('running', 'Event invocations that run now.', (reading) => reading.running)
  ages(lines, all)
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function ages(lines: string[], all: readonly AsyncMetrics[]): void {
  const name = 'sekisho_function_async_age_seconds'
  if (all.length > 0)
    lines.push(`# HELP ${name} From the acknowledgement to the first run.`, `# TYPE ${name} histogram`)
  for (const { name: functionName, age } of all) {
    let total = 0
    age.bounds.forEach((bound, i) => {
      total += age.counts[i]!
      lines.push(`${name}_bucket{${label(functionName)},le="${bound / 1_000}"} ${total}`)
    })
    lines.push(`${name}_bucket{${label(functionName)},le="+Inf"} ${age.count}`)
    lines.push(
      `${name}_sum{${label(functionName)}} ${age.sum / 1_000}`,
      `${name}_count{${label(functionName)}} ${age.count}`,
    )
  }
}

// Names of functions have letters, digits, - and _ only: nothing to escape.
const label = (name: string): string => `function="${name}"`
