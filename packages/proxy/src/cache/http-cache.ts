import { Headers } from '@sekisho/wire'
import { FillLocks } from './fill-locks.ts'
import { LocalEntries } from './local-entries.ts'
import type { CacheStore } from './storage/cache-store.ts'
import { PURGE_ALL, type PurgeTable } from './storage/purge-table.ts'
import { pendingResponse } from './pending-response.ts'
import type { StoredMeta, StoredResponse } from './stored-response.ts'
import { variantKey } from './vary.ts'

/** How a request was answered, for metrics; the words of nginx's `$upstream_cache_status`. */
export type CacheResult = 'hit' | 'miss' | 'expired' | 'stale' | 'updating' | 'revalidated' | 'bypass'

/** Told what happens; for metrics. */
export interface CacheEvents {
  result(result: CacheResult): void
  stored(bytes: number): void
  purged(): void
  /** Requests that waited for another one's response. */
  collapsed(): void
  failed(error: unknown): void
}

export interface HttpCacheOptions {
  readonly store: CacheStore
  readonly purges: PurgeTable
  /** Bytes of responses that this worker keeps ready. Default 16 MiB. */
  readonly localBytes?: number
  /** Bytes of responses that are being fetched and gathered, at most, per worker. Default 128 MiB; what is over is not stored. */
  readonly maxFillBytes?: number
  readonly events?: Partial<CacheEvents>
  /** Keeps a purge for the next start. */
  readonly keepPurge?: (cell: number, number: number) => Promise<void>
  /** Wall clock, ms. */
  readonly now?: () => number
}

const DEFAULT_LOCAL_BYTES = 16_777_216
const DEFAULT_MAX_FILL_BYTES = 134_217_728
/** Sets of field names that one resource varies by, at most: more than one only while an upstream changes its mind. */
const MAX_VARIANT_SETS = 3
const NO_HEADERS = new Headers()
/** The cells that every response has: its key, its URL, all. */
const OWN_CELLS = 3

/** A cache of one worker over a store that all share. What decides about a request is beside this: `storing`, `conditions`, the exchange. */
export class HttpCache {
  readonly locks = new FillLocks()
  readonly now: () => number
  readonly events: Partial<CacheEvents>
  private readonly store: CacheStore
  private readonly purges: PurgeTable
  private readonly local: LocalEntries
  private readonly keepPurge: HttpCacheOptions['keepPurge']
  private readonly maxFillBytes: number
  private fillBytes = 0
  private readonly pending = new Map<string, StoredResponse>()

  constructor(options: HttpCacheOptions) {
    this.store = options.store
    this.purges = options.purges
    this.local = new LocalEntries(options.localBytes ?? DEFAULT_LOCAL_BYTES)
    this.maxFillBytes = options.maxFillBytes ?? DEFAULT_MAX_FILL_BYTES
    this.events = options.events ?? {}
    this.keepPurge = options.keepPurge
    this.now = options.now ?? Date.now
  }

  /** The number that a response has which is asked for now. */
  get sequence(): number {
    return this.purges.sequence
  }

  /** Finds what is stored for a request: by the key of the resource, then by what it varies by. */
  find(key: string, request: Headers): StoredResponse | undefined | Promise<StoredResponse | undefined> {
    const found = this.one(key)
    if (found instanceof Promise) return found.then((stored) => this.chosen(key, stored, request))
    return found === undefined || found.variants === undefined ? found : this.chosen(key, found, request)
  }

  private chosen(
    key: string,
    stored: StoredResponse | undefined,
    request: Headers,
  ): StoredResponse | undefined | Promise<StoredResponse | undefined> {
    const sets = stored?.variants
    return sets === undefined ? stored : this.firstVariant(key, sets, 0, request)
  }

  private firstVariant(
    key: string,
    sets: readonly (readonly string[])[],
    at: number,
    request: Headers,
  ): StoredResponse | undefined | Promise<StoredResponse | undefined> {
    for (let index = at; index < sets.length; index++) {
      const found = this.one(key + variantKey(sets[index], request))
      if (found instanceof Promise)
        return found.then((stored) => stored ?? this.firstVariant(key, sets, index + 1, request))
      if (found !== undefined) return found
    }
    return undefined
  }

  private one(key: string): StoredResponse | undefined | Promise<StoredResponse | undefined> {
    if (this.pending.size > 0) {
      const pending = this.pending.get(key)
      if (pending !== undefined && !this.purges.isPurged(pending.cells, pending.sequence)) return pending
    }
    const local = this.local.get(key)
    if (local !== undefined) {
      if (this.store.isCurrent(local) && !this.purges.isPurged(local.cells, local.sequence)) {
        this.store.used(local)
        return local
      }
      this.local.delete(key)
    }
    const found = this.store.get(key)
    return found instanceof Promise ? found.then((stored) => this.loaded(stored)) : this.loaded(found)
  }

