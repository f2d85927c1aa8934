import { LmdbState } from '@sekisho/functions/internal/state/lmdb-state'
import { MAX_COMMIT_WRITES } from '@sekisho/functions/internal/state/check-commit'
import type { StateRecord, StateWrite } from '@sekisho/functions/internal/state/state-store'

/** Says whose copy it is. No record has a key that begins like this. */
const OWNER_KEY = '\u0001copy of'

/** What other nodes may do at any time, and is worth nothing when it is old: who runs which event. */
const NOT_COPIED = ['queue/', 'queue-owners/'] as const

/** Whether all records under a prefix are in the copy. */
export const isCopied = (prefix: string): boolean => !NOT_COPIED.some((start) => prefix.startsWith(start))

/** The records of a shared store as they were last seen, on this node's disk: an engine starts with them when the store is away. */
export class StateCopy {
  readonly #file: LmdbState
  readonly #onProblem: (error: unknown) => void
  /** What is to be written; undefined is gone. */
  readonly #pending = new Map<string, StateRecord | undefined>()
  #writing: Promise<void> | undefined
  #failed = false

  private constructor(file: LmdbState, onProblem: (error: unknown) => void) {
    this.#file = file
    this.#onProblem = onProblem
  }

  /**
   * @param owner which store it is a copy of: what is there of another one is removed
   * @param onProblem told once when it cannot be written any more
   */
  static async open(path: string, owner: string, onProblem: (error: unknown) => void): Promise<StateCopy> {
    const file = await LmdbState.open(path)
    const copy = new StateCopy(file, onProblem)
    const known = (await file.get(OWNER_KEY))?.value
    if (known !== undefined && known !== owner) {
      const old = (await file.list('')).map(({ key }) => ({ key, value: undefined }))
      await copy.#commit(old)
    }
    return copy
  }

  /** undefined: nothing was ever copied whole. */
  async read(): Promise<ReadonlyMap<string, StateRecord> | undefined> {
    if ((await this.#file.get(OWNER_KEY)) === undefined) return undefined
    const records = new Map<string, StateRecord>()
    for (const { key, value } of await this.#file.list('')) if (key !== OWNER_KEY) records.set(key, decode(key, value))
    return records
  }

  async get(key: string): Promise<StateRecord | undefined> {
    const pending = this.#pending.get(key)
    if (pending !== undefined || this.#pending.has(key)) return pending
    const found = await this.#file.get(key)
    return found && decode(key, found.value)
  }

  /** Written soon. */
  change(key: string, record: StateRecord | undefined): void {
    if (this.#failed || !isCopied(key)) return
    this.#pending.set(key, record)
    this.#writing ??= this.#write()
  }

  /** All records were handed over: from now on it can stand in for the store. */
  async complete(owner: string): Promise<void> {
    await this.#writing
    if (this.#failed) return
    await this.#commit([{ key: OWNER_KEY, value: owner }]).catch((error: unknown) => this.#fail(error))
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#file.close()
  }

  async #write(): Promise<void> {
    // What comes in this turn goes along.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      while (this.#pending.size > 0) {
        const some = [...this.#pending].slice(0, MAX_COMMIT_WRITES)
        await this.#commit(
          some.map(([key, record]) => ({ key, value: record && `${record.revision}\n${record.value}` })),
        )
        for (const [key, record] of some) if (this.#pending.get(key) === record) this.#pending.delete(key)
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#writing = undefined
    }
  }

  async #commit(writes: readonly StateWrite[]): Promise<void> {
    for (let at = 0; at < writes.length; at += MAX_COMMIT_WRITES)
      await this.#file.commit(writes.slice(at, at + MAX_COMMIT_WRITES))
  }

  #fail(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#pending.clear()
    this.#onProblem(error)
  }
}

function decode(key: string, text: string): StateRecord {
  const end = text.indexOf('\n')
  return { key, value: text.slice(end + 1), revision: Number(text.slice(0, end)) }
}
