import { HISTOGRAM_BOUNDS_MS } from './definitions.ts'

/**
 * A series bound to cells of its thread's slab. Only this thread writes them, so that a plain addition is exact; the control thread
 * reads them at any time (aligned 8-byte reads are whole on every machine that Node.js runs on).
 */
export class Series {
  /** The first of its cells. A series that is forgotten is pointed at cells that nobody reads. */
  cell: number
  /** Whether it was dropped: what is added to it from then on is not seen. */
  forgotten = false
  readonly id: number
  readonly labels: readonly string[]
  protected readonly slab: Float64Array

  constructor(slab: Float64Array, cell: number, id: number, labels: readonly string[]) {
    this.slab = slab
    this.cell = cell
    this.id = id
    this.labels = labels
  }
}

/** Only ever grows. */
export class Counter extends Series {
  add(amount = 1): void {
    this.slab[this.cell] += amount
  }
}

/** Goes up and down. The gauges of all threads are added up, and a thread's gauges end with it. */
export class Gauge extends Series {
  set(value: number): void {
    this.slab[this.cell] = value
  }

  add(amount: number): void {
    this.slab[this.cell] += amount
  }
}

const BOUNDS = HISTOGRAM_BOUNDS_MS
const BUCKETS = BOUNDS.length

/** Counts by bucket, and the sum. */
export class Histogram extends Series {
  /** Milliseconds; what is negative or not a number is left out, as one NaN would stay in the sum for ever. */
  observe(ms: number): void {
    if (!(ms >= 0)) return
    // A linear scan: most requests end in the first buckets, where it beats a binary search.
    let bucket = 0
    while (bucket < BUCKETS && ms > BOUNDS[bucket]) bucket++
    this.slab[this.cell + bucket] += 1
    this.slab[this.cell + BUCKETS + 1] += ms
  }
}
