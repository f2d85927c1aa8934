import type { BackendSnapshot, DocumentKey, StoredDocument } from '../backend/backend.ts'
import type { EtcdClient } from './client/etcd-client.ts'
import { isPlaceholder, type WatchedLayout } from './layout.ts'
import type { KeyValue } from './messages/messages.ts'
import { readSpan } from './read-span.ts'

const decoder = new TextDecoder()
export const textOf = (value: Uint8Array): string => decoder.decode(value)

/** The document in a key of etcd; undefined: it is none. */
export function documentIn(layout: WatchedLayout, kv: KeyValue): StoredDocument | undefined {
  const key = layout.documentOf(kv.key)
  if (key === undefined) return undefined
  const value = textOf(kv.value)
  if (isPlaceholder(value)) return undefined
  return { key, value, createRevision: kv.createRevision, revision: kv.modRevision }
}

/** What tells a store from another one, or from itself before it was restored from a backup. */
export interface StoreMark {
  readonly clusterId: bigint
  /** Something that was seen: this key had its last change in this revision. */
  readonly witness: { readonly key: string; readonly modRevision: number } | undefined
}

export interface MarkedSnapshot {
  readonly snapshot: BackendSnapshot
  readonly mark: StoreMark
}

/**
 * All documents at one revision. While a large commit is being copied into place, those of the revision before it: nobody sees half of
 * it. Rejects with `compacted` or `future`.
 */
export async function readDocuments(
  client: EtcdClient,
  layout: WatchedLayout,
  revision?: number,
): Promise<MarkedSnapshot> {
  const content = await readSpan(client, layout.documents, revision === undefined ? {} : { revision })
  const marker = content.kvs.find(({ key }) => key === layout.marker)
  if (marker !== undefined) return readDocuments(client, layout, marker.modRevision - 1)
  const documents = new Map<DocumentKey, StoredDocument>()
  let newest: KeyValue | undefined
  for (const kv of content.kvs) {
    const document = documentIn(layout, kv)
    if (document !== undefined) documents.set(document.key, document)
    if (newest === undefined || kv.modRevision > newest.modRevision) newest = kv
  }
  return {
    snapshot: { revision: content.revision, documents },
    mark: {
      clusterId: content.header.clusterId,
      witness: newest && { key: newest.key, modRevision: newest.modRevision },
    },
  }
}
