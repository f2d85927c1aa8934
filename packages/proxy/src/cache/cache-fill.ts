import type { Headers, ResponseHead } from '@sekisho/wire'
import type { CacheUse } from './cache-use.ts'
import { fieldsToStore, type StoredMeta } from './stored-response.ts'
import { fieldsToDrop } from './storing.ts'
import { varyNames } from './vary.ts'

/** What is known of a response before its body has come. */
export type FillMeta = Omit<StoredMeta, 'key' | 'variants' | 'bodyLength' | 'headers'>

/** A response on its way into the cache: gathered while it passes, within `maxBodyBytes` and what the cache lets all fills take. */
export class CacheFill {
  private readonly use: CacheUse
  private readonly meta: FillMeta
  private readonly headers: Headers
  private readonly chunks: Uint8Array[] = []
  /** Bytes that the head announced; negative: none. */
  private readonly declared: number
  private size = 0

  constructor(use: CacheUse, head: ResponseHead, meta: FillMeta) {
    this.use = use
    this.meta = meta
    this.headers = fieldsToStore(head.headers, -1, fieldsToDrop(head.headers))
    this.declared = head.bodyLength
  }

  /** @param chunk valid during the call only @returns false: there is no room for it, and the fill is to be abandoned */
  add(chunk: Uint8Array): boolean {
    if (chunk.length === 0) return true
    const { cache, policy } = this.use
    if (this.size + chunk.length > policy.maxBodyBytes || !cache.takeFill(chunk.length)) return false
    this.size += chunk.length
    this.chunks.push(Buffer.from(chunk))
    return true
  }

  /** The body is whole. @returns undefined: it has not the length that it should have */
  store(requestHeaders: Headers): Promise<void> | undefined {
    const { use, meta, headers, chunks, declared, size } = this
    this.abandon()
    if (declared >= 0 && declared !== size && meta.status !== 204) return undefined
    headers.appendUnchecked('Content-Length', String(size))
    return use.cache.put(use.key, { ...meta, headers, bodyLength: size }, varyNames(headers), requestHeaders, chunks)
  }

  /** Gives back what it took of the room of all fills. */
  abandon(): void {
    this.use.cache.giveFill(this.size)
    this.size = 0
  }
}
