import type { Counter, Gauge, Histogram, WorkerMetrics } from '../observability/metrics/index.ts'
import { METRIC_TYPES } from './abi.ts'

/** Metrics that the modules of a thread may define. */
export const MAX_GUEST_METRICS = 1_000
const MAX_NAME = 200

type Defined =
  | { readonly type: 'counter'; readonly series: Counter | undefined; value: number }
  | { readonly type: 'gauge'; readonly series: Gauge | undefined; value: number }
  | { readonly type: 'histogram'; readonly series: Histogram | undefined; value: number }

/**
 * Metrics that filters define. `my.counter` is `sekisho_wasm_my_counter` among the metrics of the gateway, added up over all workers; what a
 * filter reads back is its own worker's. Values of histograms are milliseconds.
 */
export class GuestMetrics {
  private readonly metrics: WorkerMetrics | undefined
  private readonly ids = new Map<string, number>()
  private readonly defined: Defined[] = []

  /** @param metrics left out: nobody counts (a trial, a test without a worker) */
  constructor(metrics: WorkerMetrics | undefined) {
    this.metrics = metrics
  }

  /** @returns its id from 1; undefined for a bad name, a name that is taken with another type, or one too many */
  define(typeNumber: number, guestName: string): number | undefined {
    const type = METRIC_TYPES[typeNumber]
    if (type === undefined || guestName === '' || guestName.length > MAX_NAME) return undefined
    const name = `sekisho_wasm_${guestName.replace(/[^a-zA-Z0-9_]/g, '_')}`
    const known = this.ids.get(name)
    if (known !== undefined) return this.defined[known - 1].type === type ? known : undefined
    if (this.defined.length >= MAX_GUEST_METRICS) return undefined
    const definition = { name, type, help: 'Defined by a WebAssembly filter.', labels: [] }
    try {
      if (type === 'counter') this.defined.push({ type, series: this.metrics?.counter(definition, {}), value: 0 })
      else if (type === 'gauge') this.defined.push({ type, series: this.metrics?.gauge(definition, {}), value: 0 })
      else this.defined.push({ type, series: this.metrics?.histogram(definition, {}), value: 0 })
    } catch {
      // The name is that of a metric of ours.
      return undefined
    }
    this.ids.set(name, this.defined.length)
    return this.defined.length
  }

  /** @returns false: unknown; 'type': this type takes no increments, or a counter was to go down */
  increment(id: number, by: number): boolean | 'type' {
    const metric = this.defined[id - 1]
    if (metric === undefined) return false
    if (metric.type === 'histogram' || (metric.type === 'counter' && by < 0)) return 'type'
    metric.value += by
    metric.series?.add(by)
    return true
  }

  record(id: number, value: number): boolean | 'type' {
    const metric = this.defined[id - 1]
    if (metric === undefined) return false
    if (metric.type === 'counter') return 'type'
    metric.value = value
    if (metric.type === 'gauge') metric.series?.set(value)
    else metric.series?.observe(value)
    return true
  }

  get(id: number): number | undefined {
    return this.defined[id - 1]?.value
  }
}
