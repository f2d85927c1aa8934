import type { Author, BackendChange, Condition, DocumentKey, StoredDocument, Write } from '../backend/backend.ts'
import { StoreError } from '../backend/store-error.ts'
import type { EmbeddedDatabase } from './database.ts'
import { type HistoryLimits, pruneHistory } from './history-limits.ts'
import type { DocumentRecord, HistoryChange, StoreState } from './records.ts'

/** Of all documents together: they are in memory of the control thread and of each worker, too. */
export const MAX_STORE_BYTES = 512 * 1024 * 1024

export interface CommitRequest {
  readonly writes: readonly Write[]
  readonly conditions: readonly Condition[]
  /** Undefined: times to live that are over. */
  readonly author: Author | undefined
}

/** `change` undefined: nothing was different, as after deleting what is not there. */
export type CommitOutcome =
  | { readonly change: BackendChange | undefined; readonly revision: number; readonly expiries: readonly Expiry[] }
  | { readonly conflict: DocumentKey }
  | { readonly refused: StoreError }

/** `at` in milliseconds since 1970; 0: it has none, or is gone. */
export interface Expiry {
  readonly key: DocumentKey
  readonly at: number
}

/**
 * One commit within a transaction. Everything that may refuse it comes before the first write: several commits share one
 * transaction, and what throws here undoes them all.
 */
export function applyCommit(
  database: EmbeddedDatabase,
  state: StoreState,
  request: CommitRequest,
  limits: HistoryLimits,
  now: number,
): CommitOutcome {
  for (const { key, revision } of request.conditions)
    if ((database.document(key)?.revision ?? 0) !== revision) return { conflict: key }

  const revision = state.revision + 1
  const changes: HistoryChange[] = []
  let { documents, documentBytes } = state
  for (const write of request.writes) {
    const before = database.document(write.key)
    if (before === undefined && write.value === undefined) continue
    const after = recordOf(write, before, revision, now)
    documents += (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1)
    documentBytes += bytesOf(after) - bytesOf(before)
    changes.push({ key: write.key, before, after })
  }
  if (changes.length === 0) return { change: undefined, revision: state.revision, expiries: [] }
  if (documentBytes > MAX_STORE_BYTES && documentBytes > state.documentBytes)
    return { refused: storeFull(documentBytes) }

  for (const { key, after } of changes) {
    if (after === undefined) database.removeDocument(key)
    else database.putDocument(key, after)
  }
  Object.assign(state, { revision, documents, documentBytes })
  state.historyBytes += database.putHistory(revision, { time: now, author: request.author }, changes)
  pruneHistory(database, state, limits, now)
  return {
    change: { revision, events: changes.map(({ key, after }) => ({ key, document: storedDocument(key, after) })) },
    revision,
    expiries: changes.map(({ key, after }) => ({ key, at: after?.expiresAt ?? 0 })),
  }
}

export function storedDocument(key: DocumentKey, record: DocumentRecord | undefined): StoredDocument | undefined {
  if (record === undefined) return undefined
  return { key, value: record.value, createRevision: record.createRevision, revision: record.revision }
}

/** A write without a time to live ends the one that the document had, as in etcd. */
function recordOf(
  { value, ttlSeconds }: Write,
  before: DocumentRecord | undefined,
  revision: number,
  now: number,
): DocumentRecord | undefined {
  if (value === undefined) return undefined
  const expiresAt = ttlSeconds === undefined ? 0 : now + ttlSeconds * 1_000
  return { createRevision: before?.createRevision ?? revision, revision, expiresAt, value }
}

const bytesOf = (record: DocumentRecord | undefined): number =>
  record === undefined ? 0 : Buffer.byteLength(record.value)

const storeFull = (bytes: number): StoreError =>
  new StoreError(
    `the store would hold ${bytes} bytes of documents, at most ${MAX_STORE_BYTES}: delete what is not in use`,
  )
