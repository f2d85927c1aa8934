import { randomFillSync } from 'node:crypto'
import { KeyHash } from './key-hash.ts'

/** 65,536 keys are live at the same time; with 3 cells a table is 65,536 x 40 bytes = 2.5 MiB, paged in as it is used. */
export const DEFAULT_SLOTS = 65_536

/**
 * How many slots are looked at for a key: the slots of its bucket. 16 low hash words are 64 bytes, one cache line. A table that is
 * half full has on average 8 live keys a bucket, and more than 16 in 0.4% of them (Poisson).
 */
export const BUCKET_SLOTS = 16

/** The largest table: 16,777,216 slots. */
export const MAX_SLOTS = 1 << 24

/** Spins before a waiting thread gives up its core: 200 x about 5 ns = 1 µs, several times what a lock is held for. */
const SPINS = 200

/** How long a waiting thread then sleeps before it looks again: the holder was descheduled, or has died. */
const NAP_MS = 0.05

/**
 * A lock is held for about 0.1 µs. One that has been held this long belongs to a thread that died, and whose `releaseLocksOf`
 * has not come yet: it is taken over, rather than letting one dead worker stop them all.
 */
export const LOCK_TAKEOVER_MS = 1_000

/**
 * Clocks of threads differ by as much as they are read at different times (a loop may read its clock once a turn). A time that lies
 * further ahead than this was written before the machine's clock was set back.
 */
export const MAX_CLOCK_SKEW_MS = 10_000

/** The index of a thread that is not a worker (the control thread). */
export const CONTROL_INDEX = 0x7ffffff0

const HEADER_WORDS = 16
const SLOTS_WORD = 0
const CELLS_WORD = 1
const SEED0_WORD = 2
const SEED1_WORD = 3
const EVICTIONS_WORD = 4
const TAKEOVERS_WORD = 5

/** Seeds of one limiter's keys: two limiters with the same key string do not meet. Made by `SharedTable.scope`. */
export interface Scope {
  readonly seed0: number
  readonly seed1: number
}

/** How large a table is. */
export interface SharedTableOptions {
  /** A power of two, at least `BUCKET_SLOTS`; default `DEFAULT_SLOTS`. */
  readonly slots?: number
  /** Float64 cells of payload per slot. */
  readonly cells: number
  /** Two 32-bit integers, for tests; random unless given, which is what keeps clients from making keys meet. */
  readonly seed?: readonly [number, number]
}

/**
 * A fixed-size hash table in a SharedArrayBuffer that every worker thread reads and writes: key -> a few Float64 cells
 * and the time when they expire.
 *
 * It is set-associative: a key lives in any of the 16 slots of one bucket, and one lock guards the bucket. Linear probing with a lock per
 * slot was rejected: two threads that insert the same key would have to hold every slot on the way, or would end up with
 * two counters for one client. Keys are stored as 64-bit hashes only: two live keys of a full table meet with a
 * probability of 65,536^2 / 2 / 2^64 = 10^-10.
 *
 * Expired slots are reused. When all slots of a bucket are live the one nearest to its expiry is evicted, and `evictions` counts it.
 *
 * Memory: 64 + slots / 16 x 4 + slots x (16 + 8 x cells) bytes.
 *
 * Times are milliseconds of a clock that all threads share, `Date.now()` (`performance.now()` starts at 0 in each thread).
 */
export class SharedTable {
  readonly buffer: SharedArrayBuffer
  readonly slots: number
  readonly cellsPerSlot: number
  /** The payload: cell `c` of slot `s` is `cells[s * cellsPerSlot + c]`. Touch it only between `acquire` and `release`. */
  readonly cells: Float64Array
  /** When each slot becomes free; 0 = it is. Touch it only between `acquire` and `release`. */
  readonly expiresAtMs: Float64Array
  /** Whether the slot that `acquire` returned was just claimed: cells and expiry are 0. */
  fresh = false

  readonly #header: Int32Array
  readonly #locks: Int32Array
  readonly #lows: Int32Array
  readonly #highs: Int32Array
  readonly #owner: number
  readonly #takeoverMs: number
  readonly #bucketMask: number
  readonly #hash = new KeyHash()

