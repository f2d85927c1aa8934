import type { BackendChange, BackendSnapshot, DocumentKey, HistoryEntry, StoredDocument } from '../backend/backend.ts'
import { storedDocument } from './apply-commit.ts'
import type { EmbeddedDatabase } from './database.ts'
import type { HistoryChange } from './records.ts'

/** An answer ends here, with one entry at least: a reader asks on with `before`. */
export const MAX_HISTORY_ANSWER_BYTES = 32 * 1024 * 1024

/** Newest first. */
export function readHistory(
  database: EmbeddedDatabase,
  { before = Infinity, limit }: { readonly before?: number; readonly limit: number },
): readonly HistoryEntry[] {
  return database.read(() => {
    const state = database.state()
    const entries: HistoryEntry[] = []
    let bytes = 0
    for (let revision = Math.min(before - 1, state.revision); revision >= state.firstRevision; revision--) {
      if (entries.length >= limit) break
      const header = database.historyHeader(revision)
      bytes += header.bytes
      if (entries.length > 0 && bytes > MAX_HISTORY_ANSWER_BYTES) break
      entries.push({
        revision,
        time: header.time,
        author: header.author,
        changes: changesOf(database, revision, header.changes).map((change) => ({
          key: change.key,
          before: change.before?.value,
          after: change.after?.value,
        })),
      })
    }
    return entries
  })
}

/** The change that made a revision; undefined when it is no longer, or not yet, in the history. */
export function readChange(database: EmbeddedDatabase, revision: number): BackendChange | undefined {
  return database.read(() => {
    const state = database.state()
    if (revision < state.firstRevision || revision > state.revision) return undefined
    const changes = changesOf(database, revision, database.historyHeader(revision).changes)
    return { revision, events: changes.map(({ key, after }) => ({ key, document: storedDocument(key, after) })) }
  })
}

/** From what holds now, one entry after the other is undone. */
export function snapshotAt(database: EmbeddedDatabase, revision: number): BackendSnapshot | undefined {
  return database.read(() => {
    const state = database.state()
    if (!Number.isInteger(revision) || revision < state.firstRevision - 1 || revision > state.revision) return undefined
    const documents = new Map<DocumentKey, StoredDocument>(database.snapshot().documents)
    for (let undone = state.revision; undone > revision; undone--)
      for (const { key, before } of changesOf(database, undone, database.historyHeader(undone).changes)) {
        const document = storedDocument(key, before)
        if (document === undefined) documents.delete(key)
        else documents.set(key, document)
      }
    return { revision, documents }
  })
}

const changesOf = (database: EmbeddedDatabase, revision: number, count: number): HistoryChange[] =>
  Array.from({ length: count }, (_, index) => database.historyChange(revision, index + 1))
