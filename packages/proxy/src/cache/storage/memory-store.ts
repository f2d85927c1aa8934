import { latin1TextOf } from '@sekisho/wire'
import { KeyHash } from '../../limits/key-hash.ts'
import { PIECE_BYTES, TEXT_BYTES, type BodyReader, type StoredMeta, type StoredResponse } from '../stored-response.ts'
import type { CacheStore, CacheUsage } from './cache-store.ts'
import { decodeMeta, encodeMeta, metaBytes } from './record.ts'
import { NONE, SharedIndex } from './shared-index.ts'

/** Space is given out in blocks: small enough to waste little on small responses, large enough that links cost 0.4 %. */
export const BLOCK_BYTES = 1_024
/** Entries per block at most one in four: a response with its head and key is seldom below 1 KiB, the table should not be larger than what it indexes. */
const BLOCKS_PER_SLOT = 2
/** Large bodies that one worker may be sending at a time from here; one more is a miss. */
const MAX_PINS = 512
/** Of a body that is not larger than the whole store's tenth: one response must not push all others out. */
const MAX_PART = 8

/** The shared memory of a memory store. */
export interface MemoryStoreBuffers {
  readonly index: SharedArrayBuffer
  /** Blocks: links first, then the bytes. */
  readonly blocks: SharedArrayBuffer
  /** What each worker reads at present, so that a worker that died leaves nothing pinned. */
  readonly pins: SharedArrayBuffer
}

/**
 * Responses in memory that all workers share. An entry is a chain of blocks; its bytes never change while it is in the index, and who copies from it
 * looks at its generation afterwards. Large bodies are read from pinned entries, piece by piece as their client takes them.
 */
export class MemoryStore implements CacheStore {
  private readonly index: SharedIndex
  private readonly links: Int32Array
  private readonly bytes: Uint8Array
  private readonly pins: Int32Array
  private readonly pinsAt: number
  private readonly hash = new KeyHash()

  static createBuffers(capacityBytes: number, workers: number): MemoryStoreBuffers {
    const blocks = Math.max(64, Math.floor(capacityBytes / BLOCK_BYTES))
    const index = SharedIndex.createBuffer({ slots: Math.ceil(blocks / BLOCKS_PER_SLOT), capacity: blocks })
    const buffer = new SharedArrayBuffer(8 + 4 * blocks + BLOCK_BYTES * blocks)
    return { index, blocks: buffer, pins: new SharedArrayBuffer(4 * MAX_PINS * Math.max(1, workers)) }
  }

  constructor(buffers: MemoryStoreBuffers, workerIndex = 0) {
    this.index = new SharedIndex(buffers.index, (slot) => this.freeBlocks(slot))
    const blocks = this.index.capacity
    this.links = new Int32Array(buffers.blocks, 0, 1 + blocks)
    this.bytes = new Uint8Array(buffers.blocks, 8 + 4 * blocks)
    this.pins = new Int32Array(buffers.pins)
    this.pinsAt = MAX_PINS * (workerIndex % (this.pins.length / MAX_PINS))
    this.releasePins()
  }

  get usage(): CacheUsage {
    const { entries, usedUnits, evictions } = this.index
    return { entries, bytes: usedUnits * BLOCK_BYTES, evictions }
  }

  isCurrent(stored: StoredResponse): boolean {
    return this.index.generationOf(stored.slot) === stored.generation
  }

  used(stored: StoredResponse): void {
    this.index.use(stored.slot)
  }

  get(key: string): StoredResponse | undefined {
    const { index, hash } = this
    hash.compute(index.seed0, index.seed1, key)
    this.lock()
    const slot = index.find(hash.low, hash.high)
    if (slot === NONE) {
      index.release()
      return undefined
    }
    index.use(slot)
    const generation = index.generationOf(slot)
    const first = index.payloadOf(slot)
    const length = index.lengthOf(slot)
    index.release()
    const record = this.copy(first, 0, Math.min(length, FIRST_READ))
    const size = metaBytes(record)
    const meta = size < 0 ? undefined : size <= record.length ? record : this.copy(first, 0, size)
    if (meta === undefined || index.generationOf(slot) !== generation) return undefined
    const decoded = decodeMeta(meta)
    if (decoded === undefined || decoded.meta.key !== key) return undefined
    const { bodyLength } = decoded.meta
    let text: string | undefined
    if (bodyLength <= TEXT_BYTES) {
      text = bodyLength === 0 ? '' : latin1TextOf(this.copy(first, size, size + bodyLength))
      if (index.generationOf(slot) !== generation) return undefined
    }
    return {
      ...decoded.meta,
      text,
      slot,
      generation,
      openBody: () => this.open(slot, generation, first, size, bodyLength),
    }
  }

