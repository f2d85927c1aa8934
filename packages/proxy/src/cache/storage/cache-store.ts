import type { StoredMeta, StoredResponse } from '../stored-response.ts'

/** Where responses are kept: one of each worker, over what all workers share. */
export interface CacheStore {
  /** undefined: it has none under this key, or what it has is damaged. */
  get(key: string): StoredResponse | undefined | Promise<StoredResponse | undefined>
  /** Keeps a response; one under the same key before it is gone. May decline: when it is too large, or all is in use. `body`: pieces of any size. */
  put(meta: StoredMeta, body: readonly Uint8Array[]): void | Promise<void>
  delete(key: string): void
  /** What was got from here is still what is here. One look at shared memory. */
  isCurrent(stored: StoredResponse): boolean
  /** It was used: it stays longer. */
  used(stored: StoredResponse): void
  readonly usage: CacheUsage
  close?(): Promise<void>
}

/** Of all workers together. */
export interface CacheUsage {
  readonly entries: number
  readonly bytes: number
  readonly evictions: number
}
