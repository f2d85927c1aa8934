import type { Consumer, JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { StartingPosition } from '../mapping-options.ts'
import { type Poller, type SourceRecord, VISIBILITY_MS } from '../poller.ts'
import type { SourceAddress } from '../source-address.ts'
import { sqsEvent, sqsRecord } from '../sqs-record.ts'

export interface JetStreamPollerOptions {
  readonly address: SourceAddress
  readonly start: StartingPosition
  readonly region: string
  readonly visibilityMs?: number
}

/** A request for messages stands so long at the server; then another one is sent. */
const FETCH_MS = 5_000
const CONNECT_TIMEOUT_MS = 5_000
const NANOSECONDS = 1_000_000

/**
 * Reads a JetStream stream by a durable pull consumer: messages are acknowledged when they are done, given back with a delay when they failed, and
 * come again by themselves when nobody has said anything about them for `VISIBILITY_MS`.
 */
export class JetStreamPoller implements Poller {
  readonly ordered = false
  readonly #options: JetStreamPollerOptions
  readonly #connection: NatsConnection
  readonly #consumer: Consumer
  /** Came, and was not polled yet. */
  #arrived: JsMsg[] = []
  /** By id: polled, and neither settled nor given back. */
  readonly #out = new Map<string, JsMsg>()
  #fetching = false
  #failure: unknown
  #wake: (() => void) | undefined

  private constructor(options: JetStreamPollerOptions, connection: NatsConnection, consumer: Consumer) {
    this.#options = options
    this.#connection = connection
    this.#consumer = consumer
  }

  static async open(options: JetStreamPollerOptions): Promise<JetStreamPoller> {
    const { connect, js } = await load()
    const { address, start, visibilityMs = VISIBILITY_MS } = options
    const { username, password, searchParams, protocol } = address.urls[0]!
    const connection = await connect({
      servers: address.urls.map(({ host }) => host),
      timeout: CONNECT_TIMEOUT_MS,
      // The mapping connects anew, and says that it does.
      reconnect: false,
      ...(protocol === 'tls:' ? { tls: {} } : {}),
      ...(username === '' ? {} : { user: decodeURIComponent(username), pass: decodeURIComponent(password) }),
      ...(searchParams.has('token') ? { token: searchParams.get('token')! } : {}),
    })
    try {
      const manager = await js.jetstreamManager(connection)
      // Names of consumers have no dots, stars and the like.
      const name = `sekisho-${address.group.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`
      const known = await manager.consumers.info(address.name, name).catch(() => undefined)
      if (known === undefined)
        await manager.consumers.add(address.name, {
          durable_name: name,
          ack_policy: js.AckPolicy.Explicit,
          ack_wait: visibilityMs * NANOSECONDS,
          // Those that wait for a retry count, too: the limit is the mapping's number of batches, not this.
          max_ack_pending: -1,
          ...(searchParams.has('subject') ? { filter_subject: searchParams.get('subject')! } : {}),
          ...startOf(start, js.DeliverPolicy),
        })
      const consumer = await js.jetstream(connection).consumers.get(address.name, name)
      return new JetStreamPoller(options, connection, consumer)
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  async poll(max: number, waitMs: number): Promise<readonly SourceRecord[]> {
    if (this.#connection.isClosed()) throw new Error('the connection to NATS is closed')
    if (this.#failure !== undefined) throw this.#failure
    if (this.#arrived.length === 0) {
      if (!this.#fetching) void this.#fetch(max)
      await this.#arrival(waitMs)
      if (this.#failure !== undefined) throw this.#failure
    }
    const messages = this.#arrived.splice(0, max)
    const now = Date.now()
    return messages.map((message) => this.#record(message, now))
  }

  async settle(records: readonly SourceRecord[]): Promise<void> {
    for (const { id } of records) {
      this.#out.get(id)?.ack()
      this.#out.delete(id)
    }
    // The server has them all when it has answered.
    await this.#connection.flush()
  }

  async retry(records: readonly SourceRecord[], delayMs: number): Promise<void> {
    for (const { id } of records) {
      this.#out.get(id)?.nak(delayMs)
      this.#out.delete(id)
    }
  }

  async keep(): Promise<void> {
    for (const message of this.#out.values()) message.working()
    for (const message of this.#arrived) message.working()
  }

  eventOf(records: readonly SourceRecord[]): object {
    return sqsEvent(records)
  }

  /** What was taken and not done is given back. */
  async close(): Promise<void> {
    if (this.#connection.isClosed()) return
    for (const message of [...this.#out.values(), ...this.#arrived]) message.nak()
    await this.#connection.flush().catch(() => undefined)
    await this.#connection.close()
    this.#wake?.()
  }

  /** Gathers what comes within `FETCH_MS`: the client ends a request no earlier, but what has come need not wait for that. */
  async #fetch(max: number): Promise<void> {
    this.#fetching = true
    try {
      for await (const message of await this.#consumer.fetch({ max_messages: max, expires: FETCH_MS })) {
        this.#arrived.push(message)
        this.#wake?.()
      }
    } catch (error) {
      this.#failure = error
    } finally {
      this.#fetching = false
      this.#wake?.()
    }
  }

  #arrival(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(end, waitMs)
      // One turn later: messages come in packs.
      this.#wake = () => setImmediate(end)
    })
  }

  #record(message: JsMsg, receivedAt: number): SourceRecord {
    const { address, region } = this.#options
    const id = `${message.info.stream}-${message.seq}`
    this.#out.set(id, message)
    const attributes: Record<string, string> = { subject: message.subject }
    for (const [name, values] of message.headers ?? []) attributes[name] = values.join(',')
    return sqsRecord(
      {
        id,
        receipt: `${id}-${message.info.deliveryCount}`,
        body: message.string(),
        attributes,
        sentAt: Math.floor(message.info.timestampNanos / NANOSECONDS),
        receivedAt,
        receiveCount: message.info.deliveryCount,
      },
      address.arn,
      region,
    )
  }
}

async function load() {
  try {
    const [{ connect }, js] = await Promise.all([import('@nats-io/transport-node'), import('@nats-io/jetstream')])
    return { connect, js }
  } catch {
    throw new Error('NATS needs two packages: npm install @nats-io/transport-node @nats-io/jetstream')
  }
}

function startOf(start: StartingPosition, policies: typeof import('@nats-io/jetstream').DeliverPolicy) {
  if (start.from === 'first') return { deliver_policy: policies.All }
  if (start.from === 'new') return { deliver_policy: policies.New }
  return { deliver_policy: policies.StartTime, opt_start_time: new Date(start.at).toISOString() }
}
