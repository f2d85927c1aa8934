import type { Redis } from 'ioredis'
import { connectRedis } from '../../async/targets/connect-redis.ts'
import type { StartingPosition } from '../mapping-options.ts'
import { type Poller, type SourceRecord, VISIBILITY_MS } from '../poller.ts'
import type { SourceAddress } from '../source-address.ts'
import { sqsEvent, sqsRecord } from '../sqs-record.ts'

export interface RedisPollerOptions {
  readonly address: SourceAddress
  readonly start: StartingPosition
  /** Of this node within the group: what it had taken before a restart is its own again. */
  readonly consumer: string
  readonly region: string
  /** An entry that no consumer has kept for so long is taken over. */
  readonly visibilityMs?: number
}

type Entry = [id: string, fields: string[] | null]

/** How many of a dead consumer's entries are taken over at a time. */
const MAX_CLAIMED = 100
/** The largest part of an entry's id behind the milliseconds. */
const LAST_SEQUENCE = '18446744073709551615'

/**
 * Reads a Redis stream as a member of a consumer group: entries are acknowledged when they are done, and stay in the stream unless the URL says
 * `delete=true`. What a consumer had that died is taken over; what fails is claimed again after its delay, so that the server counts it.
 */
export class RedisStreamPoller implements Poller {
  readonly ordered = false
  readonly #options: RedisPollerOptions
  readonly #stream: string
  readonly #group: string
  readonly #consumer: string
  readonly #visibilityMs: number
  readonly #deletes: boolean
  /** One waits in XREADGROUP, the other acknowledges meanwhile. */
  readonly #reading: Redis
  readonly #writing: Redis
  /** Entries that failed, by when they may come again. */
  readonly #again = new Map<string, number>()
  #ownFrom: string | undefined = '0'
  #nextClaim = 0

  private constructor(options: RedisPollerOptions, reading: Redis, writing: Redis) {
    this.#options = options
    this.#stream = options.address.name
    this.#group = options.address.group
    this.#consumer = options.consumer
    this.#visibilityMs = options.visibilityMs ?? VISIBILITY_MS
    this.#deletes = options.address.urls[0]!.searchParams.get('delete') === 'true'
    this.#reading = reading
    this.#writing = writing
  }

  static async open(options: RedisPollerOptions): Promise<RedisStreamPoller> {
    const url = options.address.urls[0]!
    const reading = await connectRedis(url, undefined)
    const writing = await connectRedis(url)
    const poller = new RedisStreamPoller(options, reading, writing)
    try {
      await poller.#createGroup()
    } catch (error) {
      await poller.close()
      throw error
    }
    return poller
  }

