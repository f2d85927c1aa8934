import { cellsOf, type MetricDefinition } from './definitions.ts'
import { labelText, renderMetric } from './text-format.ts'
import type { SeriesBatch } from './worker-metrics.ts'

interface KnownSeries {
  readonly metric: Metric
  readonly labels: readonly string[]
  readonly text: string
  readonly cell: number
}

interface Metric {
  readonly definition: MetricDefinition
  /** What threads that are gone had counted, by label text. */
  readonly base: Map<string, { readonly labels: readonly string[]; readonly cells: Float64Array }>
}

interface Thread {
  readonly generation: number
  readonly slab: Float64Array
  readonly series: Map<number, KnownSeries>
  /** Metrics that it defined in another way than those before it: the first definition stays, its series are left out. */
  readonly ignored: Set<string>
}

/**
 * What the control thread knows of the series of all threads: where their cells are, and what threads that have ended had counted. Counters
 * and histograms never go down when a worker crashes: its slab is folded into a base. Gauges end with their thread.
 */
export class MetricDirectory {
  readonly #metrics = new Map<string, Metric>()
  readonly #threads = new Map<number, Thread>()

  /** A thread starts with an empty slab. What an older generation at the same index had is folded first. */
  attach(index: number, generation: number, slab: SharedArrayBuffer): void {
    const older = this.#threads.get(index)
    if (older !== undefined) this.detach(index, older.generation)
    this.#threads.set(index, { generation, slab: new Float64Array(slab), series: new Map(), ignored: new Set() })
  }

  /** A thread's announcement. Those of a generation that is gone are ignored. */
  receive(index: number, generation: number, batch: SeriesBatch): void {
    const thread = this.#threads.get(index)
    if (thread?.generation !== generation) return
    for (const definition of batch.defined) if (!this.#define(definition)) thread.ignored.add(definition.name)
    for (const { id, metric: name, labels, cell } of batch.added) {
      const metric = this.#metrics.get(name)
      if (metric === undefined || thread.ignored.has(name)) continue
      thread.series.set(id, { metric, labels, text: labelText(metric.definition.labels, labels), cell })
    }
    for (const id of batch.dropped) thread.series.delete(id)
  }

  /** A thread has ended: its counts are kept, its gauges go. */
  detach(index: number, generation: number): void {
    const thread = this.#threads.get(index)
    if (thread?.generation !== generation) return
    this.#threads.delete(index)
    for (const [id, series] of thread.series) {
      const { base, definition } = series.metric
      if (definition.type === 'gauge' || thread.slab[series.cell - 1] !== id) continue
      let folded = base.get(series.text)
      if (folded === undefined) {
        folded = { labels: series.labels, cells: new Float64Array(cellsOf(definition.type)) }
        base.set(series.text, folded)
      }
      addTo(folded.cells, thread.slab, series.cell)
    }
  }

  /** Drops what ended threads had counted with one of these values of a label; living threads drop and announce their own. */
  forget(label: string, values: ReadonlySet<string>): void {
    for (const { definition, base } of this.#metrics.values()) {
      const position = definition.labels.indexOf(label)
      if (position < 0) continue
      for (const [text, { labels }] of base) if (values.has(labels[position])) base.delete(text)
    }
  }

  /** Appends all metrics, in the order in which they were defined, added up over the threads. */
  render(lines: string[]): void {
    const totals = new Map<Metric, Map<string, Float64Array>>()
    for (const metric of this.#metrics.values()) {
      const samples = new Map<string, Float64Array>()
      for (const [text, { cells }] of metric.base) samples.set(text, cells.slice())
      totals.set(metric, samples)
    }
    for (const { slab, series } of this.#threads.values()) {
      for (const [id, { metric, text, cell }] of series) {
        // Not equal: the thread has dropped the series, and its message is still on the way.
        if (slab[cell - 1] !== id) continue
        const samples = totals.get(metric) as Map<string, Float64Array>
        let cells = samples.get(text)
        const isFirst = cells === undefined
        if (cells === undefined) samples.set(text, (cells = new Float64Array(cellsOf(metric.definition.type))))
        if (metric.definition.across !== 'least') addTo(cells, slab, cell)
        else cells[0] = isFirst ? slab[cell] : Math.min(cells[0], slab[cell])
      }
    }
    for (const [metric, samples] of totals) renderMetric(lines, metric.definition, samples)
  }

  #define(definition: MetricDefinition): boolean {
    const known = this.#metrics.get(definition.name)?.definition
    if (known !== undefined) return known.type === definition.type && known.labels.join() === definition.labels.join()
    this.#metrics.set(definition.name, { definition, base: new Map() })
    return true
  }
}

function addTo(target: Float64Array, slab: Float64Array, cell: number): void {
  for (let index = 0; index < target.length; index++) target[index] += slab[cell + index]
}
