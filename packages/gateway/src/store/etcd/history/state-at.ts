import type { BackendSnapshot, DocumentKey, StoredDocument } from '../../backend/backend.ts'
import type { HistoryRecord } from './record.ts'

/**
 * Goes back from a snapshot to an earlier revision by undoing what the history tells, newest first. Undefined when the history does not
 * fit: somebody changed a document and no gateway saw it.
 */
export function stateAt(
  revision: number,
  now: BackendSnapshot,
  newer: readonly { readonly record: HistoryRecord }[],
): BackendSnapshot | undefined {
  const documents = new Map<DocumentKey, StoredDocument>(now.documents)
  for (const { record } of newer) {
    for (const change of record.changes) {
      const { key, before, after } = change
      if (documents.get(key)?.value !== after) return undefined
      if (before === undefined) documents.delete(key)
      else
        documents.set(key, {
          key,
          value: before,
          revision: change.revision ?? 0,
          createRevision: change.createRevision ?? 0,
        })
    }
  }
  for (const document of documents.values()) if (document.revision > revision) return undefined
  return { revision, documents }
}
