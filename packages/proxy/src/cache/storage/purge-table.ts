import { KeyHash } from '../../limits/key-hash.ts'

const CELLS = 65_536
const SEQUENCE = CELLS
/** Of no resource: its number is the last that was given out. */
export const SEQUENCE_CELL = SEQUENCE

/** The name of the cell that all responses have. */
export const PURGE_ALL = 'all'

/**
 * What was purged and when, in memory that all workers share: a cell for each resource and each tag (several share one by their hash, and are
 * purged together then), with the number of the purge. A response counts for nothing when one of its cells has a later number than it had when it
 * was asked for: so a purge takes all variants, all tiers, and what is still on its way, without looking for any of it.
 */
export class PurgeTable {
  readonly buffer: SharedArrayBuffer
  private readonly words: Int32Array
  private readonly hash = new KeyHash()

  static createBuffer(): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * (CELLS + 1))
  }

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.words = new Int32Array(buffer)
  }

  /** The number of the last purge. */
  get sequence(): number {
    return Atomics.load(this.words, SEQUENCE)
  }

  /** The cell of a key or a tag. Its seed is known: who makes two meet has them purged together, and no more. */
  cellOf(text: string): number {
    this.hash.compute(0x5ec15440, 0x0cac4e, text)
    return this.hash.low & (CELLS - 1)
  }

  /** @returns the number of this purge */
  purge(cell: number): number {
    const number = Atomics.add(this.words, SEQUENCE, 1) + 1
    Atomics.store(this.words, cell, number)
    return number
  }

  /** What a journal says happened. `SEQUENCE_CELL`: numbers up to this one were given out. */
  restore(cell: number, number: number): void {
    if (cell < 0 || cell > CELLS) return
    if (cell < CELLS) this.words[cell] = Math.max(this.words[cell], number)
    this.words[SEQUENCE] = Math.max(this.words[SEQUENCE], number)
  }

  /** Cells that were purged at all, with their numbers. */
  *purged(): IterableIterator<readonly [cell: number, number: number]> {
    for (let cell = 0; cell < CELLS; cell++) if (this.words[cell] !== 0) yield [cell, this.words[cell]]
  }

  /** Whether any of them was purged after `sequence`. */
  isPurged(cells: readonly number[], sequence: number): boolean {
    const { words } = this
    for (let at = 0; at < cells.length; at++) if (Atomics.load(words, cells[at]) > sequence) return true
    return false
  }
}
