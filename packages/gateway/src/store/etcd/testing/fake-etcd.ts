import {
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
} from '@grpc/grpc-js'
import { etcdMessages } from './etcd-messages.ts'

type WatchCall = ServerDuplexStream<Buffer, Buffer>

/** An etcd that says what a test wants, when it wants: what a real one does once in a thousand times. Nothing can be written to it. */
export class FakeEtcd {
  readonly url: string
  /** Of the whole store, as every answer says. */
  revision = 1
  readonly #server: Server
  /** Keys that were told, and their last revisions. */
  readonly #known = new Map<string, number>()
  readonly #watches: FakeWatch[] = []
  readonly #waiting: ((watch: FakeWatch) => void)[] = []

  private constructor(server: Server, port: number) {
    this.#server = server
    this.url = `http://127.0.0.1:${port}`
  }

  static async start(): Promise<FakeEtcd> {
    const server = new Server()
    let fake: FakeEtcd | undefined
    const bytes = {
      requestDeserialize: same,
      requestSerialize: same,
      responseDeserialize: same,
      responseSerialize: same,
    }
    const method = (path: string, stream: boolean) => ({
      path,
      requestStream: stream,
      responseStream: stream,
      ...bytes,
    })
    server.addService(
      { Range: method('/etcdserverpb.KV/Range', false), Watch: method('/etcdserverpb.Watch/Watch', true) },
      {
        Range: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
          answer(null, fake?.range(call.request) ?? Buffer.alloc(0)),
        Watch: (call: WatchCall) => fake?.watch(call),
      },
    )
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      )
    })
    fake = new FakeEtcd(server, port)
    return fake
  }

  /** The next watch that a client begins. */
  nextWatch(): Promise<FakeWatch> {
    const watch = this.#watches.shift()
    return watch === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(watch)
  }

  stop(): void {
    this.#server.forceShutdown()
  }

  /** @internal */
  told(key: string, revision: number): void {
    this.revision = Math.max(this.revision, revision)
    this.#known.set(key, revision)
  }

  header(revision = this.revision): object {
    return { cluster_id: '7', member_id: '1', revision: String(revision), raft_term: '1' }
  }

  private range(request: Buffer): Buffer {
    const { key } = decode<{ key: string }>('RangeRequest', request)
    const revision = this.#known.get(Buffer.from(key, 'base64').toString())
    const kvs = revision === undefined ? [] : [{ key, mod_revision: String(revision) }]
    return encode('RangeResponse', { header: this.header(), kvs })
  }

  private watch(call: WatchCall): void {
    call.on('error', () => undefined)
    call.on('data', (bytes: Buffer) => {
      const { create } = decode<{ create?: { start_revision?: string } }>('WatchRequest', bytes)
      // Otherwise a question for progress, which the test answers, or not.
      if (create === undefined) return
      const watch = new FakeWatch(this, call, Number(create.start_revision ?? 0))
      call.write(encode('WatchResponse', { header: this.header(), created: true }))
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#watches.push(watch)
      else waiting(watch)
    })
  }
}

/** One watch of a client. */
export class FakeWatch {
  readonly startRevision: number
  readonly #etcd: FakeEtcd
  readonly #call: WatchCall

  constructor(etcd: FakeEtcd, call: WatchCall, startRevision: number) {
    this.#etcd = etcd
    this.#call = call
    this.startRevision = startRevision
  }

  put(key: string, revision: number): void {
    this.#etcd.told(key, revision)
    const of = String(revision)
    const kv = { key: Buffer.from(key), value: Buffer.from('{}'), create_revision: of, mod_revision: of, version: '1' }
    this.#write({ header: this.#etcd.header(), events: [{ kv }] })
  }

  /** That all up to a revision was told: asked for by the client, or by itself, which is how etcd tells them apart. */
  progress(revision: number, asked: boolean): void {
    this.#etcd.revision = Math.max(this.#etcd.revision, revision)
    this.#write({ header: this.#etcd.header(revision), watch_id: asked ? '-1' : '0' })
  }

  end(): void {
    this.#call.end()
  }

  #write(response: object): void {
    this.#call.write(encode('WatchResponse', response))
  }
}

const same = (bytes: Buffer): Buffer => bytes

function encode(type: string, value: object): Buffer {
  const message = etcdMessages.lookupType(type)
  return Buffer.from(message.encode(message.fromObject(value)).finish())
}

function decode<Message>(type: string, bytes: Uint8Array): Message {
  const message = etcdMessages.lookupType(type)
  return message.toObject(message.decode(bytes), { longs: String, bytes: String }) as Message
}
