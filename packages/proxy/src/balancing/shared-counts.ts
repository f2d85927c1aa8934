import { randomFillSync } from 'node:crypto'
import { KeyHash } from '../limits/key-hash.ts'
import { LOCAL_COUNTS } from './counts.ts'
import type { BalancingCounts, InFlightCount, Rotation } from './counts.ts'

/** One for each node of an upstream that counts, and one for each upstream that rotates: 16,384 of 40 bytes with two workers are 640 KiB. */
export const DEFAULT_COUNTS = 16_384

/** A name lives in any of the slots of one bucket. */
const BUCKET_SLOTS = 16

/** How long one sleeps who waits for a lock: it is held for some microseconds while names are looked up, never per request. */
const NAP_MS = 0.05

const HEADER_WORDS = 16
const LOCK = 0
const SLOTS = 1
const WORKERS = 2
const SEED0 = 3
const SEED1 = 4

/** Of a slot: the hash of its name, the count, and for each worker how often it uses the slot and its part of the count. */
const LOW = 0
const HIGH = 1
const TOTAL = 2
const FIRST_WORKER = 4

/**
 * Counts that the worker threads of a process share: what is in flight on a node, how far a rotation has come. A worker that dies takes
 * with it what it had in flight, as each keeps its own part apart.
 *
 * Names are looked up when a balancer is made. Per request there is one atomic addition. A count is free again when all balancers that
 * used it were collected, in every worker. When the table is full, a balancer counts by itself.
 */
export class SharedCounts {
  readonly #words: Int32Array
  readonly #worker: number
  readonly #hash = new KeyHash()
  readonly #unused = new FinalizationRegistry<number>((slot) => this.#use(slot, -1))

  /** Makes the memory; the control thread hands it to every worker. `seed` is for tests. */
  static createBuffer(options: {
    readonly workers: number
    readonly slots?: number
    readonly seed?: readonly [number, number]
  }): SharedArrayBuffer {
    const { workers, slots = DEFAULT_COUNTS, seed = randomFillSync(new Int32Array(2)) } = options
    if (slots < BUCKET_SLOTS || (slots & (slots - 1)) !== 0)
      throw new RangeError(`slots must be a power of two from ${BUCKET_SLOTS}, not ${slots}`)
    const words = new Int32Array(new SharedArrayBuffer((HEADER_WORDS + slots * slotWords(workers)) * 4))
    words[SLOTS] = slots
    words[WORKERS] = workers
    words[SEED0] = seed[0]
    words[SEED1] = seed[1]
    return words.buffer as SharedArrayBuffer
  }

  /** @param worker its index; no two living threads may have the same. -1: a thread that only looks after the others. */
  constructor(buffer: SharedArrayBuffer, worker: number) {
    this.#words = new Int32Array(buffer)
    this.#worker = worker
    if (worker >= this.#words[WORKERS]) throw new RangeError(`there is no room for worker ${worker}`)
  }

  /** Those of one balancer, in every thread the same by its name. */
  of(name: string): BalancingCounts {
    return {
      inFlight: (node) => {
        const slot = this.#claim(`in flight\0${name}\0${node}`)
        if (slot < 0) return LOCAL_COUNTS.inFlight(node)
        const count = new SharedInFlight(this.#words, slot, this.#own(slot) + 1)
        this.#unused.register(count, slot)
        return count
      },
      rotation: (sequence) => {
        const slot = this.#claim(`rotation\0${name}\0${sequence}`)
        if (slot < 0) return undefined
        const rotation = new SharedRotation(this.#words, slot)
        this.#unused.register(rotation, slot)
        return rotation
      },
    }
  }

  /** A worker has exited: what it had in flight is over. To be called before another one starts at its index. */
  forgetWorker(worker: number): void {
    const words = this.#words
    Atomics.compareExchange(words, LOCK, worker + 1, 0)
    const size = slotWords(words[WORKERS])
    for (let slot = HEADER_WORDS; slot < words.length; slot += size) {
      const own = slot + FIRST_WORKER + 2 * worker
      Atomics.sub(words, slot + TOTAL, Atomics.exchange(words, own + 1, 0))
      Atomics.store(words, own, 0)
    }
  }

  /** Names in use, by any worker. */
  get size(): number {
    const size = slotWords(this.#words[WORKERS])
    let used = 0
    for (let slot = HEADER_WORDS; slot < this.#words.length; slot += size) if (!this.#isFree(slot)) used++
    return used
  }

  /** The slot of this name, which is this worker's now, too; -1 when its bucket is full. */
  #claim(name: string): number {
    const words = this.#words
    this.#hash.compute(words[SEED0], words[SEED1], name)
    const { low, high } = this.#hash
    const size = slotWords(words[WORKERS])
    const bucket = (high & (words[SLOTS] / BUCKET_SLOTS - 1)) * BUCKET_SLOTS
    this.#lock()
    let free = -1
    let found = -1
    for (let index = bucket; index < bucket + BUCKET_SLOTS; index++) {
      const slot = HEADER_WORDS + index * size
      if (this.#isFree(slot)) {
        if (free < 0) free = slot
      } else if (words[slot + LOW] === low && words[slot + HIGH] === high) found = slot
    }
    if (found < 0 && free >= 0) {
      found = free
      words[found + LOW] = low
      words[found + HIGH] = high
      Atomics.store(words, found + TOTAL, 0)
    }
    if (found >= 0) Atomics.add(words, this.#own(found), 1)
    Atomics.compareExchange(words, LOCK, this.#worker + 1, 0)
    return found
  }

  #use(slot: number, uses: number): void {
    Atomics.add(this.#words, this.#own(slot), uses)
  }

  #own(slot: number): number {
    return slot + FIRST_WORKER + 2 * this.#worker
  }

  #isFree(slot: number): boolean {
    const workers = this.#words[WORKERS]
    for (let worker = 0; worker < workers; worker++)
      if (Atomics.load(this.#words, slot + FIRST_WORKER + 2 * worker) > 0) return false
    return true
  }

  #lock(): void {
    for (;;) {
      const holder = Atomics.compareExchange(this.#words, LOCK, 0, this.#worker + 1)
      if (holder === 0) return
      Atomics.wait(this.#words, LOCK, holder, NAP_MS)
    }
  }
}

const slotWords = (workers: number): number => FIRST_WORKER + 2 * workers

class SharedInFlight implements InFlightCount {
  readonly #words: Int32Array
  readonly #total: number
  readonly #own: number

  constructor(words: Int32Array, slot: number, own: number) {
    this.#words = words
    this.#total = slot + TOTAL
    this.#own = own
  }

  get value(): number {
    return Atomics.load(this.#words, this.#total)
  }

  started(): void {
    this.#words[this.#own]++
    Atomics.add(this.#words, this.#total, 1)
  }

  /** Two threads that both take the last place are both refused at worst: none is given twice. */
  tryStart(limit: number): boolean {
    if (Atomics.load(this.#words, this.#total) >= limit) return false
    if (Atomics.add(this.#words, this.#total, 1) >= limit) {
      Atomics.sub(this.#words, this.#total, 1)
      return false
    }
    this.#words[this.#own]++
    return true
  }

  finished(): void {
    if (this.#words[this.#own] <= 0) return
    this.#words[this.#own]--
    Atomics.sub(this.#words, this.#total, 1)
  }
}

class SharedRotation implements Rotation {
  readonly #words: Int32Array
  readonly #at: number

  constructor(words: Int32Array, slot: number) {
    this.#words = words
    this.#at = slot + TOTAL
  }

  next(): number {
    return Atomics.add(this.#words, this.#at, 1) >>> 0
  }
}
