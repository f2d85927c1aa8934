import { HEALTH_WORDS, STARTED_AT_FLOAT } from './health-words.ts'
import { NodeHealth } from './node-health.ts'

const SLOT_BYTES = HEALTH_WORDS * Int32Array.BYTES_PER_ELEMENT

/** Room for nodes that join, so that most changes need no new memory. */
const SPARE_SLOTS = 8

/** A board as it is sent to another thread: the memory is shared, the rest is copied. */
export interface HealthBoardData {
  readonly buffer: SharedArrayBuffer
  /** Where each address has its words. */
  readonly slots: ReadonlyMap<string, number>
}

/**
 * What is known of the nodes of one upstream, in memory that threads share. One thread makes it and says which nodes there are; all of them
 * count in it.
 */
export class HealthBoard {
  data: HealthBoardData

  constructor(data: HealthBoardData) {
    this.data = data
  }

  static of(addresses: readonly string[]): HealthBoard {
    const board = new HealthBoard({ buffer: new SharedArrayBuffer(0), slots: new Map() })
    board.update(addresses)
    return board
  }

  /** The state of a node; undefined when the board has no such node. It stays the same memory while the node stays. */
  node(address: string): NodeHealth | undefined {
    const slot = this.data.slots.get(address)
    return slot === undefined ? undefined : new NodeHealth(this.words(slot))
  }

  /** When the node began to take its share slowly, on the clock of `Date.now`; 0 = long ago. */
  startedAt(address: string): number {
    const slot = this.data.slots.get(address)
    return slot === undefined ? 0 : this.floats(slot)[STARTED_AT_FLOAT]
  }

  start(address: string, atMs: number): void {
    const slot = this.data.slots.get(address)
    if (slot !== undefined) this.floats(slot)[STARTED_AT_FLOAT] = atMs
  }

  /**
   * Nodes that stay keep what is known of them; others begin anew.
   * @returns the addresses that are new; whoever has a copy of `data` needs the new one when there are any, or when some went
   */
  update(addresses: readonly string[]): readonly string[] {
    const { slots } = this.data
    const wanted = new Set(addresses)
    const capacity = this.data.buffer.byteLength / SLOT_BYTES
    const taken = new Set([...slots].filter(([address]) => wanted.has(address)).map(([, slot]) => slot))
    const added = [...wanted].filter((address) => !slots.has(address))
    if (taken.size + added.length > capacity) this.grow(wanted.size + Math.max(SPARE_SLOTS, wanted.size >> 1))
    const next = new Map<string, number>()
    let free = 0
    for (const address of wanted) {
      let slot = slots.get(address)
      if (slot === undefined) {
        while (taken.has(free)) free++
        slot = free++
        this.words(slot).fill(0)
      }
      next.set(address, slot)
    }
    this.data = { buffer: this.data.buffer, slots: next }
    return added
  }

  /** The only moment at which a count that another thread makes may be lost. */
  private grow(slots: number): void {
    const buffer = new SharedArrayBuffer(slots * SLOT_BYTES)
    new Uint8Array(buffer).set(new Uint8Array(this.data.buffer))
    this.data = { buffer, slots: this.data.slots }
  }

  private words(slot: number): Int32Array {
    return new Int32Array(this.data.buffer, slot * SLOT_BYTES, HEALTH_WORDS)
  }

  private floats(slot: number): Float64Array {
    return new Float64Array(this.data.buffer, slot * SLOT_BYTES, SLOT_BYTES / Float64Array.BYTES_PER_ELEMENT)
  }
}
