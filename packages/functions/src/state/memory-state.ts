import { checkCommit } from './check-commit.ts'
import { StateError } from './state-error.ts'
import type { StateCondition, StateRecord, StateStore, StateWrite } from './state-store.ts'
import { Watchers } from './watchers.ts'

/** A store that forgets all when the process ends: tests, `sekisho dev --memory`. */
export class MemoryState implements StateStore {
  readonly #records = new Map<string, StateRecord>()
  readonly #watchers = new Watchers()
  #revision = 0
  #closed = false

  async list(prefix: string): Promise<readonly StateRecord[]> {
    this.#mustBeOpen()
    return [...this.#records.values()]
      .filter(({ key }) => key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  async get(key: string): Promise<StateRecord | undefined> {
    this.#mustBeOpen()
    return this.#records.get(key)
  }

  async commit(writes: readonly StateWrite[], conditions: readonly StateCondition[] = []): Promise<boolean> {
    this.#mustBeOpen()
    checkCommit(writes, conditions)
    if (conditions.some(({ key, revision }) => (this.#records.get(key)?.revision ?? 0) !== revision)) return false
    const changes = writes.filter(({ key, value }) => value !== undefined || this.#records.has(key))
    const revision = ++this.#revision
    for (const { key, value } of changes) {
      if (value === undefined) this.#records.delete(key)
      else this.#records.set(key, { key, value, revision })
    }
    this.#watchers.tell(changes, revision)
    return true
  }

  watch(prefix: string, listener: (key: string, record: StateRecord | undefined) => void): () => void {
    return this.#watchers.watch(prefix, listener)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new StateError('the store is closed')
  }
}
