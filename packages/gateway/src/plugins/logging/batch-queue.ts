import type { PluginLogger } from '../context.ts'
import type { LogCounts } from './log-metrics.ts'
import { logClosed, logOpened, type OpenLog } from './open-logs.ts'

export interface BatchLimits {
  readonly maxBatchEntries: number
  /** A batch leaves when nothing came for so long, */
  readonly inactiveMs: number
  /** or its first entry is so old. */
  readonly maxAgeMs: number
  readonly maxRetries: number
  /** Before the first repetition; doubles. */
  readonly retryDelayMs: number
  readonly maxPendingEntries: number
  readonly maxPendingBytes: number
}

/** A batch that is this large leaves, however few entries it has. */
export const MAX_BATCH_BYTES = 4_194_304
/** The longest that a repetition is put off, unless `retry_delay` itself is longer. */
const MAX_BACKOFF_MS = 60_000
/** How long a queue whose configuration is gone goes on with what it has. */
const DISPOSE_DEADLINE_MS = 30_000

/** What a sink did with a batch. */
export interface Sent<Entry> {
  /** To be sent once more. */
  readonly again: readonly Entry[]
  /** How many the sink will never take. */
  readonly refused: number
}

/** Where batches go. */
export interface BatchSink<Entry> {
  /** Resolves when the sink has the entries, or tells which it has not. Rejects when it has none of them. Bounded in time by the sink itself. */
  send(entries: readonly Entry[]): Promise<Sent<Entry> | void>
  /** Batches that may be under way at a time; default 1, so that they arrive in order. */
  readonly concurrency?: number
  /** Nothing more will be sent. */
  close?(): void
}

export interface BatchQueueOptions {
  /** For the log: `http-logger "http logger" of routes/1`. */
  readonly name: string
  readonly fields: object
  readonly limits: BatchLimits
  readonly counts: LogCounts
  readonly logger: PluginLogger
  /** Milliseconds on a clock that is not set. */
  readonly now?: () => number
  /** From 0 to 1, for the jitter of repetitions. */
  readonly random?: () => number
}

interface Batch<Entry> {
  entries: readonly Entry[]
  readonly sizes: number
  failures: number
}

/**
 * Gathers entries to batches and sends them, beside the requests. Bounded in entries and bytes: what comes beyond is dropped, never waited
 * for. A batch that failed is sent again, with a growing delay and jitter; meanwhile no other is, so that a sink that is down is asked once.
 */
export class BatchQueue<Entry> implements OpenLog {
  private readonly options: BatchQueueOptions
  private readonly limits: BatchLimits
  private readonly sink: BatchSink<Entry>
  private readonly now: () => number
  private open: Entry[] = []
  private openBytes = 0
  private firstAt = 0
  private lastAt = 0
  private readonly waiting: Batch<Entry>[] = []
  private sending = 0
  private entries = 0
  private bytes = 0
  /** Dropped since the queue was full. */
  private overflowed = 0
  /** The last batch failed. */
  private failing = false
  private timer: NodeJS.Timeout | undefined
  private turn: NodeJS.Immediate | undefined
  private retryTimer: NodeJS.Timeout | undefined
  private disposed = false
  private abandoned = false
  private idleListeners: (() => void)[] = []

  constructor(sink: BatchSink<Entry>, options: BatchQueueOptions) {
    this.sink = sink
    this.options = options
    this.limits = options.limits
    this.now = options.now ?? Date.now
    logOpened(this)
  }

  /** Entries that wait or are under way. */
  get pending(): number {
    return this.entries
  }

  /** @param bytes what the entry takes, about */
  push(entry: Entry, bytes: number): void {
    const { limits } = this
    if (this.entries >= limits.maxPendingEntries || this.bytes + bytes > limits.maxPendingBytes) return this.drop()
    this.entries++
    this.bytes += bytes
    this.openBytes += bytes
    this.lastAt = this.now()
    if (this.open.push(entry) === 1) this.firstAt = this.lastAt
    if (this.open.length >= limits.maxBatchEntries || this.openBytes >= MAX_BATCH_BYTES || this.disposed) this.seal()
    else this.timer ??= this.startTimer(Math.min(limits.inactiveMs, limits.maxAgeMs))
  }

  flush(deadlineMs: number): Promise<boolean> {
    this.seal()
    if (this.entries === 0) return Promise.resolve(true)
    return new Promise((resolve) => {
      const deadline = setTimeout(() => {
        resolve(false)
        this.abandon()
      }, deadlineMs)
      this.idleListeners.push(() => {
        clearTimeout(deadline)
        resolve(true)
      })
    })
  }

