import type { StateRecord, StateStore } from '../../state/state-store.ts'

/** A record and the revision that a change of it is conditional on. */
export interface Entry<T> {
  readonly value: T
  readonly revision: number
}

export type TableListener<T> = (id: string, now: T | undefined, before: T | undefined) => void

/** All records under a prefix, in memory, kept up to date by the store. */
export class RecordTable<T> {
  readonly prefix: string
  readonly #state: StateStore
  readonly #entries = new Map<string, Entry<T>>()
  readonly #listeners = new Set<TableListener<T>>()
  #stop: (() => void) | undefined

  /** @param prefix `functions/` */
  constructor(state: StateStore, prefix: string) {
    this.#state = state
    this.prefix = prefix
  }

  async open(): Promise<void> {
    this.#stop = this.#state.watch(this.prefix, (key, record) => this.#apply(key, record))
    for (const record of await this.#state.list(this.prefix)) this.#apply(record.key, record)
  }

  close(): void {
    this.#stop?.()
  }

  key(id: string): string {
    return this.prefix + id
  }

  get(id: string): T | undefined {
    return this.#entries.get(id)?.value
  }

  entry(id: string): Entry<T> | undefined {
    return this.#entries.get(id)
  }

  ids(): IterableIterator<string> {
    return this.#entries.keys()
  }

  *values(): Generator<T> {
    for (const { value } of this.#entries.values()) yield value
  }

  get size(): number {
    return this.#entries.size
  }

  /** Called after the table has changed. */
  onChange(listener: TableListener<T>): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Reads one from the store: what another node wrote may not have been heard of yet. */
  async refresh(id: string): Promise<void> {
    this.#apply(this.key(id), await this.#state.get(this.key(id)))
  }

  #apply(key: string, record: StateRecord | undefined): void {
    const id = key.slice(this.prefix.length)
    const before = this.#entries.get(id)
    if (record === undefined) {
      if (!this.#entries.delete(id)) return
    } else {
      // A list that was under way may bring what is older than what was heard.
      if (before !== undefined && before.revision >= record.revision) return
      this.#entries.set(id, { value: JSON.parse(record.value) as T, revision: record.revision })
    }
    for (const listener of this.#listeners) listener(id, this.#entries.get(id)?.value, before?.value)
  }
}
