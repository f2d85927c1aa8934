import { appendFile, mkdir, stat } from 'node:fs/promises'
import { applyRetention, dayOf, listLogFiles, type LogFile, logFile, type LogRetention } from './log-files.ts'
import { RecordFormatter } from './log-format.ts'
import type { LogRecord } from './log-record.ts'

export interface FunctionLogOptions {
  readonly directory: string
  /** A file that is larger is followed by another. */
  readonly fileBytes: number
  /** Characters that wait for the disk; more are dropped, and a line says how many. */
  readonly pendingLimit: number
  readonly retention: LogRetention
  readonly wall: () => number
}

/** Where a reader has to stop to have seen all that was written before it began. */
export interface LogPosition {
  readonly file: LogFile | undefined
  readonly bytes: number
}

/** The log of one function: takes records, puts them into files in batches, tells listeners at once. */
export class FunctionLog {
  readonly directory: string
  /** Somebody has a writer for it. */
  written = false
  readonly #options: FunctionLogOptions
  readonly #onPending: (log: FunctionLog) => void
  readonly #listeners = new Set<(record: LogRecord) => void>()
  #pending: LogRecord[] = []
  #pendingSize = 0
  #dropped = 0
  #writes: Promise<void> = Promise.resolve()
  #file: LogFile | undefined
  #fileBytes = 0
  #formatter = new RecordFormatter()
  #opened = false

  /** @param onPending something waits to be written, the first since `flush` */
  constructor(options: FunctionLogOptions, onPending: (log: FunctionLog) => void) {
    this.directory = options.directory
    this.#options = options
    this.#onPending = onPending
  }

  get unused(): boolean {
    return !this.written && this.#listeners.size === 0
  }

  append(record: LogRecord): void {
    for (const listener of this.#listeners) listener(record)
    if (this.#pendingSize > this.#options.pendingLimit) {
      this.#dropped++
      return
    }
    this.#pending.push(record)
    this.#pendingSize += record.text.length
    if (this.#pending.length === 1) this.#onPending(this)
  }

  subscribe(listener: (record: LogRecord) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Writes what waits. @returns where the file ends then: records taken after this call are behind it */
  flush(): Promise<LogPosition> {
    const records = this.#pending
    const size = this.#pendingSize
    this.#pending = []
    const write = this.#writes.then(() => this.#write(records))
    this.#writes = write.then(
      () => this.#written(size),
      () => {
        // A full disk must not stop functions; the next batch says how much is missing.
        this.#dropped += records.length
        this.#written(size)
      },
    )
    return this.#writes.then(() => ({ file: this.#file, bytes: this.#fileBytes }))
  }

  #written(size: number): void {
    this.#pendingSize -= size
    if (this.#dropped === 0 || this.#pendingSize > this.#options.pendingLimit / 2) return
    const text = `${this.#dropped} log events were dropped: they could not be written as fast as they came.`
    this.#dropped = 0
    this.append({ timeMs: this.#options.wall(), stream: 'sekisho', text })
  }

  async #write(records: readonly LogRecord[]): Promise<void> {
    if (records.length === 0) return
    const file = await this.#fileFor(dayOf(this.#options.wall()))
    const bytes = Buffer.from(this.#formatter.format(records))
    await appendFile(file.path, bytes)
    this.#fileBytes += bytes.length
  }

  async #fileFor(day: string): Promise<LogFile> {
    if (!this.#opened) {
      await mkdir(this.directory, { recursive: true })
      const last = (await listLogFiles(this.directory)).at(-1)
      if (last !== undefined) {
        this.#file = last
        this.#fileBytes = (await stat(last.path)).size
      }
      this.#opened = true
    }
    const before = this.#file
    if (before !== undefined && before.day === day && this.#fileBytes < this.#options.fileBytes) return before
    this.#file = logFile(this.directory, day, before?.day === day ? before.number + 1 : 0)
    this.#fileBytes = 0
    this.#formatter = new RecordFormatter()
    await applyRetention(this.directory, this.#options.retention, this.#options.wall())
    return this.#file
  }
}
