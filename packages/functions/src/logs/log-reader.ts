import { createReadStream } from 'node:fs'
import { dayOf, listLogFiles } from './log-files.ts'
import { RecordParser } from './log-format.ts'
import type { FunctionLog, LogPosition } from './function-log.ts'
import { LineSplitter } from './line-splitter.ts'
import type { LogRecord } from './log-record.ts'

export interface ReadOptions {
  /** Only records from this time on, milliseconds since 1970. */
  readonly since?: number
  /** Only records before this time. */
  readonly until?: number
  /** Go on with what is written from now on, until `signal` ends it. */
  readonly follow?: boolean
  readonly signal?: AbortSignal
}

/** Records that wait for a follower who reads slower than the function writes; more are passed over. */
const FOLLOW_LIMIT = 10_000

// A record is cut at 256 KB, but line breaks inside a record of the platform make lines of their own.
const MAX_FILE_LINE_BYTES = 1024 * 1024

/** Oldest first. */
export async function* readLog(log: FunctionLog, options: ReadOptions): AsyncGenerator<LogRecord, void, undefined> {
  const since = options.since ?? 0
  const until = options.until ?? Infinity
  const wanted = (record: LogRecord) => record.timeMs >= since && record.timeMs < until

  const live = options.follow === true ? new LiveRecords(log, options.signal) : undefined
  try {
    // In one turn with the subscription: what is in the file up to here and what comes live are all there is, each once.
    const position = await log.flush()
    for await (const records of readFiles(log.directory, since, position)) {
      for (const record of records) if (wanted(record)) yield record
      if (options.signal?.aborted === true) return
    }
    if (live !== undefined) for await (const record of live.records()) if (wanted(record)) yield record
  } finally {
    live?.end()
  }
}

async function* readFiles(directory: string, since: number, position: LogPosition): AsyncGenerator<LogRecord[]> {
  const firstDay = dayOf(since)
  for (const file of await listLogFiles(directory)) {
    // A file has the day on which it was written, and its records are no younger than that.
    if (file.day < firstDay) continue
    const last = position.file !== undefined && file.path === position.file.path
    if (last && position.bytes === 0) return
    yield* readFile(file.path, last ? position.bytes : undefined)
    if (last) return
  }
}

async function* readFile(path: string, bytes: number | undefined): AsyncGenerator<LogRecord[]> {
  let records: LogRecord[] = []
  const parser = new RecordParser((record) => records.push(record))
  const splitter = new LineSplitter((line) => parser.line(line), MAX_FILE_LINE_BYTES)
  const stream = createReadStream(path, bytes === undefined ? {} : { end: bytes - 1 })
  try {
    for await (const chunk of stream) {
      splitter.push(chunk as Buffer)
      if (records.length > 0) yield records
      records = []
    }
  } catch (error) {
    // Retention took it away in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  splitter.end()
  parser.end()
  if (records.length > 0) yield records
}

/** What is written while somebody reads. */
class LiveRecords {
  readonly #unsubscribe: () => void
  readonly #signal: AbortSignal | undefined
  #queue: LogRecord[] = []
  #wake: (() => void) | undefined
  #ended = false

  constructor(log: FunctionLog, signal: AbortSignal | undefined) {
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort)
    if (signal?.aborted === true) this.#ended = true
    this.#unsubscribe = log.subscribe((record) => {
      if (this.#queue.length >= FOLLOW_LIMIT) return
      this.#queue.push(record)
      this.#wake?.()
    })
  }

  async *records(): AsyncGenerator<LogRecord, void, undefined> {
    for (;;) {
      const records = this.#queue
      this.#queue = []
      yield* records
      if (this.#ended) return
      if (this.#queue.length > 0) continue
      await new Promise<void>((resolve) => (this.#wake = resolve))
      this.#wake = undefined
    }
  }

  end(): void {
    this.#unsubscribe()
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => {
    this.#ended = true
    this.#wake?.()
  }
}
