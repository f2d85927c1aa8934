import { checkCommit, MAX_COMMIT_WRITES } from '../state/check-commit.ts'
import type { StateCondition, StateStore, StateWrite } from '../state/state-store.ts'

/** Of one commit: etcd takes 1.5 MiB unless it is told otherwise. One event may be larger, then it goes alone. */
const MAX_COMMIT_BYTES = 1024 * 1024
/** Removals wait so long for others: one that is lost is an event that runs twice, which at-least-once allows. */
const REMOVE_AFTER_MS = 20
const RETRY_MS = 1_000

interface Pending {
  readonly writes: readonly StateWrite[]
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Writes of events to the state store. What is written in one turn of the event loop shares commits: with a disk that syncs in 2 ms, commits of
 * one event each would allow 500 a second.
 */
export class EventJournal {
  readonly #state: StateStore
  readonly #onProblem: (error: unknown) => void
  #pending: Pending[] = []
  #removals = new Set<string>()
  #scheduled: NodeJS.Immediate | undefined
  #removing: NodeJS.Timeout | undefined
  /** Commits under way. */
  readonly #running = new Set<Promise<unknown>>()

  /** @param onProblem told of removals that failed; they are tried again */
  constructor(state: StateStore, onProblem: (error: unknown) => void) {
    this.#state = state
    this.#onProblem = onProblem
  }

  /** All of them or none. Resolves when they are durable. */
  write(writes: readonly StateWrite[]): Promise<void> {
    checkCommit(writes, [])
    let bytes = 0
    for (const { value } of writes) bytes += value?.length ?? 0
    return new Promise((resolve, reject) => {
      this.#pending.push({ writes, bytes, resolve, reject })
      this.#scheduled ??= setImmediate(() => this.#flush())
    })
  }

  /** As `write`, if the conditions hold: false when they did not. Goes alone. */
  writeIf(writes: readonly StateWrite[], conditions: readonly StateCondition[]): Promise<boolean> {
    return this.#track(this.#state.commit(writes, conditions))
  }

  /** Soon. */
  remove(key: string): void {
    this.#removals.add(key)
    if (this.#removals.size >= MAX_COMMIT_WRITES) this.#remove()
    else this.#removing ??= setTimeout(() => this.#remove(), REMOVE_AFTER_MS)
  }

  /** All that was given is written when it resolves, or cannot be. */
  async close(): Promise<void> {
    this.#flush()
    this.#remove()
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
    clearTimeout(this.#removing)
  }

  #flush(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    const pending = this.#pending
    this.#pending = []
    let group: Pending[] = []
    let writes = 0
    let bytes = 0
    for (const one of pending) {
      if (writes + one.writes.length > MAX_COMMIT_WRITES || (bytes > 0 && bytes + one.bytes > MAX_COMMIT_BYTES)) {
        this.#commit(group)
        group = []
        writes = 0
        bytes = 0
      }
      group.push(one)
      writes += one.writes.length
      bytes += one.bytes
    }
    if (group.length > 0) this.#commit(group)
  }

  #commit(group: readonly Pending[]): void {
    void this.#track(this.#state.commit(group.flatMap(({ writes }) => writes))).then(
      () => group.forEach(({ resolve }) => resolve()),
      (error: unknown) => group.forEach(({ reject }) => reject(error)),
    )
  }

  #remove(): void {
    clearTimeout(this.#removing)
    this.#removing = undefined
    const keys = [...this.#removals]
    this.#removals.clear()
    for (let i = 0; i < keys.length; i += MAX_COMMIT_WRITES) {
      const some = keys.slice(i, i + MAX_COMMIT_WRITES)
      void this.#track(this.#state.commit(some.map((key) => ({ key, value: undefined })))).catch((error: unknown) => {
        for (const key of some) this.#removals.add(key)
        this.#removing ??= setTimeout(() => this.#remove(), RETRY_MS)
        this.#onProblem(error)
      })
    }
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
    return tracked
  }
}
