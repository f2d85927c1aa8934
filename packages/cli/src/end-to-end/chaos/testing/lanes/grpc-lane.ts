import { Client, credentials, Metadata, type StatusObject } from '@grpc/grpc-js'
import { setTimeout as pause } from 'node:timers/promises'
import { type Access, Expected, Lane, PATIENCE_MS } from './lane.ts'
import type { Ledger, Loss, Order } from '../ledger.ts'
import { bodyOf, orderOf } from '../orders.mjs'

const bytes = (value: Buffer): Buffer => value
const MAX_MESSAGES = 60
const DATA_LOSS = 15
/** What becomes of a stream when its connection is reset after a GOAWAY: Node.js then ends it as if all were well. */
const CONNECTION_RESET = /^Received RST_STREAM with code 0 \(Call ended without gRPC status\)/

/** One gRPC channel, used for calls with one message (`call`) or for long streams of messages that come back (`talk`). */
export class GrpcLane extends Lane {
  private readonly streams: boolean
  private readonly client: Client

  constructor(access: Access, ledger: Ledger, next: () => number, streams: boolean) {
    super(access, ledger, next)
    this.streams = streams
    this.client = new Client(`${access.host}:${access.port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.max_receive_message_length': -1,
    })
  }

  protected override close(): void {
    this.client.close()
  }

  protected async ask(): Promise<void> {
    const kind = this.streams ? 'grpc stream' : 'grpc call'
    const order = this.ledger.begin(kind, { long: this.streams })
    this.ledger.ended(order, this.streams ? await this.talk(order) : await this.call(order))
  }

  /** A connection that is not there yet is waited for, as is one that has just been lost. */
  private metadata(): Metadata {
    return new Metadata({ waitForReady: true })
  }

  private call(order: Order): Promise<Loss | undefined> {
    const { askedLength, answeredLength } = orderOf(order.number)
    return new Promise((resolve) => {
      let worker: string | undefined
      const call = this.client.makeUnaryRequest(
        '/chaos.Bytes/Call',
        bytes,
        bytes,
        bodyOf(order.number, 'asked', askedLength),
        this.metadata(),
        { deadline: Date.now() + PATIENCE_MS },
        (error, reply) => {
          if (error !== null) {
            if (error.code === DATA_LOSS) this.ledger.gotWrongBytes(order, error.details)
            return resolve(this.loss(error, worker))
          }
          const expected = new Expected(order.number, answeredLength)
          expected.take(reply ?? Buffer.alloc(0))
          const wrong = expected.wrong(true)
          if (wrong !== undefined) this.ledger.gotWrongBytes(order, wrong)
          resolve(undefined)
        },
      )
      call.on('metadata', (fields) => (worker = fields.get('x-worker')[0] as string | undefined))
    })
  }

  private talk(order: Order): Promise<Loss | undefined> {
    const call = this.client.makeBidiStreamRequest('/chaos.Bytes/Talk', bytes, bytes, this.metadata())
    const count = 1 + Math.floor(this.next() * MAX_MESSAGES)
    const expected: Buffer[] = []
    let worker: string | undefined
    let over = false
    return new Promise((resolve) => {
      call.on('metadata', (fields) => (worker = fields.get('x-worker')[0] as string | undefined))
      call.on('data', (message: Buffer) => {
        const first = expected.shift()
        if (first === undefined || !message.equals(first))
          this.ledger.gotWrongBytes(order, 'another message than was sent')
      })
      call.on('error', () => undefined)
      call.on('status', (status: StatusObject) => {
        over = true
        clearTimeout(late)
        if (status.code !== 0) return resolve(this.loss(status, worker))
        if (expected.length > 0) this.ledger.gotWrongBytes(order, `ended well, ${expected.length} messages short`)
        resolve(undefined)
      })
      let late: NodeJS.Timeout | undefined
      const speak = async (): Promise<void> => {
        for (let said = 0; said < count && !over && !this.stopping; said++) {
          const message = bodyOf(order.number, 'asked', 16 + Math.floor(this.next() * (said % 8 === 7 ? 60_000 : 500)))
          expected.push(message)
          call.write(message)
          await pause(this.next() * 200)
        }
        if (over) return
        call.end()
        late = setTimeout(() => call.cancel(), PATIENCE_MS)
      }
      void speak()
    })
  }

  private loss({ code, details }: { code: number; details: string }, worker: string | undefined): Loss {
    return {
      how: `status ${code} ${details}`,
      status: CONNECTION_RESET.test(details) ? undefined : code,
      began: false,
      clientPort: undefined,
      clientLink: this.access.link,
      worker,
    }
  }
}
