import { hostname } from 'node:os'
import { METRICS } from './definitions.ts'
import { MetricDirectory } from './directory.ts'
import { ProcessMetrics } from './process-metrics.ts'
import { Slab } from './slab.ts'
import { type SeriesBatch, WorkerMetrics } from './worker-metrics.ts'

/** The control thread's own series: few, and no client can make them grow. 65,536 cells = 512 KiB. */
const OWN_SLAB_CELLS = 65_536

/** In the directory, the control thread's place before the workers. */
const OWN_INDEX = -1

export interface ControlMetricsOptions {
  /** Version of the gateway, for `sekisho_node_info`. */
  readonly version: string
  /** Cells of each worker's slab; default `DEFAULT_SLAB_CELLS`. */
  readonly slabCells?: number
}

/**
 * Metrics on the control thread: hands out slabs, listens to the workers, adds up when scraped.
 *
 * ```
 * worker starts:   startWorker(index, generation)  -> the slab, to be put into workerData
 * worker posts:    receive(index, generation, batch)
 * worker is gone:  endWorker(index, generation)
 * ```
 */
export class ControlMetrics {
  /** The control thread's own metrics: revision, restarts, health. */
  readonly own: WorkerMetrics

  readonly #directory = new MetricDirectory()
  readonly #process = new ProcessMetrics()
  readonly #slabCells: number | undefined

  constructor(options: ControlMetricsOptions) {
    this.#slabCells = options.slabCells
    const slab = Slab.createBuffer(OWN_SLAB_CELLS)
    this.#directory.attach(OWN_INDEX, 0, slab)
    this.own = new WorkerMetrics(slab, (batch) => this.#directory.receive(OWN_INDEX, 0, batch))
    this.own.gauge(METRICS.nodeInfo, { hostname: hostname(), version: options.version }).set(1)
  }

  startWorker(index: number, generation: number): SharedArrayBuffer {
    const slab = Slab.createBuffer(this.#slabCells)
    this.#directory.attach(index, generation, slab)
    return slab
  }

  receive(index: number, generation: number, batch: SeriesBatch): void {
    this.#directory.receive(index, generation, batch)
  }

  endWorker(index: number, generation: number): void {
    this.#directory.detach(index, generation)
  }

  /** Drops the series with one of these values of a label, here; each worker must be told to `forget` the same. */
  forget(label: string, values: ReadonlySet<string>): void {
    this.own.forget(label, values)
    this.#directory.forget(label, values)
  }

  /** Everything, in the Prometheus text format 0.0.4. */
  render(): string {
    this.own.flush()
    const lines: string[] = []
    this.#directory.render(lines)
    this.#process.render(lines)
    return `${lines.join('\n')}\n`
  }

  stop(): void {
    this.#process.stop()
  }
}
