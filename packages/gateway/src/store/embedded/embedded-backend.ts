import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type {
  Author,
  BackendListener,
  BackendSnapshot,
  CommitResult,
  Condition,
  DocumentKey,
  HistoryEntry,
  StoreBackend,
  Write,
} from '../backend/backend.ts'
import { checkCommit } from '../backend/check-commit.ts'
import { StoreError } from '../backend/store-error.ts'
import type { CommitOutcome, CommitRequest } from './apply-commit.ts'
import { backupTo } from './backup.ts'
import { CommitQueue } from './commit-queue.ts'
import { checkDataFile, prepareDataFile } from './data-file.ts'
import { EmbeddedDatabase } from './database.ts'
import { type ExpiryClock, ExpiryTimer, SYSTEM_CLOCK } from './expiry.ts'
import { HISTORY_LIMITS, type HistoryLimits } from './history-limits.ts'
import { readChange, readHistory, snapshotAt } from './read-history.ts'
import { openGuarded } from './verify.ts'
import { Watchers } from './watchers.ts'
import { LockHolder, WriterLock } from './writer-lock.ts'

/** The database; beside it `store.mdb-lock` of LMDB, the socket that says who writes, and a mark while the store is being opened. */
export const DATA_FILE = 'store.mdb'
export const LOCK_SOCKET = 'store.sock'
const OPENING_MARKER = 'store.opening'

/** What a commit in the process that takes over waits for the one before it to let go. */
export const TAKE_OVER_TIMEOUT_MS = 30_000

export interface EmbeddedOptions {
  /** The folder; made with mode 0700 when it is not there. */
  readonly path: string
  /**
   * When another process has the store: read along and take its place when it lets go. For a gateway process that follows another one
   * of the same supervisor (an upgrade in place). Otherwise that is refused.
   */
  readonly follow?: boolean
  readonly history?: Partial<HistoryLimits>
  readonly clock?: ExpiryClock
  /** For the log: what went wrong where nobody waits for an answer. */
  readonly onProblem?: (error: unknown) => void
}

/** Documents in one file of this node, without another process. Rejects with a StoreError that says what to do. */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedBackend> {
  const { path } = options
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new StoreError(`the folder ${path} of the store cannot be made: ${(error as Error).message}`, {
      cause: error,
    })
  }
  const lock = await WriterLock.acquire(join(path, LOCK_SOCKET))
  const mayWrite = lock instanceof WriterLock
  if (!mayWrite && options.follow !== true) {
    lock.leave()
    throw inUse(path, lock.pid)
  }
  const open = async (): Promise<EmbeddedBackend> => {
    const database = await EmbeddedDatabase.open(file)
    try {
      return new EmbeddedBackend(database, lock, options)
    } catch (error) {
      await database.close()
      throw error
    }
  }
  const file = join(path, DATA_FILE)
  try {
    if (!mayWrite) return await open()
    await prepareDataFile(file)
    return await openGuarded(file, join(path, OPENING_MARKER), open)
  } catch (error) {
    if (mayWrite) lock.release()
    else lock.leave()
    if (error instanceof StoreError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new StoreError(`the store ${path} cannot be opened: ${reason}`, { cause: error })
  }
}

/** What holds now, for tools, whoever has the store open. Changes nothing. */
export function readEmbedded(path: string): Promise<BackendSnapshot> {
  return reading(path, (database) => database.snapshot())
}

/** A copy of one moment in a new file, for tools, whoever has the store open; see `backupTo`. */
export function backupEmbedded(path: string, target: string): Promise<void> {
  return reading(path, async (database) => {
    // Not a copy of what cannot be read, in the name of a backup.
    database.snapshot()
    await backupTo(database, target)
  })
}

async function reading<T>(path: string, action: (database: EmbeddedDatabase) => T | Promise<T>): Promise<T> {
  const file = join(path, DATA_FILE)
  checkDataFile(file)
  const database = await EmbeddedDatabase.open(file, { readOnly: true })
  try {
    return await action(database)
  } finally {
    await database.close()
  }
}

export class EmbeddedBackend implements StoreBackend {
  readonly #database: EmbeddedDatabase
  readonly #options: EmbeddedOptions
  readonly #watchers: Watchers
  readonly #expiry: ExpiryTimer
  readonly #queue: CommitQueue
  readonly #writer = `${process.pid} ${randomUUID()}`
  readonly #writable: Promise<void>
  #lock: WriterLock | LockHolder
  #revision: number
  #closed = false

