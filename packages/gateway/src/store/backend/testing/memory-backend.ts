import type {
  Author,
  BackendChange,
  BackendListener,
  BackendSnapshot,
  CommitResult,
  Condition,
  DocumentKey,
  HistoryEntry,
  StoreBackend,
  StoredDocument,
  Write,
} from '../backend.ts'

/** A backend in memory, for tests. Several stores may share one, as nodes share an etcd. */
export class MemoryBackend implements StoreBackend {
  revision = 0
  /** Reads and writes fail with this, as if the store could not be reached. */
  failure: Error | undefined
  /** Runs within each commit before its conditions are looked at, as somebody else's write. */
  beforeCommit: (() => void) | undefined
  private documents = new Map<DocumentKey, StoredDocument>()
  private readonly entries: HistoryEntry[] = []
  private readonly states = new Map<number, ReadonlyMap<DocumentKey, StoredDocument>>()
  private readonly listeners = new Set<BackendListener>()

  async snapshot(): Promise<BackendSnapshot> {
    this.fail()
    return { revision: this.revision, documents: new Map(this.documents) }
  }

  watch(_afterRevision: number, listener: BackendListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  async commit(writes: readonly Write[], conditions: readonly Condition[], author: Author): Promise<CommitResult> {
    this.fail()
    const before = this.beforeCommit
    this.beforeCommit = undefined
    before?.()
    for (const { key, revision } of conditions)
      if ((this.documents.get(key)?.revision ?? 0) !== revision) return { conflict: key }
    return { revision: this.put(writes, author) }
  }

  /** As somebody else who writes into the store, who asks nobody. */
  put(writes: readonly Write[], author?: Author): number {
    const revision = ++this.revision
    const events = writes.map(({ key, value }) => {
      const before = this.documents.get(key)
      const document =
        value === undefined ? undefined : { key, value, revision, createRevision: before?.createRevision ?? revision }
      if (document === undefined) this.documents.delete(key)
      else this.documents.set(key, document)
      return { key, document, before: before?.value }
    })
    this.states.set(revision, new Map(this.documents))
    const changes = events.map(({ key, before, document }) => ({ key, before, after: document?.value }))
    this.entries.unshift({ revision, time: Date.now(), author, changes })
    this.tell({ revision, events: events.map(({ key, document }) => ({ key, document })) })
    return revision
  }

  /** The store as it was restored from a backup. */
  restore(revision: number): void {
    this.documents = new Map(this.states.get(revision))
    this.revision = revision
    for (const listener of this.listeners) listener.onResync({ revision, documents: new Map(this.documents) })
  }

  async history({ before = Infinity, limit }: { before?: number; limit: number }): Promise<readonly HistoryEntry[]> {
    return this.entries.filter(({ revision }) => revision < before).slice(0, limit)
  }

  async at(revision: number): Promise<BackendSnapshot | undefined> {
    const documents = this.states.get(revision)
    return documents && { revision, documents }
  }

  async close(): Promise<void> {
    this.listeners.clear()
  }

  private tell(change: BackendChange): void {
    for (const listener of this.listeners) listener.onChange(change)
  }

  private fail(): void {
    if (this.failure !== undefined) throw this.failure
  }
}
