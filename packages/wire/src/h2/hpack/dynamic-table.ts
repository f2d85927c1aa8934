import { ENTRY_OVERHEAD } from './field.ts'

/** The size of a table that nobody has said anything about (RFC 9113 section 6.5.2), in bytes. */
export const DEFAULT_TABLE_SIZE = 4096

/**
 * The dynamic table of RFC 7541 section 2.3.2: first in, first out, bounded by the sum of its entries' sizes. A ring, so that
 * neither a new entry nor an evicted one moves the others:
 *
 *     entries   d e . . . . b c       count 4, newest at 1: place 0 is e, place 3 is b
 */
export class DynamicTable<Entry extends { readonly size: number }> {
  /** Made by the first entry: most connections that are idle never had one. A power of two, undefined where nothing stands. */
  private entries: (Entry | undefined)[] = []
  private mask = -1
  private newest = 0
  private bytes = 0
  /** The size that the encoder has chosen, in bytes. */
  maxSize: number
  count = 0

  constructor(maxSize: number) {
    this.maxSize = maxSize
  }

  get size(): number {
    return this.bytes
  }

  /** The newest is at 0; undefined behind the oldest. */
  get(place: number): Entry | undefined {
    return place < this.count ? this.entries[(this.newest - place) & this.mask] : undefined
  }

  /** Entries that have to make room leave first; one larger than the table empties it and is not kept (section 4.4). */
  insert(entry: Entry): void {
    this.shrinkTo(this.maxSize - entry.size)
    if (entry.size > this.maxSize) return
    if (this.count === this.entries.length) this.grow()
    this.newest = (this.newest + 1) & this.mask
    this.entries[this.newest] = entry
    this.count++
    this.bytes += entry.size
  }

  /** Section 4.3. */
  resize(maxSize: number): void {
    this.maxSize = maxSize
    this.shrinkTo(maxSize)
    // 4096 bytes are 128 entries at most; a table that was made small gives its ring back.
    if (this.count === 0) this.clear()
  }

  /** For an index over the entries: that one is gone. */
  protected evicted(_entry: Entry): void {}

  private shrinkTo(bytes: number): void {
    while (this.bytes > bytes && this.count > 0) {
      const at = (this.newest - --this.count) & this.mask
      const entry = this.entries[at] as Entry
      // Not left in its place: what a peer has had evicted would stay in memory.
      this.entries[at] = undefined
      this.bytes -= entry.size
      this.evicted(entry)
    }
  }

  private grow(): void {
    const { count } = this
    const room = Math.max(SMALLEST_RING, this.entries.length * 2)
    const entries = Array.from<Entry | undefined>({ length: room })
    for (let place = 0; place < count; place++) entries[count - 1 - place] = this.get(place)
    this.entries = entries
    this.mask = room - 1
    this.newest = count === 0 ? room - 1 : count - 1
  }

  private clear(): void {
    this.entries = []
    this.mask = -1
    this.newest = 0
  }
}

/** 16 entries: what a usual request has. */
const SMALLEST_RING = 512 / ENTRY_OVERHEAD
