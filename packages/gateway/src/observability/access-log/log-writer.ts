import { write, writeSync } from 'node:fs'
import { type LogTarget, openLogTarget } from '../log-target.ts'

/** Lines are gathered until there is this much: 64 KiB = some 300 lines to one system call. */
export const DEFAULT_BUFFER_BYTES = 65_536

/** Or until the oldest has waited this long. */
export const DEFAULT_FLUSH_INTERVAL_MS = 1_000

/** What may wait while the disk or the reader of a pipe stalls: 8 MiB = 1 s of 40,000 lines of 200 bytes. Then lines are dropped. */
export const DEFAULT_MAX_WAITING_BYTES = 8 * 1_048_576

/** How long to wait before a full pipe is tried again. */
const RETRY_MS = 20

const LINE_FEED = 0x0a

export interface LogWriterOptions {
  /** `stdout`, `stderr` or a file. */
  readonly path: string
  readonly bufferBytes?: number
  readonly flushIntervalMs?: number
  readonly maxWaitingBytes?: number
  /** A write or a reopening failed. Called for the first failure after a success, as there may be one for every line. */
  readonly onError?: (error: Error) => void
}

/**
 * Writes lines to a file, a pipe or a terminal, without ever holding up its thread. Each thread has its own on the same file: whole
 * buffers are appended to files, and whole lines of up to 4,096 bytes to pipes, so that lines are not mixed.
 *
 * It writes to the descriptor: `process.stdout` of a worker thread goes through the control thread.
 */
export class LogWriter {
  /** Lines that were dropped: too much waited, or the system refused them. */
  dropped = 0

  readonly #options: LogWriterOptions
  readonly #bufferBytes: number
  readonly #flushIntervalMs: number
  readonly #maxWaitingBytes: number
  #target: LogTarget
  /** Opened by `reopen`, to be used when the write in progress has ended. */
  #nextTarget: LogTarget | undefined
  /** Whole lines that wait. A string: joining is cheap, and it is turned into bytes once. */
  #text = ''
  /** What is being written, from `#offset` on. */
  #chunk: Buffer | undefined
  #offset = 0
  #timer: NodeJS.Timeout | undefined
  #failed = false
  #idleListeners: (() => void)[] = []

  /** @throws the system's error when the file cannot be opened */
  constructor(options: LogWriterOptions) {
    this.#options = options
    this.#bufferBytes = options.bufferBytes ?? DEFAULT_BUFFER_BYTES
    this.#flushIntervalMs = options.flushIntervalMs ?? DEFAULT_FLUSH_INTERVAL_MS
    this.#maxWaitingBytes = options.maxWaitingBytes ?? DEFAULT_MAX_WAITING_BYTES
    this.#target = openLogTarget(options.path)
  }