  put(meta: StoredMeta, body: readonly Uint8Array[]): void {
    const { index, hash } = this
    const head = encodeMeta(meta, [])
    const length = head.length + meta.bodyLength
    const count = Math.ceil(length / BLOCK_BYTES)
    if (count > index.capacity / MAX_PART) {
      this.delete(meta.key)
      return
    }
    hash.compute(index.seed0, index.seed1, meta.key)
    const { low, high } = hash
    this.lock()
    const slot = index.insert(low, high, count)
    if (slot === NONE) {
      index.release()
      return
    }
    // Blocks are there: the units that the index counts are blocks. Writing them takes 0.1 ms per MB, and happens under the lock so that
    // nobody finds a half written entry.
    const first = this.takeBlocks(count)
    this.write(first, [head, ...body])
    index.setPayload(slot, first, length)
    index.release()
  }

  delete(key: string): void {
    const { index, hash } = this
    hash.compute(index.seed0, index.seed1, key)
    this.lock()
    const slot = index.find(hash.low, hash.high)
    if (slot !== NONE) index.remove(slot)
    index.release()
  }

  private lock(): void {
    if (this.index.acquire()) return
    // A thread died in the middle of a change: an empty cache is right in any case.
    this.index.reset()
    resetLinks(this.links)
  }

  private open(slot: number, generation: number, first: number, from: number, length: number): BodyReader | undefined {
    const { index, pins, pinsAt } = this
    this.lock()
    let place = pinsAt
    while (place < pinsAt + MAX_PINS && pins[place] !== 0) place++
    const free = place < pinsAt + MAX_PINS && index.generationOf(slot) === generation
    if (free) {
      pins[place] = slot + 1
      index.pin(slot)
    }
    index.release()
    if (!free) return undefined
    let block = first
    let blockStart = 0
    let open = true
    const { epoch } = index
    return {
      read: (start, end) => {
        const at = from + start
        if (at < blockStart) {
          block = first
          blockStart = 0
        }
        while (at >= blockStart + BLOCK_BYTES) {
          block = this.links[1 + block]
          blockStart += BLOCK_BYTES
        }
        const stop = Math.min(end, length, start + PIECE_BYTES)
        const piece = this.copy(block, at - blockStart, at - blockStart + stop - start)
        if (index.epoch !== epoch) throw new Error('the cache was emptied while a body was read from it')
        return piece
      },
      close: () => {
        if (!open) return
        open = false
        this.lock()
        if (pins[place] === slot + 1) {
          pins[place] = 0
          index.unpin(slot)
        }
        index.release()
      },
    }
  }

  /** What this worker read when it died. The first worker makes the store ready. */
  private releasePins(): void {
    const { index, pins, pinsAt } = this
    this.lock()
    if (index.begin()) resetLinks(this.links)
    for (let place = pinsAt; place < pinsAt + MAX_PINS; place++) {
      if (pins[place] === 0) continue
      index.unpin(pins[place] - 1)
      pins[place] = 0
    }
    index.release()
  }

  /** Bytes `from` to `to` of a chain, counted from its first block. Whoever has no pin checks the generation afterwards. */
  private copy(first: number, from: number, to: number): Buffer {
    const result = Buffer.allocUnsafe(to - from)
    let block = first
    let start = 0
    let at = 0
    while (at < result.length && block >= 0 && block < this.links.length - 1) {
      const offset = Math.max(0, from - start)
      if (offset < BLOCK_BYTES) {
        const count = Math.min(BLOCK_BYTES - offset, result.length - at)
        const position = block * BLOCK_BYTES + offset
        result.set(this.bytes.subarray(position, position + count), at)
        at += count
      }
      start += BLOCK_BYTES
      block = this.links[1 + block]
    }
    return result
  }

  private write(first: number, pieces: readonly Uint8Array[]): void {
    let block = first
    let offset = 0
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        if (offset === BLOCK_BYTES) {
          block = this.links[1 + block]
          offset = 0
        }
        const count = Math.min(BLOCK_BYTES - offset, piece.length - at)
        this.bytes.set(piece.subarray(at, at + count), block * BLOCK_BYTES + offset)
        at += count
        offset += count
      }
    }
  }

  /** The free blocks are a chain, too: its head is the first link. */
  private takeBlocks(count: number): number {
    const { links } = this
    const first = links[0]
    let last = first
    for (let taken = 1; taken < count; taken++) last = links[1 + last]
    links[0] = links[1 + last]
    links[1 + last] = NONE
    return first
  }

  private freeBlocks(slot: number): void {
    const { links } = this
    const first = this.index.payloadOf(slot)
    let last = first
    while (links[1 + last] !== NONE) last = links[1 + last]
    links[1 + last] = links[0]
    links[0] = first
  }
}

/** Heads of responses, their keys and small bodies come with it. */
const FIRST_READ = 8_192

function resetLinks(links: Int32Array): void {
  for (let block = 0; block < links.length - 1; block++) links[1 + block] = block + 2 < links.length ? block + 1 : NONE
  links[0] = 0
}
