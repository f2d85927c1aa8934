import type { ConfigProblem } from '../config/problem.ts'
import type { ResourceKind } from '../resources/kind-names.ts'
import type { Author, DocumentKey, HistoryEntry } from '../store/backend/backend.ts'

/** A resource as people see it: what was written, with id, `create_time` and `update_time` (seconds since 1970). */
export type Document = Readonly<Record<string, unknown>>

/** A document with what the store knows of it. */
export interface Item {
  readonly kind: ResourceKind
  readonly id: string
  readonly value: Document
  readonly createRevision: number
  /** Of its last change. */
  readonly revision: number
}

/** What is to be changed. `value` undefined deletes. */
export interface DocumentChange {
  readonly kind: ResourceKind
  readonly id: string
  readonly value: Document | undefined
  readonly ttlSeconds?: number
  /** Only if its last change is this revision; 0: only if it is not there. Left out: whatever is there. */
  readonly ifRevision?: number
}

export interface WriteOptions {
  readonly author: Author
  /** Says what would happen, and writes nothing. */
  readonly dryRun?: boolean
  /** Deletes also what others refer to (APISIX's `force=true`). */
  readonly force?: boolean
}

/**
 * `problems`: refused whole, each with the path of the field, the reason and the remedy. A path begins with kind and id (`/routes/hello/uri`,
 * the id as a part of a JSON Pointer); `file` is '' and `line` 0. `conflict`: somebody else was faster. `items`: as `get` gives them now.
 * A dry run has the revision that holds, and `items` as they would be.
 */
export type WriteResult =
  | { readonly revision: number; readonly items: readonly Item[]; readonly changes: readonly ResourceDifference[] }
  | { readonly problems: readonly ConfigProblem[] }
  | { readonly conflict: DocumentKey }

/** How one resource differs. */
export interface ResourceDifference {
  readonly kind: ResourceKind
  readonly id: string
  readonly before: Document | undefined
  readonly after: Document | undefined
}

/**
 * What the Admin API and the commands work against: documents in a store, checked before they are written. Lives in the control thread of
 * each node; several nodes share one etcd.
 */
export interface ControlPlane {
  readonly revision: number
  get(kind: ResourceKind, id: string): Item | undefined
  list(kind: ResourceKind): readonly Item[]
  /**
   * All or nothing. Waits until it is durable, not until other nodes have it. Rejects when the store cannot be reached. Fills in `id`,
   * `create_time` (kept from what was there) and `update_time` where `value` does not have them. Deleting what is not there changes nothing.
   */
  write(changes: readonly DocumentChange[], options: WriteOptions): Promise<WriteResult>
  /** Makes the whole configuration equal to `documents` (what is not among them is deleted); `sekisho apply`. */
  replaceAll(documents: readonly DocumentChange[], options: WriteOptions): Promise<WriteResult>
  history(options: { readonly before?: number; readonly limit: number }): Promise<readonly HistoryEntry[]>
  /** Between two revisions; undefined when one of them is no longer known. */
  diff(from: number, to: number): Promise<readonly ResourceDifference[] | undefined>
  /** Makes all (or one resource) what it was at a revision, as a new change. */
  rollback(
    revision: number,
    only: { kind: ResourceKind; id: string } | undefined,
    options: WriteOptions,
  ): Promise<WriteResult>
  /** Told of every change, whoever made it. Returns what ends that. */
  onChange(
    listener: (change: { readonly revision: number; readonly differences: readonly ResourceDifference[] }) => void,
  ): () => void
}
