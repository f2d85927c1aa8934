import type { ResourceKind } from '../../resources/kind-names.ts'

/** `routes/1`, `consumers/jack`: as etcd's keys of APISIX behind their prefix. */
export type DocumentKey = `${ResourceKind}/${string}`

/** One resource as it was written: JSON text with its references (`$env://…`) and times in it. */
export interface StoredDocument {
  readonly key: DocumentKey
  readonly value: string
  /** Of the change that made it. */
  readonly createRevision: number
  /** Of its last change: what a compare-and-swap compares. */
  readonly revision: number
}

/** All documents at one revision. */
export interface BackendSnapshot {
  readonly revision: number
  readonly documents: ReadonlyMap<DocumentKey, StoredDocument>
}

/** What one commit changed. Delivered whole. */
export interface BackendChange {
  readonly revision: number
  /** `document` undefined: it is gone (deleted, or its time to live is over). */
  readonly events: readonly { readonly key: DocumentKey; readonly document: StoredDocument | undefined }[]
}

export interface Write {
  readonly key: DocumentKey
  /** JSON text; undefined deletes. */
  readonly value: string | undefined
  /** The document deletes itself after so many seconds. */
  readonly ttlSeconds?: number
}

/** Holds when the document's last change is `revision`; 0: when there is none. */
export interface Condition {
  readonly key: DocumentKey
  readonly revision: number
}

/** Who changed something, for history and audit log. */
export interface Author {
  /** Name of the admin key, or of the command's user. */
  readonly who: string
  /** Address it came from. */
  readonly from: string
  readonly comment?: string
}

/** A commit that was done, or the condition that did not hold: nothing was written then. */
export type CommitResult =
  | { readonly revision: number; readonly conflict?: undefined }
  | { readonly conflict: DocumentKey; readonly revision?: undefined }

/** One entry of the history, newest first. `before` and `after` are JSON texts; undefined = not there. */
export interface HistoryEntry {
  readonly revision: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly author: Author | undefined
  readonly changes: readonly {
    readonly key: DocumentKey
    readonly before: string | undefined
    readonly after: string | undefined
  }[]
}

export interface BackendListener {
  onChange(change: BackendChange): void
  /**
   * Changes were missed (compaction, a store restored from a backup): this is what holds now.
   * @param restored it may be another history: revisions may have gone back
   */
  onResync(snapshot: BackendSnapshot, restored?: boolean): void
  /** Whether the store can be reached; `reason` for the log when it cannot. */
  onState(connected: boolean, reason: string | undefined): void
}

/** Where documents are kept: `embedded` in a file of this node, or `etcd`. It knows nothing of what they mean. */
export interface StoreBackend {
  /** Rejects when the store cannot be reached in time. */
  snapshot(): Promise<BackendSnapshot>
  /** All changes after that revision, in order, each once, until the returned function is called. */
  watch(afterRevision: number, listener: BackendListener): () => void
  /** All writes or none. Resolves when they are durable. */
  commit(writes: readonly Write[], conditions: readonly Condition[], author: Author): Promise<CommitResult>
  /** Entries older than `before` (exclusive; left out: from the newest), at most `limit`. */
  history(options: { readonly before?: number; readonly limit: number }): Promise<readonly HistoryEntry[]>
  /** The documents as they were at a revision; undefined when its history is gone. */
  at(revision: number): Promise<BackendSnapshot | undefined>
  close(): Promise<void>
}
