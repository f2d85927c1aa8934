import { HISTOGRAM_CELLS } from './definitions.ts'

/**
 * Float64 cells of a worker's slab: 1,048,576 = 8 MiB of addresses, of which the system hands out only the pages that are used.
 * A route with one node and one status takes 3 x 18 + 3 x 2 = 60 cells, so that this is enough for 17,000 of them.
 */
export const DEFAULT_SLAB_CELLS = 1_048_576

/** Kept back for the overflow series, of which each metric needs one: 4,096 cells = 227 histograms. */
export const OVERFLOW_RESERVE_CELLS = 4_096

/** Where forgotten series, and those for which there is no memory at all, write to: nobody reads it. Cell 0 is its id. */
export const SINK_CELL = 1

/**
 * Hands out the cells of one slab. In front of the cells of each series is one with its id: the control thread, which hears of new and
 * dropped series later than they are made, sees by it whether the cells still belong to the series it knows.
 */
export class Slab {
  readonly cells: Float64Array
  #next = SINK_CELL + HISTOGRAM_CELLS
  readonly #free = new Map<number, number[]>()

  /** The memory of one slab; the control thread makes one for each start of a worker. */
  static createBuffer(cells = DEFAULT_SLAB_CELLS): SharedArrayBuffer {
    return new SharedArrayBuffer(cells * Float64Array.BYTES_PER_ELEMENT)
  }

  constructor(buffer: SharedArrayBuffer) {
    this.cells = new Float64Array(buffer)
  }

  /** The first of `count` zeroed cells for series `id`, or -1 when fewer than `reserve` cells would be left. */
  allocate(id: number, count: number, reserve: number): number {
    let cell = this.#free.get(count)?.pop()
    if (cell === undefined) {
      if (this.#next + 1 + count + reserve > this.cells.length) return -1
      cell = this.#next + 1
      this.#next += 1 + count
    }
    this.cells[cell - 1] = id
    return cell
  }

  /** Takes cells back. The id goes first, so that no zero is read as the old series' value. */
  release(cell: number, count: number): void {
    this.cells[cell - 1] = 0
    this.cells.fill(0, cell, cell + count)
    const free = this.#free.get(count)
    if (free === undefined) this.#free.set(count, [cell])
    else free.push(cell)
  }
}
