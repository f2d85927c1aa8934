import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Database, RootDatabase } from 'lmdb'
import { checkCommit } from './check-commit.ts'
import { StateError } from './state-error.ts'
import type { StateCondition, StateRecord, StateStore, StateWrite } from './state-store.ts'
import { Watchers } from './watchers.ts'

/** Commits that wait for the next transaction: who has more under way gets an error, not more memory. */
export const MAX_PENDING_COMMITS = 10_000

const FORMAT = 1
const HEAD = 'head'

/** What is in the file besides the records. */
interface Head {
  readonly format: number
  readonly revision: number
  /** Of the process that opened the file last. */
  readonly writer: string
}

interface PendingCommit {
  readonly writes: readonly StateWrite[]
  readonly conditions: readonly StateCondition[]
  readonly resolve: (committed: boolean) => void
  readonly reject: (error: unknown) => void
}

/**
 * Records in one LMDB file on this node's disk. Commits of one turn of the event loop share a transaction and the wait for the disk, which is nearly
 * all that a commit costs.
 */
export class LmdbState implements StateStore {
  readonly #file: string
  readonly #root: RootDatabase<string, string>
  /** Value: the revision in decimal, a line feed, the text. */
  readonly #records: Database<string, string>
  readonly #writer = randomUUID()
  readonly #watchers = new Watchers()
  #pending: PendingCommit[] = []
  #scheduled: NodeJS.Immediate | undefined
  #closed = false

  private constructor(file: string, root: RootDatabase<string, string>) {
    this.#file = file
    this.#root = root
    this.#records = root.openDB('records', { encoding: 'string' })
  }

  /** @param file made when it is not there, with its folder. Rejects with StateError */
  static async open(file: string): Promise<LmdbState> {
    const { open } = await import('lmdb')
    let root: RootDatabase<string, string> | undefined
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      root = open<string, string>({
        path: file,
        noSubdir: true,
        encoding: 'string',
        maxDbs: 2,
        // A commit is on the disk when it returns: data first, then the page that points to it, with fdatasync after each.
        overlappingSync: false,
        ...({ permissionsMode: 0o600 } as object),
      })
      const state = new LmdbState(file, root)
      state.#enter()
      return state
    } catch (error) {
      await root?.close()
      if (error instanceof StateError) throw error
      throw new StateError(`the store ${file} cannot be opened: ${(error as Error).message}`, { cause: error })
    }
  }

  async list(prefix: string): Promise<readonly StateRecord[]> {
    this.#mustBeOpen()
    const records: StateRecord[] = []
    for (const { key, value } of this.#records.getRange({ start: prefix, snapshot: true })) {
      if (!key.startsWith(prefix)) break
      records.push(decode(key, value))
    }
    return records
  }

  async get(key: string): Promise<StateRecord | undefined> {
    this.#mustBeOpen()
    const value = this.#records.get(key)
    return value === undefined ? undefined : decode(key, value)
  }

  async commit(writes: readonly StateWrite[], conditions: readonly StateCondition[] = []): Promise<boolean> {
    this.#mustBeOpen()
    checkCommit(writes, conditions)
    if (this.#pending.length >= MAX_PENDING_COMMITS)
      throw new StateError(
        `${MAX_PENDING_COMMITS} commits are waiting for the store: wait for some before sending more`,
      )
    return new Promise((resolve, reject) => {
      this.#pending.push({ writes, conditions, resolve, reject })
      this.#scheduled ??= setImmediate(() => this.#flush())
    })
  }

  watch(prefix: string, listener: (key: string, record: StateRecord | undefined) => void): () => void {
    return this.#watchers.watch(prefix, listener)
  }

  /** What was handed over is written. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#flush()
    this.#closed = true
    await this.#root.close()
  }

  /** Takes the file over: whoever had it open before can write no more. */
  #enter(): void {
    this.#root.transactionSync(() => {
      const text = this.#root.get(HEAD)
      const head = text === undefined ? { format: FORMAT, revision: 0 } : (JSON.parse(text) as Head)
      if (head.format !== FORMAT)
        throw new StateError(
          `the store ${this.#file} has the format ${head.format}, this version of Sekisho knows ${FORMAT}: start the version that wrote it`,
        )
      this.#root.putSync(HEAD, JSON.stringify({ ...head, writer: this.#writer }))
    })
    // The name of a new file is durable when its folder is.
    const folder = openSync(dirname(this.#file), 'r')
    fsyncSync(folder)
    closeSync(folder)
  }

  #flush(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    const pending = this.#pending
    this.#pending = []
    if (pending.length === 0 || this.#write(pending, pending.length === 1)) return
    // One of them is the reason: the others must not suffer from it.
    for (const commit of pending) this.#write([commit], true)
  }

  /** @returns false when nothing was written, and nobody was told since `last` is false */
  #write(commits: readonly PendingCommit[], last: boolean): boolean {
    let outcomes: ({ readonly revision: number; readonly changes: readonly StateWrite[] } | undefined)[]
    try {
      outcomes = this.#root.transactionSync(() => this.#apply(commits))
    } catch (error) {
      if (last) for (const commit of commits) commit.reject(this.#explained(error))
      return last
    }
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome !== undefined) this.#watchers.tell(outcome.changes, outcome.revision)
      commits[index]!.resolve(outcome !== undefined)
    }
    return true
  }

  #apply(commits: readonly PendingCommit[]) {
    const head = JSON.parse(this.#root.get(HEAD)!) as Head
    if (head.writer !== this.#writer)
      throw new StateError(`another process has opened ${this.#file}: nothing was written. Stop one of the two`)
    let { revision } = head
    const outcomes = commits.map(({ writes, conditions }) => {
      for (const { key, revision: expected } of conditions)
        if (revisionOf(this.#records.get(key)) !== expected) return undefined
      revision++
      const changes = writes.filter(({ key, value }) => value !== undefined || this.#records.doesExist(key))
      for (const { key, value } of changes) {
        if (value === undefined) this.#records.removeSync(key)
        else this.#records.putSync(key, `${revision}\n${value}`)
      }
      return { revision, changes }
    })
    if (revision !== head.revision) this.#root.putSync(HEAD, JSON.stringify({ ...head, revision }))
    return outcomes
  }

  #explained(error: unknown): StateError {
    if (error instanceof StateError) return error
    return new StateError(
      `nothing was written to ${this.#file}: ${(error as Error).message}. Look for a full disk or quota`,
      { cause: error },
    )
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new StateError('the store is closed')
  }
}

const revisionOf = (text: string | undefined): number =>
  text === undefined ? 0 : Number(text.slice(0, text.indexOf('\n')))

function decode(key: string, text: string): StateRecord {
  const end = text.indexOf('\n')
  return { key, value: text.slice(end + 1), revision: Number(text.slice(0, end)) }
}
