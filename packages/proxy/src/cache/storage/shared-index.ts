import { randomFillSync } from 'node:crypto'
import { SharedLock } from './shared-lock.ts'

// Words of the header.
const LOCK = 0
const SLOTS = 1
const BUCKETS = 2
const CAPACITY = 3
const USED = 4
const FREE_SLOT = 5
const ENTRIES = 6
const EVICTIONS = 7
/** How often all was forgotten. */
const EPOCH = 8
const GHOST_CLOCK = 9
const SEED0 = 10
const SEED1 = 11
/** Of the queues small (1) and main (2): newest, oldest, units. */
const QUEUE = 12
/** Not all that the store has is in here yet. */
const FILLING = 21
const HEADER = 24

// Words of a slot.
const LOW = 0
const HIGH = 1
const GENERATION = 2
const USES = 3
const PLACE = 4
const NEWER = 5
const OLDER = 6
const CHAIN = 7
const UNITS = 8
const PAYLOAD = 9
const PINS = 10
const LENGTH = 11
const STRIDE = 12

const FREE = 0
const SMALL = 1
const MAIN = 2
/** Out of the index, but somebody still reads it. */
const LEAVING = 3

export const NONE = -1

/** How much an index holds. */
export interface SharedIndexOptions {
  /** Entries at most. */
  readonly slots: number
  /** What all entries together may take, in units of the store that uses it. */
  readonly capacity: number
  /** Two 32-bit integers: random unless given, so that nobody outside can make keys meet. */
  readonly seed?: readonly [number, number]
}

/**
 * What a store has, and what goes when it is full, in memory that all workers share: a hash table of entries in two queues, after S3-FIFO
 * (Yang et al., SOSP 2023). New entries come into the small queue (a tenth of the space) and leave it for the main queue if they were
 * used there, else for good; what comes again soon after (its hash stands among the ghosts) goes to the main queue at once. A scan passes through the
 * small queue and leaves the main one alone. A hit writes one word.
 *
 * All methods but `use`, `generationOf` and the counts want the lock.
 */
export class SharedIndex {
  readonly buffer: SharedArrayBuffer
  private readonly words: Int32Array
  private readonly lock: SharedLock
  private readonly slotsAt: number
  private readonly bucketsAt: number
  private readonly ghostsAt: number
  private readonly bucketMask: number
  private readonly ghostMask: number
  /** Frees what an entry takes; called with the lock held. */
  private readonly onRemoved: (slot: number) => void

  static createBuffer({ slots, capacity, seed }: SharedIndexOptions): SharedArrayBuffer {
    const buckets = powerOfTwo(slots)
    const buffer = new SharedArrayBuffer(4 * (HEADER + slots * STRIDE + buckets + 2 * buckets))
    const words = new Int32Array(buffer)
    words[SLOTS] = slots
    words[BUCKETS] = buckets
    words[CAPACITY] = capacity
    ;[words[SEED0], words[SEED1]] = seed ?? randomFillSync(new Int32Array(2))
    return buffer
  }

  constructor(buffer: SharedArrayBuffer, onRemoved: (slot: number) => void) {
    this.buffer = buffer
    this.words = new Int32Array(buffer)
    this.lock = new SharedLock(this.words, LOCK)
    this.onRemoved = onRemoved
    this.slotsAt = HEADER
    this.bucketsAt = HEADER + this.words[SLOTS] * STRIDE
    this.ghostsAt = this.bucketsAt + this.words[BUCKETS]
    this.bucketMask = this.words[BUCKETS] - 1
    this.ghostMask = this.words[BUCKETS] - 1
  }

  get entries(): number {
    return Atomics.load(this.words, ENTRIES)
  }
  get usedUnits(): number {
    return Atomics.load(this.words, USED)
  }
  get evictions(): number {
    return Atomics.load(this.words, EVICTIONS)
  }
  get epoch(): number {
    return Atomics.load(this.words, EPOCH)
  }
  get seed0(): number {
    return this.words[SEED0]
  }
  get seed1(): number {
    return this.words[SEED1]
  }
  /** Before the first entry. */
  setSeed(seed: readonly [number, number]): void {
    ;[this.words[SEED0], this.words[SEED1]] = seed
  }
  /** Not all that the store has is in here yet: what is not found may be there. */
  get filling(): boolean {
    return Atomics.load(this.words, FILLING) === 1
  }
  set filling(filling: boolean) {
    Atomics.store(this.words, FILLING, filling ? 1 : 0)
  }
  get capacity(): number {
    return this.words[CAPACITY]
  }

