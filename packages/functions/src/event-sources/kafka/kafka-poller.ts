import type { Consumer, Message, MessagesStream } from '@platformatic/kafka'
import type { StartingPosition } from '../mapping-options.ts'
import type { Poller, SourceRecord } from '../poller.ts'
import type { SourceAddress } from '../source-address.ts'
import { kafkaEvent, kafkaRecord, type KafkaRecord } from './kafka-record.ts'

export interface KafkaPollerOptions {
  readonly address: SourceAddress
  readonly start: StartingPosition
  /** Of this node, for the broker's logs. */
  readonly consumer: string
}

type Bytes = Buffer | undefined
type BytesMessage = Message<Buffer, Buffer, Buffer, Buffer>

/** A fetch waits so long at the broker for something to come. */
const FETCH_MS = 1_000
/** Without a heartbeat for so long a member is dead, and others get its partitions. */
const SESSION_MS = 30_000
const CONNECT_TIMEOUT_MS = 5_000
/** Records that wait in the client. */
const MAX_FETCHED = 1_000

/** Reads a Kafka topic as a member of a consumer group. A partition's place is committed when a batch is done, never before. */
export class KafkaPoller implements Poller {
  readonly ordered = true
  readonly #options: KafkaPollerOptions
  readonly #consumer: Consumer<Buffer, Buffer, Buffer, Buffer>
  readonly #stream: MessagesStream<Buffer, Buffer, Buffer, Buffer>
  readonly #messages = new WeakMap<SourceRecord, BytesMessage>()
  #failure: Error | undefined
  #wake: (() => void) | undefined

  private constructor(
    options: KafkaPollerOptions,
    consumer: Consumer<Buffer, Buffer, Buffer, Buffer>,
    stream: MessagesStream<Buffer, Buffer, Buffer, Buffer>,
  ) {
    this.#options = options
    this.#consumer = consumer
    this.#stream = stream
    stream.on('readable', () => this.#wake?.())
    stream.on('error', (error) => {
      this.#failure = error
      this.#wake?.()
    })
  }

  static async open(options: KafkaPollerOptions): Promise<KafkaPoller> {
    const kafka = await import('@platformatic/kafka').catch(() => {
      throw new Error('Kafka needs a package: npm install @platformatic/kafka')
    })
    const { address, start } = options
    const { username, password, searchParams } = address.urls[0]!
    const consumer = new kafka.Consumer<Buffer, Buffer, Buffer, Buffer>({
      groupId: address.group,
      clientId: `sekisho-${options.consumer}`,
      bootstrapBrokers: address.urls.map(({ host }) => host),
      connectTimeout: CONNECT_TIMEOUT_MS,
      retries: 2,
      autocommit: false,
      sessionTimeout: SESSION_MS,
      maxWaitTime: FETCH_MS,
      highWaterMark: MAX_FETCHED,
      ...(searchParams.get('tls') === 'true' ? { tls: {} } : {}),
      ...(username === ''
        ? {}
        : {
            sasl: {
              mechanism: 'PLAIN',
              username: decodeURIComponent(username),
              password: decodeURIComponent(password),
            },
          }),
    })
    try {
      const stream = await consumer.consume({
        topics: [address.name],
        mode: 'committed',
        fallbackMode: start.from === 'new' ? 'latest' : 'earliest',
      })
      return new KafkaPoller(options, consumer, stream)
    } catch (error) {
      await closed(consumer)
      throw error
    }
  }

  async poll(max: number, waitMs: number): Promise<readonly SourceRecord[]> {
    let records = this.#read(max)
    if (records.length === 0) {
      await this.#arrival(waitMs)
      records = this.#read(max)
    }
    return records
  }

  /** Up to the last one of each partition. */
  async settle(records: readonly SourceRecord[]): Promise<void> {
    const last = new Map(records.map((record) => [record.lane, record]))
    await Promise.all([...last.values()].map(async (record) => this.#messages.get(record)?.commit()))
  }

  retry(): Promise<void> {
    return Promise.reject(new Error('a partition goes on in its order'))
  }

  /** The client sends heartbeats by itself. */
  async keep(): Promise<void> {}

  eventOf(records: readonly SourceRecord[]): object {
    return kafkaEvent(records, this.#options.address)
  }

  async close(): Promise<void> {
    this.#failure ??= new Error('the mapping has stopped')
    this.#wake?.()
    await closed(this.#consumer)
  }

  #read(max: number): SourceRecord[] {
    if (this.#failure !== undefined) throw this.#failure
    const { start } = this.#options
    const records: KafkaRecord[] = []
    while (records.length < max) {
      const message = this.#stream.read() as BytesMessage | null
      if (message === null) break
      // From the first on to the time that was asked for; the broker is asked by offset only.
      if (start.from === 'time' && Number(message.timestamp) < start.at) continue
      const record = kafkaRecord({
        topic: message.topic,
        partition: message.partition,
        offset: message.offset,
        timestamp: message.timestamp,
        key: message.key as Bytes,
        value: message.value as Bytes,
        headers: message.headers,
      })
      this.#messages.set(record, message)
      records.push(record)
    }
    return records
  }

  #arrival(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(end, waitMs)
      this.#wake = end
    })
  }
}

/** Also when the brokers are gone: nothing is to be told to them then. */
async function closed(consumer: Consumer<Buffer, Buffer, Buffer, Buffer>): Promise<void> {
  try {
    // With two signatures, its types tell only the one with a callback from here.
    await (consumer.close as (force: boolean) => Promise<void>).call(consumer, true)
  } catch {
    // Its sockets are closed.
  }
}