  async poll(max: number, waitMs: number): Promise<readonly SourceRecord[]> {
    if (this.#ownFrom !== undefined) {
      const own = await this.#own(max)
      if (own.length > 0) return own
    }
    const again = await this.#due(max)
    if (again.length > 0) return again
    const stale = await this.#stale(max)
    if (stale.length > 0) return stale
    let block = waitMs
    for (const at of this.#again.values()) block = Math.min(block, at - Date.now())
    const entries = await this.#read(max, '>', Math.max(block, 1))
    return this.#records(entries, () => 1)
  }

  async settle(records: readonly SourceRecord[]): Promise<void> {
    const ids = records.map(({ id }) => id)
    for (const id of ids) this.#again.delete(id)
    const pipeline = this.#writing.pipeline().xack(this.#stream, this.#group, ...ids)
    if (this.#deletes) pipeline.xdel(this.#stream, ...ids)
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
  }

  async retry(records: readonly SourceRecord[], delayMs: number): Promise<void> {
    const at = Date.now() + delayMs
    for (const { id } of records) this.#again.set(id, at)
  }

  /** Claims what is its own already, which sets its idle time to 0 and counts no delivery. */
  async keep(records: readonly SourceRecord[]): Promise<void> {
    const ids = [...new Set([...records.map(({ id }) => id), ...this.#again.keys()])]
    if (ids.length > 0) await this.#writing.xclaim(this.#stream, this.#group, this.#consumer, 0, ...ids, 'JUSTID')
  }

  eventOf(records: readonly SourceRecord[]): object {
    return sqsEvent(records)
  }

  async close(): Promise<void> {
    this.#reading.disconnect()
    this.#writing.disconnect()
  }

  async #createGroup(): Promise<void> {
    const { start } = this.#options
    const from = start.from === 'first' ? '0' : start.from === 'new' ? '$' : `${start.at - 1}-${LAST_SEQUENCE}`
    try {
      await this.#writing.xgroup('CREATE', this.#stream, this.#group, from, 'MKSTREAM')
    } catch (error) {
      // It is there from before.
      if (!(error as Error).message.startsWith('BUSYGROUP')) throw error
    }
  }

  /** What this consumer had when it stopped. */
  async #own(max: number): Promise<readonly SourceRecord[]> {
    const entries = await this.#read(max, this.#ownFrom!, undefined)
    this.#ownFrom = entries.at(-1)?.[0]
    return entries.length === 0 ? [] : this.#counted(entries)
  }

  /** What failed and has waited long enough. */
  async #due(max: number): Promise<readonly SourceRecord[]> {
    const now = Date.now()
    const ids: string[] = []
    for (const [id, at] of this.#again) if (at <= now && ids.length < max) ids.push(id)
    return ids.length === 0 ? [] : this.#claim(ids, 0)
  }

  /** What nobody has kept for long: its consumer is dead. */
  async #stale(max: number): Promise<readonly SourceRecord[]> {
    const now = Date.now()
    if (now < this.#nextClaim) return []
    const count = Math.min(max, MAX_CLAIMED)
    const idle = this.#visibilityMs
    const pending = (await this.#writing.xpending(this.#stream, this.#group, 'IDLE', idle, '-', '+', count)) as [
      string,
    ][]
    // More of them may be there than were asked for.
    if (pending.length < count) this.#nextClaim = now + idle / 2
    const ids = pending.map(([id]) => id).filter((id) => !this.#again.has(id))
    return ids.length === 0 ? [] : this.#claim(ids, idle)
  }

  async #claim(ids: readonly string[], idleMs: number): Promise<readonly SourceRecord[]> {
    const claimed = (await this.#writing.xclaim(this.#stream, this.#group, this.#consumer, idleMs, ...ids)) as Entry[]
    for (const id of ids) this.#again.delete(id)
    return this.#counted(claimed)
  }

  /** With the server's count of deliveries. */
  async #counted(entries: readonly Entry[]): Promise<readonly SourceRecord[]> {
    const counts = new Map<string, number>()
    const answers = await Promise.all(
      entries.map(([id]) => this.#writing.xpending(this.#stream, this.#group, id, id, 1) as Promise<unknown[][]>),
    )
    for (const [row] of answers) if (row !== undefined) counts.set(row[0] as string, row[3] as number)
    return this.#records(entries, (id) => counts.get(id) ?? 1)
  }

  async #read(max: number, from: string, blockMs: number | undefined): Promise<readonly Entry[]> {
    const group = ['GROUP', this.#group, this.#consumer] as const
    const streams = ['STREAMS', this.#stream, from] as const
    const answer =
      blockMs === undefined
        ? await this.#writing.xreadgroup(...group, 'COUNT', max, ...streams)
        : await this.#reading.xreadgroup(...group, 'COUNT', max, 'BLOCK', Math.ceil(blockMs), ...streams)
    return (answer as [string, Entry[]][] | null)?.[0]?.[1] ?? []
  }

  async #records(entries: readonly Entry[], countOf: (id: string) => number): Promise<readonly SourceRecord[]> {
    const gone = entries.filter(([, fields]) => fields === null).map(([id]) => id)
    // Trimmed or deleted while it was pending: there is nothing to give to anybody.
    if (gone.length > 0) await this.#writing.xack(this.#stream, this.#group, ...gone)
    const now = Date.now()
    return entries.flatMap(([id, fields]) => (fields === null ? [] : [this.#record(id, fields, countOf(id), now)]))
  }

  #record(id: string, fields: readonly string[], receiveCount: number, receivedAt: number): SourceRecord {
    const all: Record<string, string> = {}
    for (let i = 0; i + 1 < fields.length; i += 2) all[fields[i]!] = fields[i + 1]!
    const { body, ...attributes } = all
    const sentAt = Number(id.slice(0, id.indexOf('-')))
    const { address, region } = this.#options
    return sqsRecord(
      body === undefined
        ? { id, receipt: id, body: JSON.stringify(all), attributes: {}, sentAt, receivedAt, receiveCount }
        : { id, receipt: id, body, attributes, sentAt, receivedAt, receiveCount },
      address.arn,
      region,
    )
  }
}