  /** @returns false when the last holder died: the caller empties the store */
  acquire(): boolean {
    return this.lock.acquire()
  }
  release(): void {
    this.lock.release()
  }

  /** The first to use it makes it ready: memory that nobody touches takes no room. Under the lock. @returns whether that was now */
  begin(): boolean {
    if (this.epoch > 0) return false
    resetWords(this.words)
    return true
  }

  /** Forgets all. Generations go on, so that nobody takes a slot for what it was. */
  reset(): void {
    resetWords(this.words)
  }

  find(low: number, high: number): number {
    const { words } = this
    let slot = words[this.bucketsAt + (low & this.bucketMask)]
    for (let steps = 0; slot !== NONE && steps < MAX_CHAIN; steps++) {
      const at = this.at(slot)
      if (words[at + LOW] === low && words[at + HIGH] === high) return slot
      slot = words[at + CHAIN]
    }
    return NONE
  }

  /** A place for an entry, others evicted as needed; what was there under this hash is gone. NONE: no room. */
  insert(low: number, high: number, units: number): number {
    const { words } = this
    const before = this.find(low, high)
    if (before !== NONE) this.remove(before)
    if (units > words[CAPACITY]) return NONE
    for (let rounds = 0; words[USED] + units > words[CAPACITY] || words[FREE_SLOT] === NONE; rounds++) {
      if (rounds > MAX_EVICTIONS || !this.evict()) return NONE
    }
    const slot = words[FREE_SLOT]
    const at = this.at(slot)
    words[FREE_SLOT] = words[at + CHAIN]
    words[at + LOW] = low
    words[at + HIGH] = high
    words[at + USES] = 0
    words[at + UNITS] = units
    words[at + PINS] = 0
    const bucket = this.bucketsAt + (low & this.bucketMask)
    words[at + CHAIN] = words[bucket]
    words[bucket] = slot
    this.push(slot, this.takeGhost(low, high) ? MAIN : SMALL)
    words[USED] += units
    words[ENTRIES]++
    return slot
  }

  remove(slot: number): void {
    const { words } = this
    const at = this.at(slot)
    if (words[at + PLACE] !== SMALL && words[at + PLACE] !== MAIN) return
    this.unlink(slot)
    this.unchain(slot)
    words[ENTRIES]--
    Atomics.add(words, at + GENERATION, 1)
    if (words[at + PINS] > 0) words[at + PLACE] = LEAVING
    else this.free(slot)
  }

  /** Keeps the place of an entry as it is while it is read, also when it leaves the index. */
  pin(slot: number): void {
    this.words[this.at(slot) + PINS]++
  }
  unpin(slot: number): void {
    const at = this.at(slot)
    const { words } = this
    if (words[at + PINS] > 0 && --words[at + PINS] === 0 && words[at + PLACE] === LEAVING) this.free(slot)
  }

  /** A hit. Two at a time may count as one. */
  use(slot: number): void {
    const at = this.at(slot) + USES
    const uses = this.words[at]
    if (uses < MAX_USES) this.words[at] = uses + 1
  }