  /** Makes the memory of a table with a seed of its own; the control thread hands it to every worker. */
  static createBuffer(options: SharedTableOptions): SharedArrayBuffer {
    const slots = options.slots ?? DEFAULT_SLOTS
    if (slots < BUCKET_SLOTS || slots > MAX_SLOTS || (slots & (slots - 1)) !== 0) {
      throw new RangeError(`slots must be a power of two from ${BUCKET_SLOTS} to ${MAX_SLOTS}, not ${slots}`)
    }
    if (!Number.isInteger(options.cells) || options.cells < 1 || options.cells > 1_024) {
      throw new RangeError(`cells must be an integer from 1 to 1024, not ${options.cells}`)
    }
    const buffer = new SharedArrayBuffer(SharedTable.bytes(slots, options.cells))
    const header = new Int32Array(buffer, 0, HEADER_WORDS)
    header[SLOTS_WORD] = slots
    header[CELLS_WORD] = options.cells
    const seed = options.seed ?? randomFillSync(new Int32Array(2))
    header[SEED0_WORD] = seed[0]
    header[SEED1_WORD] = seed[1]
    return buffer
  }

  /** The size of a table in bytes. */
  static bytes(slots: number, cells: number): number {
    // The lock words are rounded up to 8 bytes, so that the Float64 arrays behind them are aligned.
    return HEADER_WORDS * 4 + lockBytes(slots) + slots * (16 + 8 * cells)
  }

  /** `workerIndex` marks the locks that this thread holds; no two living threads may have the same. */
  constructor(buffer: SharedArrayBuffer, workerIndex: number, lockTakeoverMs = LOCK_TAKEOVER_MS) {
    this.buffer = buffer
    this.#header = new Int32Array(buffer, 0, HEADER_WORDS)
    const slots = this.#header[SLOTS_WORD]
    this.slots = slots
    this.cellsPerSlot = this.#header[CELLS_WORD]
    this.#owner = workerIndex + 1
    this.#takeoverMs = lockTakeoverMs
    this.#bucketMask = slots / BUCKET_SLOTS - 1
    let offset = HEADER_WORDS * 4
    this.#locks = new Int32Array(buffer, offset, slots / BUCKET_SLOTS)
    offset += lockBytes(slots)
    this.#lows = new Int32Array(buffer, offset, slots)
    offset += slots * 4
    this.#highs = new Int32Array(buffer, offset, slots)
    offset += slots * 4
    this.expiresAtMs = new Float64Array(buffer, offset, slots)
    offset += slots * 8
    this.cells = new Float64Array(buffer, offset, slots * this.cellsPerSlot)
  }

