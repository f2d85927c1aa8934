import type { Producer, ProducerOptions } from '@platformatic/kafka'

/** Who a broker lets in. */
export interface KafkaCredentials {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly user: string
  readonly password: string
}

export interface KafkaOptions {
  /** `HOST:PORT` of each, to begin with. */
  readonly brokers: readonly string[]
  readonly topic: string
  /** Of all messages: they go to one partition then. */
  readonly key?: string | undefined
  readonly credentials?: KafkaCredentials | undefined
  readonly tls?: { readonly verify: boolean } | undefined
  /** 1: the leader has it, -1: all replicas in sync have it, 0: nobody says. */
  readonly acks: 0 | 1 | -1
  readonly timeoutMs: number
  readonly metadataMaxAgeMs: number
  /** Messages of several batches that leave together. Left out: each batch by itself. */
  readonly gather?: KafkaGathering | undefined
}

/** lua-resty-kafka's asynchronous producer. */
export interface KafkaGathering {
  readonly maxMessages: number
  readonly maxBytes: number
  readonly lingerMs: number
  readonly maxWaiting: number
}

interface Waiting {
  readonly value: string
  readonly done: (error?: Error) => void
}

type TextProducer = Producer<string, string, string, string>

/** Writes messages to a topic. The client is loaded, and connects, when there is the first one. */
export class KafkaWriter {
  private readonly options: KafkaOptions
  private producer: Promise<TextProducer> | undefined
  private waiting: Waiting[] = []
  private waitingBytes = 0
  private timer: NodeJS.Timeout | undefined

  constructor(options: KafkaOptions) {
    this.options = options
  }

  /** Resolves when the broker has them, as `acks` says. */
  async send(values: readonly string[]): Promise<void> {
    const { gather } = this.options
    if (gather === undefined) return this.produce(values)
    await Promise.all(values.map((value) => this.enqueue(value, gather)))
  }

  close(): void {
    clearTimeout(this.timer)
    this.leave()
    const closing = this.producer
    this.producer = undefined
    void closing?.then((producer) => producer.close()).catch(() => undefined)
  }

  private enqueue(value: string, gather: KafkaGathering): Promise<void> {
    if (this.waiting.length >= gather.maxWaiting)
      return Promise.reject(new Error(`${this.waiting.length} messages wait for the brokers already`))
    return new Promise((resolve, reject) => {
      this.waiting.push({ value, done: (error) => (error === undefined ? resolve() : reject(error)) })
      this.waitingBytes += value.length
      if (this.waiting.length >= gather.maxMessages || this.waitingBytes >= gather.maxBytes) this.leave()
      else this.timer ??= setTimeout(() => this.leave(), gather.lingerMs).unref()
    })
  }

  /** What was gathered goes, whole. */
  private leave(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const leaving = this.waiting
    this.waiting = []
    this.waitingBytes = 0
    if (leaving.length === 0) return
    this.produce(leaving.map(({ value }) => value)).then(
      () => leaving.forEach(({ done }) => done()),
      (error: Error) => leaving.forEach(({ done }) => done(error)),
    )
  }

  private async produce(values: readonly string[]): Promise<void> {
    const { topic, key, acks, timeoutMs } = this.options
    this.producer ??= openProducer(this.options)
    const opened = this.producer
    const messages = values.map((value) => ({ topic, value, ...(key === undefined ? {} : { key }) }))
    try {
      const producer = await opened
      await inTime(producer.send({ messages, acks }), 2 * timeoutMs)
    } catch (error) {
      // A producer may know brokers that are gone, and never ask the others again.
      if (this.producer === opened) this.producer = undefined
      void opened.then((producer) => producer.close(true)).catch(() => undefined)
      throw reasonable(error)
    }
  }
}

async function openProducer(options: KafkaOptions): Promise<TextProducer> {
  const kafka = await import('@platformatic/kafka').catch(() => {
    throw new Error('Kafka needs a package: npm install @platformatic/kafka')
  })
  const { brokers, credentials, tls, timeoutMs, metadataMaxAgeMs } = options
  const settings: ProducerOptions<string, string, string, string> = {
    clientId: 'sekisho',
    bootstrapBrokers: [...brokers],
    serializers: kafka.stringSerializers,
    connectTimeout: timeoutMs,
    timeout: timeoutMs,
    requestTimeout: timeoutMs,
    retries: 0,
    metadataMaxAge: metadataMaxAgeMs,
    autocreateTopics: true,
    ...(tls === undefined ? {} : { tls: { rejectUnauthorized: tls.verify } }),
    ...(credentials === undefined
      ? {}
      : {
          sasl: {
            mechanism: credentials.mechanism,
            username: credentials.user,
            password: credentials.password,
          },
        }),
  }
  return new kafka.Producer(settings)
}

async function inTime<T>(sending: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no broker took the messages within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([sending, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The client says "MultipleErrors" of what went wrong at each broker: the first of them says more. */
function reasonable(error: unknown): Error {
  const { errors } = error as { errors?: unknown }
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : []
  if (first instanceof Error) return reasonable(first)
  return error instanceof Error ? error : new Error(String(error))
}
