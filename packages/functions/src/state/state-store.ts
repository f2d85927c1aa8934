/** A record as it stands: JSON text and the revision of its last change. */
export interface StateRecord {
  readonly key: string
  readonly value: string
  readonly revision: number
}

export interface StateWrite {
  readonly key: string
  /** undefined deletes. */
  readonly value: string | undefined
}

/** Holds when the record's last change is `revision`; 0: when there is none. */
export interface StateCondition {
  readonly key: string
  readonly revision: number
}

/**
 * Where functions, versions, aliases and queued events are kept. Keys are paths (`functions/NAME`, `queue/…`). Embedded (lmdb) on one node, etcd where
 * several nodes share functions. What rejects is a StateError; a StateUnavailable where the same may work later.
 */
export interface StateStore {
  list(prefix: string): Promise<readonly StateRecord[]>
  get(key: string): Promise<StateRecord | undefined>
  /** All writes or none. Resolves when they are durable: true, or false when a condition did not hold. */
  commit(writes: readonly StateWrite[], conditions?: readonly StateCondition[]): Promise<boolean>
  /**
   * Changes of others and of oneself under a prefix, in order; the function ends it. One's own are told before the promise of `commit` resolves:
   * who has committed reads what it wrote.
   */
  watch(prefix: string, listener: (key: string, record: StateRecord | undefined) => void): () => void
  close(): Promise<void>
}