  /** Live keys that were thrown out because their bucket was full, since the table was made. */
  get evictions(): number {
    return Atomics.load(this.#header, EVICTIONS_WORD)
  }

  /** Locks that were taken over from a thread that had died, since the table was made. */
  get takeovers(): number {
    return Atomics.load(this.#header, TAKEOVERS_WORD)
  }

  /** The seeds of a limiter with this name, the same in every thread. Made once, when the configuration changes. */
  scope(name: string): Scope {
    this.#hash.compute(this.#header[SEED0_WORD], this.#header[SEED1_WORD], name)
    return { seed0: this.#hash.low, seed1: this.#hash.high }
  }

  /**
   * Finds or claims the slot of a key and locks it. The caller reads and writes the cells, sets `expiresAtMs` (a fresh slot
   * that keeps 0 stays free), and must call `release` at once; nothing in between may throw or acquire another.
   */
  acquire(scope: Scope, key: string, nowMs: number): number {
    this.#hash.compute(scope.seed0, scope.seed1, key)
    const { low, high } = this.#hash
    const bucket = high & this.#bucketMask
    this.#lock(bucket)
    const lows = this.#lows
    const highs = this.#highs
    const first = bucket * BUCKET_SLOTS
    for (let slot = first; slot < first + BUCKET_SLOTS; slot++) {
      if (lows[slot] !== low || highs[slot] !== high) continue
      if (this.expiresAtMs[slot] > nowMs) this.fresh = false
      else this.#claim(slot, low, high)
      return slot
    }
    const victim = this.#victim(first)
    if (this.expiresAtMs[victim] > nowMs) Atomics.add(this.#header, EVICTIONS_WORD, 1)
    this.#claim(victim, low, high)
    return victim
  }

  /** Like `acquire`, but a key that is not there, or has expired, gives -1 and holds no lock. */
  find(scope: Scope, key: string, nowMs: number): number {
    this.#hash.compute(scope.seed0, scope.seed1, key)
    const { low, high } = this.#hash
    const bucket = high & this.#bucketMask
    this.#lock(bucket)
    const first = bucket * BUCKET_SLOTS
    for (let slot = first; slot < first + BUCKET_SLOTS; slot++) {
      if (this.#lows[slot] === low && this.#highs[slot] === high && this.expiresAtMs[slot] > nowMs) return slot
    }
    this.#unlock(bucket)
    return -1
  }

  /** Unlocks the slot that `acquire` or `find` returned. */
  release(slot: number): void {
    this.#unlock((slot / BUCKET_SLOTS) | 0)
  }

  /** Calls `visit` for every slot that has not been freed, under its lock. For the control thread: it walks the whole table. */
  forEachSlot(visit: (slot: number) => void): void {
    for (let bucket = 0; bucket <= this.#bucketMask; bucket++) {
      this.#lock(bucket)
      const first = bucket * BUCKET_SLOTS
      for (let slot = first; slot < first + BUCKET_SLOTS; slot++) if (this.expiresAtMs[slot] > 0) visit(slot)
      this.#unlock(bucket)
    }
  }

  /**
   * Frees the locks of a worker thread that has exited, and returns how many there were. To be called before a new worker starts
   * at the same index. What the dead thread was writing stays as far as it got: limiters write in an order that is safe for that.
   */
  releaseLocksOf(workerIndex: number): number {
    let released = 0
    for (let bucket = 0; bucket <= this.#bucketMask; bucket++) {
      if (Atomics.compareExchange(this.#locks, bucket, workerIndex + 1, 0) === workerIndex + 1) released++
    }
    return released
  }

  /** A free slot, which is the one with the least expiry, as is the one to evict when none is free. */
  #victim(first: number): number {
    const expiresAtMs = this.expiresAtMs
    let victim = first
    for (let slot = first + 1; slot < first + BUCKET_SLOTS; slot++) {
      if (expiresAtMs[slot] < expiresAtMs[victim]) victim = slot
    }
    return victim
  }

  /** Expiry first: a thread that dies in here leaves a free slot, never another key's count. */
  #claim(slot: number, low: number, high: number): void {
    this.expiresAtMs[slot] = 0
    const end = (slot + 1) * this.cellsPerSlot
    for (let cell = slot * this.cellsPerSlot; cell < end; cell++) this.cells[cell] = 0
    this.#lows[slot] = low
    this.#highs[slot] = high
    this.fresh = true
  }

  /** The atomic exchange orders the plain reads and writes behind it: no cell needs an atomic operation of its own. */
  #lock(bucket: number): void {
    if (Atomics.compareExchange(this.#locks, bucket, 0, this.#owner) !== 0) this.#waitForLock(bucket)
  }

  /** By exchange, not by store: a lock that was taken over meanwhile is not ours to free. */
  #unlock(bucket: number): void {
    Atomics.compareExchange(this.#locks, bucket, this.#owner, 0)
  }

  #waitForLock(bucket: number): void {
    const locks = this.#locks
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(locks, bucket) === 0 && Atomics.compareExchange(locks, bucket, 0, this.#owner) === 0) return
    }
    let holder = Atomics.load(locks, bucket)
    let sinceMs = performance.now()
    for (;;) {
      const seen = Atomics.compareExchange(locks, bucket, 0, this.#owner)
      if (seen === 0) return
      if (seen !== holder) {
        holder = seen
        sinceMs = performance.now()
      } else if (performance.now() - sinceMs > this.#takeoverMs) {
        if (Atomics.compareExchange(locks, bucket, holder, this.#owner) === holder) {
          Atomics.add(this.#header, TAKEOVERS_WORD, 1)
          return
        }
      }
      // Nobody notifies (that would cost every release a call): the time-out is what gives the core to the holder.
      Atomics.wait(locks, bucket, seen, NAP_MS)
    }
  }
}

function lockBytes(slots: number): number {
  return Math.ceil(slots / BUCKET_SLOTS / 2) * 8
}
