import type { Runner } from '../async/run-function.ts'
import { BatchRunner, type Discarded } from './batch-runner.ts'
import type { MappingOptions } from './mapping-options.ts'
import { KEEP_MS, type Poller, type SourceRecord } from './poller.ts'
import { RecordFilter } from './record-filter.ts'
import { type Batch, RecordLane } from './record-lane.ts'
import { unlessStopped, wait } from './waiting.ts'

/** A poll without records ends after so long. */
const POLL_MS = 2_000
/** Between tries to reach a source, doubled by each. */
const MIN_RECONNECT_MS = 500
const MAX_RECONNECT_MS = 30_000
/** Records that wait in memory, of a source with order: some partitions may be far behind others. */
const MAX_WAITING = 10_000

export interface MappingParts {
  readonly runner: Runner
  readonly options: MappingOptions
  readonly open: () => Promise<Poller>
  /** Tells the OnFailure destination; resolves when that has been done, or the signal has come. */
  readonly discard: (discarded: Discarded, event: object, stop: AbortSignal) => Promise<void>
  /** `OK`, `PROBLEM: …` */
  readonly onResult: (result: string) => void
  readonly counts: MappingCounts
  readonly now: () => number
}

/** What a mapping did since it started. */
export interface MappingCounts {
  records: number
  batches: number
  filtered: number
  discarded: number
}

/** Runs one mapping: polls its source, gathers batches, calls the function, connects again when the source was away. */
export class MappingRunner {
  readonly #parts: MappingParts
  readonly #filter: RecordFilter
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  readonly #lanes = new Map<string, RecordLane>()
  readonly #running = new Map<Promise<void>, Batch>()
  /** Of a batch that the source did not let settle: it is opened anew. */
  #failure: unknown
  #reconnects = 0
  /** Somebody waits for room. */
  #wake: (() => void) | undefined

  /** Throws what is wrong with a filter. */
  constructor(parts: MappingParts) {
    this.#parts = parts
    this.#filter = new RecordFilter(parts.options.filters)
    this.#done = this.#run()
  }

  /** Batches under way end first; those that wait for another try do not. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#wake?.()
    await this.#done
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      let poller: Poller | undefined
      try {
        poller = await this.#parts.open()
        await this.#pollUntilStop(poller)
      } catch (error) {
        if (!signal.aborted) this.#parts.onResult(`PROBLEM: ${(error as Error).message}`)
      }
      await Promise.all(this.#running.keys())
      await poller?.close().catch(() => undefined)
      this.#lanes.clear()
      this.#failure = undefined
      await wait(Math.min(MIN_RECONNECT_MS * 2 ** Math.min(this.#reconnects++, 10), MAX_RECONNECT_MS), signal)
    }
  }

  /** Rejects when the source fails. */
  async #pollUntilStop(poller: Poller): Promise<void> {
    const { signal } = this.#stop
    const keeping = setInterval(() => void this.#keep(poller), KEEP_MS)
    try {
      while (!signal.aborted) {
        if (this.#failure !== undefined) throw this.#failure
        this.#start(poller)
        const room = this.#room(poller)
        if (room > 0) await this.#take(poller, room)
        else await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      clearInterval(keeping)
    }
  }

  /** How many more records may be taken: of a source without order no more than can be worked on, since others may want them. */
  #room(poller: Poller): number {
    const { batchSize, concurrency } = this.#parts.options
    let waiting = 0
    for (const lane of this.#lanes.values()) waiting += lane.size
    if (poller.ordered) return Math.min(MAX_WAITING - waiting, Math.max(batchSize, 100))
    return (concurrency - this.#running.size) * batchSize - waiting
  }

  async #take(poller: Poller, room: number): Promise<void> {
    const { now, counts } = this.#parts
    const polled = await unlessStopped(poller.poll(room, this.#pollMs(poller)), this.#stop.signal, [])
    this.#reconnects = 0
    const unwanted: SourceRecord[] = []
    for (const record of polled) {
      const wanted = this.#filter.passes(record)
      counts.records++
      if (!wanted) counts.filtered++
      if (wanted || poller.ordered) this.#laneOf(record.lane).add(record, wanted, now())
      else unwanted.push(record)
    }
    if (unwanted.length > 0) await poller.settle(unwanted)
  }

  #start(poller: Poller): void {
    const { options, now } = this.#parts
    for (const [name, lane] of this.#lanes) {
      while (this.#mayStart(poller, lane)) {
        const batch = lane.take(options.batchSize, options.windowMs, now())
        if (batch === undefined) break
        this.#launch(poller, lane, batch)
      }
      if (lane.size === 0 && lane.running === 0) this.#lanes.delete(name)
    }
  }

  #mayStart(poller: Poller, lane: RecordLane): boolean {
    const most = poller.ordered ? 1 : this.#parts.options.concurrency
    return lane.running < most && this.#failure === undefined && !this.#stop.signal.aborted
  }

  #launch(poller: Poller, lane: RecordLane, batch: Batch): void {
    lane.running++
    const running = this.#work(poller, batch)
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .then(() => {
        lane.running--
        this.#running.delete(running)
        this.#start(poller)
        this.#wake?.()
      })
    this.#running.set(running, batch)
  }

  async #work(poller: Poller, { all, wanted }: Batch): Promise<void> {
    const { runner, options, now, onResult, counts, discard } = this.#parts
    const stop = this.#stop.signal
    if (wanted.length > 0) {
      counts.batches++
      const batches = new BatchRunner({
        runner,
        options,
        poller,
        stop,
        now,
        wait,
        onResult,
        discard: (discarded) => {
          counts.discarded += discarded.records.length
          return discard(discarded, poller.eventOf(discarded.records), stop)
        },
      })
      await batches.run(wanted)
    }
    // The place behind those that the filter held back. A batch that was not finished because of a stop is not passed over.
    if (wanted.length < all.length && !stop.aborted) await poller.settle(all)
  }

  async #keep(poller: Poller): Promise<void> {
    const records = [...this.#running.values()].flatMap(({ all }) => all)
    for (const lane of this.#lanes.values()) records.push(...lane.records)
    // What fails here fails for the poll, too.
    if (records.length > 0) await poller.keep(records).catch(() => undefined)
  }

  #laneOf(name: string): RecordLane {
    let lane = this.#lanes.get(name)
    if (lane === undefined) this.#lanes.set(name, (lane = new RecordLane()))
    return lane
  }

  /** Until the next window ends. */
  #pollMs(poller: Poller): number {
    const now = this.#parts.now()
    let due = now + POLL_MS
    for (const lane of this.#lanes.values())
      if (this.#mayStart(poller, lane)) due = Math.min(due, lane.dueAt(this.#parts.options.windowMs) ?? due)
    return Math.max(due - now, 1)
  }
}
