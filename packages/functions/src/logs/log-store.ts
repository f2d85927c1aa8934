import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FunctionLog } from './function-log.ts'
import { applyRetention } from './log-files.ts'
import { readLog, type ReadOptions } from './log-reader.ts'
import type { FunctionLogs, LogRecord, LogWriter } from './log-record.ts'

export interface LogStoreOptions {
  /** A folder per function is made in it. */
  readonly directory: string
  /** How long a record may wait for others to be written with; default 50 ms. */
  readonly flushMs?: number
  /** A file that is larger is followed by another; default 16 MiB, at most a quarter of `functionBytes`. */
  readonly fileBytes?: number
  /** Files of one function together; the oldest go. Default 256 MiB. */
  readonly functionBytes?: number
  /** Default 14. */
  readonly retentionDays?: number
  /** Characters of one function that wait for the disk; default 8 Mi, at most a quarter of `functionBytes`. */
  readonly pendingLimit?: number
  /** Milliseconds since 1970; tests put their own in its place. */
  readonly wall?: () => number
}

// The rule for names of functions: what else would be a path.
const FUNCTION_NAME = /^[a-zA-Z0-9-_]{1,140}$/

/** The logs of all functions, on disk. Writing never waits: records go out in batches, and are dropped when the disk cannot follow. */
export class LogStore implements FunctionLogs {
  readonly #options: Required<LogStoreOptions>
  readonly #logs = new Map<string, FunctionLog>()
  readonly #dirty = new Set<FunctionLog>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: LogStoreOptions) {
    const functionBytes = options.functionBytes ?? 256 * 1024 * 1024
    this.#options = {
      flushMs: 50,
      // Whole files go, so a small limit needs small ones; and a batch goes into one file.
      fileBytes: Math.min(16 * 1024 * 1024, functionBytes / 4),
      functionBytes,
      retentionDays: 14,
      pendingLimit: Math.min(8 * 1024 * 1024, functionBytes / 4),
      wall: Date.now,
      ...options,
    }
  }

  /** Removes what is too old, of functions too that are not called any more. */
  async open(): Promise<void> {
    const { directory, wall } = this.#options
    const names = await readdir(directory).catch(() => [])
    for (const name of names) await applyRetention(join(directory, name), this.#retention, wall())
  }

  writer(functionName: string, stream: string): LogWriter {
    const log = this.#log(functionName)
    log.written = true
    return { write: (text, timeMs) => log.append({ timeMs, stream, text }) }
  }

  /** Oldest first; with `follow` it goes on until `signal` ends it or the reader leaves. */
  async *read(functionName: string, options: ReadOptions = {}): AsyncGenerator<LogRecord, void, undefined> {
    try {
      yield* readLog(this.#log(functionName), options)
    } finally {
      this.#forget(functionName)
    }
  }

  /** Every record from now on, as it is made. @returns ends it */
  subscribe(functionName: string, listener: (record: LogRecord) => void): () => void {
    const end = this.#log(functionName).subscribe(listener)
    return () => {
      end()
      this.#forget(functionName)
    }
  }

  /** Resolves when all that was taken before is on its way to the disk (written, not synced: a log is no ledger). */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const logs = [...this.#logs.values()]
    this.#dirty.clear()
    await Promise.all(logs.map((log) => log.flush()))
  }

  async close(): Promise<void> {
    await this.flush()
    // A note about dropped records may have come up meanwhile.
    await this.flush()
  }

  /** Names that readers make up must not pile up. */
  #forget(functionName: string): void {
    if (this.#logs.get(functionName)?.unused === true) this.#logs.delete(functionName)
  }

  get #retention() {
    return { days: this.#options.retentionDays, bytes: this.#options.functionBytes }
  }

  #log(functionName: string): FunctionLog {
    const known = this.#logs.get(functionName)
    if (known !== undefined) return known
    if (!FUNCTION_NAME.test(functionName))
      throw new TypeError(`${JSON.stringify(functionName)} is no name of a function`)
    const { directory, fileBytes, pendingLimit, wall } = this.#options
    const log = new FunctionLog(
      { directory: join(directory, functionName), fileBytes, pendingLimit, retention: this.#retention, wall },
      this.#onPending,
    )
    this.#logs.set(functionName, log)
    return log
  }

  readonly #onPending = (log: FunctionLog): void => {
    this.#dirty.add(log)
    this.#timer ??= setTimeout(this.#flushDirty, this.#options.flushMs).unref()
  }

  readonly #flushDirty = (): void => {
    this.#timer = undefined
    const logs = [...this.#dirty]
    this.#dirty.clear()
    // Failures are counted as dropped records there.
    for (const log of logs) void log.flush()
  }
}
