import type { SourceRecord } from './poller.ts'

/** 6 MB are an invocation's; what is around the records is in there, too. */
const MAX_BATCH_BYTES = 6_000_000
/** Records that the filter holds back go along with a batch, to be settled with it; not more than these. */
const MAX_BATCH_RECORDS = 20_000

export interface Batch {
  /** In their order. */
  readonly all: readonly SourceRecord[]
  /** Those of them that the function gets. */
  readonly wanted: readonly SourceRecord[]
}

/** Records of a lane that wait to become a batch. */
export class RecordLane {
  /** Batches at work. */
  running = 0
  #records: SourceRecord[] = []
  readonly #skipped = new Set<SourceRecord>()
  #bytes = 0
  /** When the first of them came. */
  #since = 0

  get size(): number {
    return this.#records.length
  }

  get records(): readonly SourceRecord[] {
    return this.#records
  }

  /** @param wanted false: it only keeps its place in the order */
  add(record: SourceRecord, wanted: boolean, now: number): void {
    if (this.#records.length === 0) this.#since = now
    this.#records.push(record)
    if (wanted) this.#bytes += record.bytes
    else this.#skipped.add(record)
  }

  /** When there is a batch at the latest; undefined: nothing waits. */
  dueAt(windowMs: number): number | undefined {
    return this.#records.length === 0 ? undefined : this.#since + windowMs
  }

  /** A batch, if there is one: enough records, enough bytes, or the window has passed. */
  take(batchSize: number, windowMs: number, now: number): Batch | undefined {
    if (this.#records.length === 0) return undefined
    const full =
      this.#records.length - this.#skipped.size >= batchSize ||
      this.#bytes >= MAX_BATCH_BYTES ||
      this.#records.length >= MAX_BATCH_RECORDS
    if (!full && now < this.#since + windowMs) return undefined
    const wanted: SourceRecord[] = []
    let bytes = 0
    let count = 0
    for (; count < this.#records.length && count < MAX_BATCH_RECORDS; count++) {
      const record = this.#records[count]!
      if (this.#skipped.delete(record)) continue
      // One that is too large alone fails alone.
      if (wanted.length >= batchSize || (wanted.length > 0 && bytes + record.bytes > MAX_BATCH_BYTES)) break
      wanted.push(record)
      bytes += record.bytes
    }
    const all = this.#records.slice(0, count)
    this.#records = this.#records.slice(count)
    this.#bytes -= bytes
    this.#since = now
    return { all, wanted }
  }
}
