import {
  cellsOf,
  checkDefinition,
  type LabelValues,
  type MetricDefinition,
  METRICS,
  type MetricType,
} from './definitions.ts'
import { Counter, Gauge, Histogram, type Series } from './series.ts'
import { OVERFLOW_RESERVE_CELLS, SINK_CELL, Slab } from './slab.ts'

/** Series of one metric in one thread, beyond which new label values go to its overflow series. */
export const DEFAULT_MAX_SERIES_PER_METRIC = 10_000

/** Series of all metrics in one thread. About 300 bytes of heap each: 30 MB. */
export const DEFAULT_MAX_SERIES = 100_000

/** The value of every label of the series that takes what is beyond a limit. */
export const OVERFLOW_LABEL = 'overflow'

/** What a thread tells the control thread; to be posted as it is. Definitions and additions are older than drops. */
export interface SeriesBatch {
  readonly defined: readonly MetricDefinition[]
  readonly added: readonly SeriesAnnouncement[]
  /** Ids of series whose cells are no longer theirs. */
  readonly dropped: readonly number[]
}

export interface SeriesAnnouncement {
  readonly id: number
  /** Name of the metric. */
  readonly metric: string
  /** Values in the order of the metric's labels. */
  readonly labels: readonly string[]
  readonly cell: number
}

export interface WorkerMetricsOptions {
  readonly maxSeriesPerMetric?: number
  readonly maxSeries?: number
}

type SeriesClass<S> = new (slab: Float64Array, cell: number, id: number, labels: readonly string[]) => S

interface Metric {
  readonly definition: MetricDefinition
  /** By label values joined with NUL, which is not in any value that came in a header. */
  readonly series: Map<string, Series>
}

/**
 * The metrics of one thread. Binding a series (metric and label values) looks it up or makes it; do it once, keep what it returns, and each
 * count is one addition in shared memory. The thread announces new series to the control thread, which adds up the threads.
 */
export class WorkerMetrics {
  readonly #slab: Slab
  readonly #announce: (batch: SeriesBatch) => void
  readonly #maxSeriesPerMetric: number
  readonly #maxSeries: number
  readonly #metrics = new Map<string, Metric>()
  #seriesCount = 0
  #nextId = 1
  #defined: MetricDefinition[] = []
  #added: SeriesAnnouncement[] = []
  #dropped: number[] = []
  #flushing = false

  /**
   * @param buffer made by `Slab.createBuffer`, this thread's alone
   * @param announce called at the end of a turn in which series were made or dropped
   */
  constructor(buffer: SharedArrayBuffer, announce: (batch: SeriesBatch) => void, options: WorkerMetricsOptions = {}) {
    this.#slab = new Slab(buffer)
    this.#announce = announce
    this.#maxSeriesPerMetric = options.maxSeriesPerMetric ?? DEFAULT_MAX_SERIES_PER_METRIC
    this.#maxSeries = options.maxSeries ?? DEFAULT_MAX_SERIES
  }

  counter<L extends string>(definition: MetricDefinition<L>, labels: LabelValues<L>): Counter {
    return this.#bind(definition, labels, 'counter', Counter)
  }

  gauge<L extends string>(definition: MetricDefinition<L>, labels: LabelValues<L>): Gauge {
    return this.#bind(definition, labels, 'gauge', Gauge)
  }

  histogram<L extends string>(definition: MetricDefinition<L>, labels: LabelValues<L>): Histogram {
    return this.#bind(definition, labels, 'histogram', Histogram)
  }

  /**
   * Drops the series of all metrics whose label has one of the values: of a route that was removed, say. Whoever still holds one of them
   * may go on adding to it; nobody will see it.
   */
  forget(label: string, values: ReadonlySet<string>): void {
    for (const metric of this.#metrics.values()) {
      const position = metric.definition.labels.indexOf(label)
      if (position < 0) continue
      for (const [key, series] of metric.series)
        if (values.has(series.labels[position])) this.#drop(metric, key, series)
    }
  }