  private loaded(stored: StoredResponse | undefined): StoredResponse | undefined {
    if (stored === undefined) return undefined
    if (this.purges.isPurged(stored.cells, stored.sequence)) {
      this.store.delete(stored.key)
      return undefined
    }
    this.local.set(stored)
    return stored
  }

  /** Cells of a resource, of all that the store has, and of its tags. */
  cellsOf(key: string, url: string, tags: readonly string[]): number[] {
    const names = [`key ${key}`, `url ${url}`, PURGE_ALL, ...tags.map((tag) => `tag ${tag}`)]
    return names.map((name) => this.purges.cellOf(name))
  }

  /**
   * Keeps a response of the resource `key`.
   * @param names what it varies by
   */
  async put(
    key: string,
    meta: Omit<StoredMeta, 'key' | 'variants'>,
    names: readonly string[] | undefined,
    request: Headers,
    body: readonly Uint8Array[],
  ): Promise<void> {
    if (this.purges.isPurged(meta.cells, meta.sequence)) return
    const own = names === undefined ? key : key + variantKey(names, request)
    try {
      const marker = names === undefined ? undefined : await this.markerOf(key, names, meta)
      const whole = this.write({ ...meta, key: own, variants: undefined }, body)
      if (marker !== undefined) await this.write(marker, [])
      await whole
      this.events.stored?.(meta.bodyLength)
    } catch (error) {
      this.events.failed?.(error)
    }
  }

  /** The head of a stored response is another one now; its body stays. */
  async update(before: StoredResponse, meta: Omit<StoredMeta, 'key' | 'variants'>): Promise<void> {
    const body = await bodyOf(before)
    if (body === undefined || this.purges.isPurged(meta.cells, meta.sequence)) return
    try {
      await this.write({ ...meta, key: before.key, variants: undefined }, body)
    } catch (error) {
      this.events.failed?.(error)
    }
  }

  /** The resource varies: its key leads to the names of the fields by which. undefined: it does so already. */
  private async markerOf(
    key: string,
    names: readonly string[],
    meta: Omit<StoredMeta, 'key' | 'variants'>,
  ): Promise<StoredMeta | undefined> {
    const found = this.one(key)
    const sets = (found instanceof Promise ? await found : found)?.variants ?? []
    const text = names.join()
    if (sets.length > 0 && sets[0].join() === text) return undefined
    const variants = [names, ...sets.filter((set) => set.join() !== text)].slice(0, MAX_VARIANT_SETS)
    return { ...meta, headers: NO_HEADERS, cells: meta.cells.slice(0, OWN_CELLS), key, variants, bodyLength: 0 }
  }

  /** While a store writes, what it writes is found here. */
  private async write(meta: StoredMeta, body: readonly Uint8Array[]): Promise<void> {
    this.local.delete(meta.key)
    const writing = this.store.put(meta, body)
    if (writing !== undefined) {
      const pending = pendingResponse(meta, body)
      this.pending.set(meta.key, pending)
      try {
        await writing
      } finally {
        if (this.pending.get(meta.key) === pending) this.pending.delete(meta.key)
      }
    }
    this.local.delete(meta.key)
  }

  /** Forgets one stored response. */
  delete(stored: StoredResponse): void {
    this.pending.delete(stored.key)
    this.local.delete(stored.key)
    this.store.delete(stored.key)
  }

  /** All that is stored of a resource, in all variants. Resolves when it would survive a restart. */
  async purgeKey(key: string): Promise<boolean> {
    const known = (await this.one(key)) !== undefined
    this.local.delete(key)
    this.store.delete(key)
    // What is not there cannot come back by a restart: requests that change something are many, and need no record each.
    await this.purgeCell(this.purges.cellOf(`key ${key}`), known)
    return known
  }

  /** All that has this tag. */
  purgeTag(tag: string): Promise<void> {
    return this.purgeCell(this.purges.cellOf(`tag ${tag}`), true)
  }

  private async purgeCell(cell: number, keep: boolean): Promise<void> {
    const number = this.purges.purge(cell)
    this.events.purged?.()
    if (keep) await this.keepPurge?.(cell, number)
  }

  /** Room for bytes that are gathered; false: there is none. */
  takeFill(bytes: number): boolean {
    if (this.fillBytes + bytes > this.maxFillBytes) return false
    this.fillBytes += bytes
    return true
  }
  giveFill(bytes: number): void {
    this.fillBytes -= bytes
  }
}

/** undefined: it is gone. */
async function bodyOf(stored: StoredResponse): Promise<Uint8Array[] | undefined> {
  if (stored.text !== undefined) return [Buffer.from(stored.text, 'latin1')]
  const reader = stored.openBody()
  if (reader === undefined) return undefined
  try {
    const pieces: Uint8Array[] = []
    for (let at = 0; at < stored.bodyLength;) {
      const piece = await reader.read(at, stored.bodyLength)
      pieces.push(piece)
      at += piece.length
    }
    return pieces
  } finally {
    reader.close()
  }
}