  /** Adds a line, given without its line feed. */
  write(line: string): void {
    // Characters are counted, not bytes: text lines are ASCII, and for others the limit may be exceeded by as much as UTF-8 takes.
    const size = line.length + 1
    const writing = this.#chunk === undefined ? 0 : this.#chunk.length - this.#offset
    if (writing + this.#text.length + size > this.#maxWaitingBytes) {
      this.dropped++
      return
    }
    this.#text += line
    this.#text += '\n'
    if (this.#chunk !== undefined) return
    if (this.#text.length >= this.#bufferBytes) this.#start()
    else this.#timer ??= setTimeout(() => this.#start(), this.#flushIntervalMs).unref()
  }

  /** Opens the file anew, after it was renamed (SIGUSR1). When that fails the old one is kept, and the error reported. */
  reopen(): void {
    let opened: LogTarget
    try {
      opened = openLogTarget(this.#options.path)
    } catch (error) {
      this.#report(error)
      return
    }
    this.#nextTarget?.close()
    this.#nextTarget = opened
    if (this.#chunk === undefined) this.#changeTarget()
  }

  /**
   * Writes what waits. Resolves with true when all of it was handed over, and with false when `deadlineMs` passed: whoever stops must
   * not wait for a pipe that nobody reads.
   */
  flush(deadlineMs = 2_000): Promise<boolean> {
    this.#start()
    if (this.#chunk === undefined) return Promise.resolve(true)
    return new Promise((resolve) => {
      const deadline = setTimeout(() => resolve(false), deadlineMs)
      this.#idleListeners.push(() => {
        clearTimeout(deadline)
        resolve(true)
      })
    })
  }

  /** Flushes, then closes the file. Nothing may be written afterwards. */
  async close(deadlineMs?: number): Promise<boolean> {
    const complete = await this.flush(deadlineMs)
    clearTimeout(this.#timer)
    this.#nextTarget?.close()
    this.#nextTarget = undefined
    // A write that still waits for the system holds the descriptor: closing it now could give its number to a socket.
    if (complete || this.#target.nonBlocking) this.#target.close()
    return complete
  }

  #start(): void {
    if (this.#chunk !== undefined || this.#text === '') return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#chunk = Buffer.from(this.#text)
    this.#text = ''
    this.#offset = 0
    this.#continue()
  }

  /** Writes pieces until the chunk has ended, or the system says later. */
  #continue(): void {
    while (this.#chunk !== undefined) {
      const end = pieceEnd(this.#chunk, this.#offset, this.#target.atomicBytes)
      if (!this.#target.nonBlocking) {
        write(this.#target.fd, this.#chunk, this.#offset, end - this.#offset, null, (error, written) => {
          if (this.#advance(error, written)) this.#continue()
        })
        return
      }
      // Never waits, and takes 2 µs: less than the way to another thread and back.
      let written = 0
      let failure: unknown = null
      try {
        written = writeSync(this.#target.fd, this.#chunk, this.#offset, end - this.#offset, null)
      } catch (error) {
        failure = error
      }
      if (!this.#advance(failure, written)) return
    }
  }

  /** Takes note of a write. Returns whether to go on at once. */
  #advance(error: unknown, written: number): boolean {
    const chunk = this.#chunk as Buffer
    if (error === null) {
      this.#failed = false
      this.#offset += written
      if (this.#offset < chunk.length) return true
    } else if (isRetryable(error)) {
      this.#timer = setTimeout(() => this.#continue(), RETRY_MS)
      return false
    } else {
      this.dropped += countLines(chunk, this.#offset)
      this.#report(error)
    }
    this.#chunk = undefined
    this.#timer = undefined
    if (this.#nextTarget !== undefined) this.#changeTarget()
    this.#afterChunk()
    return false
  }

  #afterChunk(): void {
    if (this.#text.length >= this.#bufferBytes || (this.#text !== '' && this.#idleListeners.length > 0)) {
      this.#start()
    } else if (this.#text === '') {
      for (const listener of this.#idleListeners.splice(0)) listener()
    } else {
      this.#timer = setTimeout(() => this.#start(), this.#flushIntervalMs).unref()
    }
  }

  #changeTarget(): void {
    this.#target.close()
    this.#target = this.#nextTarget as LogTarget
    this.#nextTarget = undefined
  }

  #report(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#options.onError?.(error as Error)
  }
}

/** The end of as many whole lines as can be written at once; of the next line when it is longer than that. */
function pieceEnd(chunk: Buffer, from: number, atomicBytes: number): number {
  if (chunk.length - from <= atomicBytes) return chunk.length
  const last = chunk.lastIndexOf(LINE_FEED, from + atomicBytes - 1)
  return (last >= from ? last : chunk.indexOf(LINE_FEED, from)) + 1
}

function isRetryable(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EAGAIN' || code === 'EINTR'
}

function countLines(chunk: Buffer, from: number): number {
  let lines = 0
  for (let at = chunk.indexOf(LINE_FEED, from); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) lines++
  return lines
}