  /** Drops one series. */
  remove<L extends string>(definition: MetricDefinition<L>, labels: LabelValues<L>): void {
    const metric = this.#metrics.get(definition.name)
    const key = definition.labels.map((label) => labels[label]).join('\0')
    const series = metric?.series.get(key)
    if (metric !== undefined && series !== undefined) this.#drop(metric, key, series)
  }

  /** Announces now what would be announced at the end of the turn. */
  flush(): void {
    this.#flushing = false
    if (this.#added.length === 0 && this.#dropped.length === 0 && this.#defined.length === 0) return
    const batch = { defined: this.#defined, added: this.#added, dropped: this.#dropped }
    this.#defined = []
    this.#added = []
    this.#dropped = []
    this.#announce(batch)
  }

  #bind<L extends string, S extends Series>(
    definition: MetricDefinition<L>,
    labels: LabelValues<L>,
    type: MetricType,
    kind: SeriesClass<S>,
  ): S {
    const metric = this.#metric(definition, type)
    const values = definition.labels.map((label) => labels[label])
    const key = values.join('\0')
    const known = metric.series.get(key)
    if (known !== undefined) return known as S
    if (metric.series.size < this.#maxSeriesPerMetric && this.#seriesCount < this.#maxSeries) {
      const made = this.#make(metric, key, values, kind, OVERFLOW_RESERVE_CELLS)
      if (made !== undefined) return made
    }
    const overflowValues = values.map(() => OVERFLOW_LABEL)
    const overflowKey = overflowValues.join('\0')
    this.#countOverflow(metric)
    return (
      (metric.series.get(overflowKey) as S | undefined) ??
      this.#make(metric, overflowKey, overflowValues, kind, 0) ??
      new kind(this.#slab.cells, SINK_CELL, 0, overflowValues)
    )
  }

  #metric(definition: MetricDefinition, type: MetricType): Metric {
    const known = this.#metrics.get(definition.name)
    if (known?.definition === definition && definition.type === type) return known
    if (definition.type !== type) throw new Error(`${definition.name} is a ${definition.type}, not a ${type}`)
    if (known !== undefined) {
      if (known.definition.type !== type || known.definition.labels.join() !== definition.labels.join()) {
        throw new Error(`${definition.name} is already defined with another type or other labels`)
      }
      return known
    }
    checkDefinition(definition)
    const metric = { definition, series: new Map<string, Series>() }
    this.#metrics.set(definition.name, metric)
    this.#defined.push(definition)
    this.#schedule()
    return metric
  }

  #make<S extends Series>(
    metric: Metric,
    key: string,
    values: readonly string[],
    kind: SeriesClass<S>,
    reserve: number,
  ): S | undefined {
    const id = this.#nextId
    const cell = this.#slab.allocate(id, cellsOf(metric.definition.type), reserve)
    if (cell < 0) return undefined
    this.#nextId++
    this.#seriesCount++
    const series = new kind(this.#slab.cells, cell, id, values)
    metric.series.set(key, series)
    this.#added.push({ id, metric: metric.definition.name, labels: values, cell })
    this.#schedule()
    return series
  }

  /** Bound past the limits, as it is what says that they were met: at most one series for each metric. */
  #countOverflow(metric: Metric): void {
    const overflow = this.#metric(METRICS.metricsOverflow, 'counter')
    const name = metric.definition.name
    const series = overflow.series.get(name) ?? this.#make(overflow, name, [name], Counter, 0)
    if (series instanceof Counter) series.add(1)
  }

  #drop(metric: Metric, key: string, series: Series): void {
    metric.series.delete(key)
    this.#seriesCount--
    this.#slab.release(series.cell, cellsOf(metric.definition.type))
    series.cell = SINK_CELL
    series.forgotten = true
    this.#dropped.push(series.id)
    this.#schedule()
  }

  /** Once a turn: a new configuration makes thousands of series, and a message costs microseconds. */
  #schedule(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => this.flush())
  }
}