  /** Not for callers: `openEmbedded`. Throws a DamagedStoreError when not everything can be read. */
  constructor(database: EmbeddedDatabase, lock: WriterLock | LockHolder, options: EmbeddedOptions) {
    const clock = options.clock ?? SYSTEM_CLOCK
    this.#database = database
    this.#options = options
    this.#lock = lock
    this.#watchers = new Watchers({
      revision: () => this.#revision,
      change: (revision) => readChange(database, revision),
      snapshot: () => database.snapshot(),
      onProblem: (error) => this.#report(error),
    })
    this.#expiry = new ExpiryTimer(clock, (keys) => void this.#expire(keys, clock.now()))
    this.#queue = new CommitQueue({
      database,
      writer: this.#writer,
      limits: { ...HISTORY_LIMITS, ...options.history },
      now: clock.now,
      onCommitted: (outcome) => this.#committed(outcome),
    })
    this.#revision = database.snapshot().revision
    if (lock instanceof WriterLock) {
      this.#becomeWriter()
      this.#writable = Promise.resolve()
    } else {
      lock.follow(() => this.#readAlong())
      this.#writable = this.#takeOver(lock)
      this.#writable.catch((error: unknown) => this.#report(error))
    }
  }

  /** False while another process writes, which this one follows. */
  get writable(): boolean {
    return this.#lock instanceof WriterLock
  }

  async snapshot(): Promise<BackendSnapshot> {
    this.#assertOpen()
    return this.#database.snapshot()
  }

  watch(afterRevision: number, listener: BackendListener): () => void {
    this.#assertOpen()
    return this.#watchers.add(afterRevision, listener)
  }

  async commit(writes: readonly Write[], conditions: readonly Condition[], author: Author): Promise<CommitResult> {
    this.#assertOpen()
    const problem = checkCommit(writes, conditions)
    if (problem !== undefined) throw new StoreError(problem)
    if (!this.writable) await this.#untilWritable()
    const request: CommitRequest = { writes, conditions, author }
    const bytes = writes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
    const outcome = await this.#queue.add(() => request, bytes)
    if ('refused' in outcome) throw outcome.refused
    return 'conflict' in outcome ? { conflict: outcome.conflict } : { revision: outcome.revision }
  }

  async history(options: { readonly before?: number; readonly limit: number }): Promise<readonly HistoryEntry[]> {
    this.#assertOpen()
    return readHistory(this.#database, options)
  }

  async at(revision: number): Promise<BackendSnapshot | undefined> {
    this.#assertOpen()
    return snapshotAt(this.#database, revision)
  }

  /** Writes a copy of this moment to a new file; see `backupTo`. */
  async backup(file: string): Promise<void> {
    this.#assertOpen()
    await backupTo(this.#database, file)
  }

  /** What was handed to `commit` is written before; then another process may have the store. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#queue.flush()
    this.#closed = true
    this.#expiry.stop()
    this.#watchers.clear()
    await this.#database.close()
    if (this.#lock instanceof WriterLock) this.#lock.release()
    else this.#lock.leave()
  }

  #committed(outcome: CommitOutcome): void {
    if (!('change' in outcome) || outcome.change === undefined) return
    this.#revision = outcome.revision
    for (const { key, at } of outcome.expiries) this.#expiry.set(key, at)
    if (this.#lock instanceof WriterLock) this.#lock.changed()
    this.#watchers.deliver(outcome.change)
  }

  async #expire(keys: readonly DocumentKey[], now: number): Promise<void> {
    // Asked in the transaction: the document may have been written anew meanwhile.
    const isOver = (key: DocumentKey): boolean => {
      const expiresAt = this.#database.document(key)?.expiresAt ?? 0
      return expiresAt !== 0 && expiresAt <= now
    }
    const request = (): CommitRequest => ({
      writes: keys.filter(isOver).map((key) => ({ key, value: undefined })),
      conditions: [],
      author: undefined,
    })
    try {
      await this.#queue.add(request, 0)
    } catch (error) {
      this.#report(error)
    }
  }

  #becomeWriter(): void {
    const database = this.#database
    const now = (this.#options.clock ?? SYSTEM_CLOCK).now()
    const over: DocumentKey[] = []
    database.read(() => {
      for (const [key, { expiresAt }] of database.documents())
        if (expiresAt !== 0) {
          this.#expiry.set(key, expiresAt)
          if (expiresAt <= now) over.push(key)
        }
    })
    // Nobody is to see what was over before the store was opened.
    if (over.length > 0) void this.#expire(over, now)
    this.#queue.flush()
  }

  /** Until the process before this one has let go, or this one is closed. */
  async #takeOver(holder: LockHolder): Promise<void> {
    for (let next: WriterLock | LockHolder = holder; !this.#closed;) {
      if (next instanceof WriterLock) {
        this.#lock = next
        this.#becomeWriter()
        this.#readAlong()
        return
      }
      this.#lock = next
      await next.released
      if (this.#closed) return
      next = await WriterLock.acquire(join(this.#options.path, LOCK_SOCKET))
      if (next instanceof LockHolder) next.follow(() => this.#readAlong())
      if (!this.#closed) continue
      if (next instanceof WriterLock) next.release()
      else next.leave()
    }
  }

  async #untilWritable(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const { pid } = this.#lock as LockHolder
        reject(new StoreError(`${inUse(this.#options.path, pid).message}; it did not end in time for this change`))
      }, TAKE_OVER_TIMEOUT_MS)
    })
    try {
      await Promise.race([this.#writable, late])
    } finally {
      clearTimeout(timer)
    }
    this.#assertOpen()
  }

  /** The process that is followed wrote. */
  #readAlong(): void {
    if (this.#closed) return
    try {
      this.#revision = this.#database.read(() => this.#database.state().revision)
      this.#watchers.catchUp()
    } catch (error) {
      this.#report(error)
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError(`the store ${this.#options.path} was closed: this gateway process is ending`)
  }

  #report(error: unknown): void {
    this.#options.onProblem?.(error)
  }
}

function inUse(path: string, pid: number | undefined): StoreError {
  const who =
    pid === undefined
      ? 'another process, which does not answer'
      : pid === process.pid
        ? 'this process'
        : `process ${pid}`
  return new StoreError(
    `the store ${path} is in use by ${who}: only one process writes an embedded store. Stop that one, or give this node a path of its own`,
  )
}