  generationOf(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + GENERATION)
  }

  payloadOf(slot: number): number {
    return this.words[this.at(slot) + PAYLOAD]
  }
  lengthOf(slot: number): number {
    return this.words[this.at(slot) + LENGTH]
  }
  setPayload(slot: number, payload: number, length: number): void {
    const at = this.at(slot)
    this.words[at + PAYLOAD] = payload
    this.words[at + LENGTH] = length
  }
  hashOf(slot: number): readonly [low: number, high: number] {
    const at = this.at(slot)
    return [this.words[at + LOW], this.words[at + HIGH]]
  }

  private at(slot: number): number {
    return this.slotsAt + slot * STRIDE
  }

  private free(slot: number): void {
    const { words } = this
    const at = this.at(slot)
    this.onRemoved(slot)
    words[USED] -= words[at + UNITS]
    words[at + PLACE] = FREE
    words[at + CHAIN] = words[FREE_SLOT]
    words[FREE_SLOT] = slot
  }

  /** @returns false when there is nothing to evict */
  private evict(): boolean {
    const { words } = this
    const small = words[QUEUE + 3 * SMALL + 2]
    const fromSmall = small > words[CAPACITY] / SMALL_PART || words[QUEUE + 3 * MAIN + 1] === NONE
    const queue = fromSmall ? SMALL : MAIN
    const slot = words[QUEUE + 3 * queue + 1]
    if (slot === NONE) return false
    const at = this.at(slot)
    if (words[at + PINS] > 0 || words[at + USES] > 0) {
      this.unlink(slot)
      words[at + USES] = queue === SMALL ? 0 : Math.max(0, words[at + USES] - 1)
      this.push(slot, MAIN)
      return true
    }
    if (queue === SMALL) this.addGhost(words[at + LOW], words[at + HIGH])
    words[EVICTIONS]++
    this.remove(slot)
    return true
  }

  private push(slot: number, queue: number): void {
    const { words } = this
    const at = this.at(slot)
    const head = QUEUE + 3 * queue
    const newest = words[head]
    words[at + PLACE] = queue
    words[at + NEWER] = NONE
    words[at + OLDER] = newest
    if (newest === NONE) words[head + 1] = slot
    else words[this.at(newest) + NEWER] = slot
    words[head] = slot
    words[head + 2] += words[at + UNITS]
  }

  private unlink(slot: number): void {
    const { words } = this
    const at = this.at(slot)
    const head = QUEUE + 3 * words[at + PLACE]
    const newer = words[at + NEWER]
    const older = words[at + OLDER]
    if (newer === NONE) words[head] = older
    else words[this.at(newer) + OLDER] = older
    if (older === NONE) words[head + 1] = newer
    else words[this.at(older) + NEWER] = newer
    words[head + 2] -= words[at + UNITS]
  }

  private unchain(slot: number): void {
    const { words } = this
    let link = this.bucketsAt + (words[this.at(slot) + LOW] & this.bucketMask)
    for (let steps = 0; words[link] !== slot && steps < MAX_CHAIN && words[link] !== NONE; steps++)
      link = this.at(words[link]) + CHAIN
    if (words[link] === slot) words[link] = words[this.at(slot) + CHAIN]
  }

  /** Ghosts: a hash word and when it was put there, in a table of as many cells as entries; a later one takes the cell of an earlier. */
  private addGhost(low: number, high: number): void {
    const at = this.ghostsAt + 2 * (low & this.ghostMask)
    this.words[at] = high
    this.words[at + 1] = ++this.words[GHOST_CLOCK]
  }

  /** A ghost lives as long as there are entries that came after it (the ghost queue has the length of the main queue). */
  private takeGhost(low: number, high: number): boolean {
    const { words } = this
    const at = this.ghostsAt + 2 * (low & this.ghostMask)
    const seen = words[at + 1]
    if (seen === 0 || words[at] !== high || words[GHOST_CLOCK] - seen > Math.max(16, words[ENTRIES])) return false
    words[at + 1] = 0
    return true
  }
}

/** A tenth of the space is the small queue's. */
const SMALL_PART = 10
/** Two bits, as in the paper. */
const MAX_USES = 3
/** More of them under one hash bucket come about only in a table that was damaged. */
const MAX_CHAIN = 1_024
/** For one insertion. Each entry may go round three times. */
const MAX_EVICTIONS = 65_536

function resetWords(words: Int32Array): void {
  const slots = words[SLOTS]
  const bucketsAt = HEADER + slots * STRIDE
  for (let slot = 0; slot < slots; slot++) {
    const at = HEADER + slot * STRIDE
    Atomics.add(words, at + GENERATION, 1)
    words[at + PLACE] = FREE
    words[at + PINS] = 0
    words[at + CHAIN] = slot + 1 < slots ? slot + 1 : NONE
  }
  words[FREE_SLOT] = 0
  words[USED] = 0
  words[ENTRIES] = 0
  Atomics.add(words, EPOCH, 1)
  for (const queue of [SMALL, MAIN]) {
    words[QUEUE + 3 * queue] = NONE
    words[QUEUE + 3 * queue + 1] = NONE
    words[QUEUE + 3 * queue + 2] = 0
  }
  words.fill(NONE, bucketsAt, bucketsAt + words[BUCKETS])
  words.fill(0, bucketsAt + words[BUCKETS])
}

function powerOfTwo(atLeast: number): number {
  let power = 16
  while (power < atLeast) power *= 2
  return power
}
