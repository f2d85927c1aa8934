import { StoreError } from '../backend/store-error.ts'
import type { EtcdClient } from './client/etcd-client.ts'
import { isEtcdFailure } from './client/etcd-error.ts'
import type { KeyValue, ResponseHeader } from './messages/messages.ts'
import type { Span } from './layout.ts'

/** 10,000 routes of 300 bytes are 3 MB. For each page, etcd 3.4 goes through the index of all that is left: few pages are faster. */
export const PAGE_KEYS = 10_000
/** A million routes of 300 bytes are 300 MB. */
export const MAX_SPAN_BYTES = 512 * 1024 * 1024

export interface SpanContent {
  /** Of the last page. */
  readonly header: ResponseHeader
  /** The revision that all was read at. */
  readonly revision: number
  readonly kvs: readonly KeyValue[]
}

/**
 * Reads all keys of a span at one revision, in pages. Rejects with `compacted` or `future` when that revision cannot be read.
 * @param revision left out: the newest
 */
export async function readSpan(
  client: EtcdClient,
  span: Span,
  { revision: wanted, keysOnly = false }: { readonly revision?: number; readonly keysOnly?: boolean } = {},
): Promise<SpanContent> {
  const kvs: KeyValue[] = []
  let revision = wanted
  let key = span.key
  let limit = PAGE_KEYS
  let bytes = 0
  for (;;) {
    const at = revision === undefined ? {} : { revision }
    const page = await client
      .range({ key, rangeEnd: span.rangeEnd, limit, keysOnly, ...at }, { bulk: kvs.length > 0 })
      .catch((error: unknown) => {
        if (!isEtcdFailure(error, 'too-long') || limit === 1) throw error
        return undefined
      })
    if (page === undefined) {
      limit = Math.ceil(limit / 8)
      continue
    }
    revision ??= page.header.revision
    for (const kv of page.kvs) {
      kvs.push(kv)
      bytes += kv.key.length + kv.value.length
    }
    if (bytes > MAX_SPAN_BYTES)
      throw new StoreError(
        `etcd has more than ${MAX_SPAN_BYTES} bytes under ${span.key}: is that the prefix of a gateway?`,
      )
    const last = page.kvs.at(-1)
    if (!page.more || last === undefined) return { header: page.header, revision, kvs }
    const next = `${last.key}\0`
    // A key that is no UTF-8 reads as another one, which may lie before it.
    if (next === key) throw new StoreError(`etcd has a key under ${span.key} that is no text: delete ${last.key}`)
    key = next
  }
}