  /** The configuration is gone. What waits is sent still, for half a minute at most. */
  dispose(): void {
    if (this.disposed) return
    this.disposed = true
    void this.flush(DISPOSE_DEADLINE_MS).then(() => {
      logClosed(this)
      this.sink.close?.()
    })
  }

  private startTimer(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.onTimer(), ms).unref()
  }

  /** One timer for a batch, however many entries move its end: it looks whether it is time. */
  private onTimer(): void {
    this.timer = undefined
    if (this.open.length === 0) return
    const { inactiveMs, maxAgeMs } = this.limits
    const left = Math.min(this.lastAt + inactiveMs, this.firstAt + maxAgeMs) - this.now()
    if (left <= 0) this.seal()
    else this.timer = this.startTimer(left)
  }

  private seal(): void {
    if (this.open.length === 0) return
    clearTimeout(this.timer)
    this.timer = undefined
    this.waiting.push({ entries: this.open, sizes: this.openBytes, failures: 0 })
    this.open = []
    this.openBytes = 0
    this.sendSoon()
  }

  /** Not in the turn of the request that filled the batch. */
  private sendSoon(): void {
    this.turn ??= setImmediate(() => {
      this.turn = undefined
      this.sendNext()
    })
  }

  private sendNext(): void {
    const most = this.failing ? 1 : (this.sink.concurrency ?? 1)
    while (this.retryTimer === undefined && this.sending < most) {
      const batch = this.waiting.shift()
      if (batch === undefined) return
      this.sending++
      void this.send(batch)
    }
  }

  private async send(batch: Batch<Entry>): Promise<void> {
    try {
      const sent = await this.sink.send(batch.entries)
      this.failing = false
      this.sending--
      if (sent !== undefined && sent.again.length > 0) this.sentInPart(batch, sent)
      else {
        const refused = sent?.refused ?? 0
        this.end(batch, 'sent', batch.entries.length - refused)
        this.options.counts.add('refused', refused)
      }
    } catch {
      // The sink told the log why, when it began to fail.
      this.sending--
      this.failing = true
      this.failed(batch)
    }
    this.sendSoon()
  }

  private sentInPart(batch: Batch<Entry>, { again, refused }: Sent<Entry>): void {
    const { counts } = this.options
    const gone = batch.entries.length - again.length
    counts.add('sent', gone - refused)
    counts.add('refused', refused)
    this.entries -= gone
    batch.entries = again
    this.failed(batch)
  }

  private failed(batch: Batch<Entry>): void {
    batch.failures++
    if (this.abandoned || batch.failures > this.limits.maxRetries)
      return this.end(batch, 'failed', batch.entries.length)
    this.waiting.unshift(batch)
    this.retryTimer ??= setTimeout(() => {
      this.retryTimer = undefined
      this.sendNext()
    }, this.retryMs(batch.failures)).unref()
  }

  /** Between three quarters and five quarters of the delay: many gateways must not come back to a sink at once. */
  private retryMs(failures: number): number {
    const { retryDelayMs } = this.limits
    const delay = Math.min(retryDelayMs * 2 ** (failures - 1), Math.max(MAX_BACKOFF_MS, retryDelayMs))
    return delay * (0.75 + 0.5 * (this.options.random ?? Math.random)())
  }

  private end(batch: Batch<Entry>, outcome: 'sent' | 'failed', count: number): void {
    this.options.counts.add(outcome, count)
    this.entries -= batch.entries.length
    this.bytes -= batch.sizes
    if (this.overflowed > 0 && outcome === 'sent') {
      const { logger, name, fields } = this.options
      logger.info({ ...fields, dropped: this.overflowed }, `${name}: entries are no longer dropped`)
      this.overflowed = 0
    }
    if (this.entries === 0) for (const listener of this.idleListeners.splice(0)) listener()
  }

  private drop(): void {
    const { counts, logger, name, fields } = this.options
    counts.add('dropped', 1)
    if (this.overflowed++ > 0) return
    const waits = { entries: this.entries, bytes: this.bytes }
    logger.warn({ ...fields, ...waits }, `${name}: entries are dropped, as too many wait already`)
  }

  /** Nobody waits any longer: the process ends, or the configuration is gone for long. */
  private abandon(): void {
    this.abandoned = true
    clearTimeout(this.retryTimer)
    this.retryTimer = undefined
    if (this.entries === 0) return
    const { logger, name, fields } = this.options
    logger.warn(
      { ...fields, entries: this.entries },
      `${name}: entries are lost, as the sink did not take them in time`,
    )
    for (const batch of this.waiting.splice(0)) this.end(batch, 'failed', batch.entries.length)
  }
}
