import type { StateRecord, StateWrite } from './state-store.ts'

type Listener = (key: string, record: StateRecord | undefined) => void

/** Who wants to hear of changes under which prefix, within this process. */
export class Watchers {
  readonly #watchers = new Set<{ readonly prefix: string; readonly listener: Listener }>()

  watch(prefix: string, listener: Listener): () => void {
    const watcher = { prefix, listener }
    this.#watchers.add(watcher)
    return () => {
      this.#watchers.delete(watcher)
    }
  }

  /** Of one commit that is durable. */
  tell(writes: readonly StateWrite[], revision: number): void {
    for (const { key, value } of writes) {
      const record = value === undefined ? undefined : { key, value, revision }
      for (const { prefix, listener } of this.#watchers) if (key.startsWith(prefix)) listener(key, record)
    }
  }
}
