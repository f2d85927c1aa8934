import type { Poller, SourceRecord } from '../poller.ts'

/** A source in memory. The lane of a record is the first letter of its id, if it has one and the source has order. */
export class FakePoller implements Poller {
  readonly ordered: boolean
  readonly settled: string[] = []
  readonly retried: [id: string, delayMs: number][] = []
  readonly kept: string[][] = []
  failure: Error | undefined
  taken = 0
  opens = 0
  closes = 0
  #waiting: SourceRecord[] = []
  #wake: () => void = () => undefined

  constructor(ordered: boolean) {
    this.ordered = ordered
  }

  opened(): this {
    this.opens++
    if (this.failure !== undefined) throw this.failure
    return this
  }

  add(...ids: string[]): void {
    this.addSized(10, ...ids)
  }

  addSized(bytes: number, ...ids: string[]): void {
    for (const id of ids)
      this.#waiting.push({
        lane: this.ordered ? id.charAt(0) : '',
        id,
        event: { id },
        contents: {},
        bytes,
        at: Date.now(),
        deliveries: 0,
      })
    this.#wake()
  }

  async poll(max: number, waitMs: number): Promise<readonly SourceRecord[]> {
    if (this.failure !== undefined) throw this.failure
    if (this.#waiting.length === 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    const records = this.#waiting.splice(0, max)
    this.taken += records.length
    return records
  }

  async settle(records: readonly SourceRecord[]): Promise<void> {
    this.settled.push(...records.map(({ id }) => id))
  }

  async retry(records: readonly SourceRecord[], delayMs: number): Promise<void> {
    for (const record of records) this.retried.push([record.id, delayMs])
    setTimeout(() => {
      this.#waiting.push(...records.map((record) => ({ ...record, deliveries: record.deliveries + 1 })))
      this.#wake()
    }, delayMs)
  }

  async keep(records: readonly SourceRecord[]): Promise<void> {
    this.kept.push(records.map(({ id }) => id))
  }

  eventOf(records: readonly SourceRecord[]): object {
    return { ids: records.map(({ id }) => id) }
  }

  async close(): Promise<void> {
    this.closes++
    this.#wake()
  }
}
