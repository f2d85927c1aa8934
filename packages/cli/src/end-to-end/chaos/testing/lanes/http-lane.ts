import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { type Access, Expected, Lane, PATIENCE_MS } from './lane.ts'
import type { Ledger, Loss, Order } from '../ledger.ts'
import { bodyOf, orderOf, piecesOf, token } from '../orders.mjs'

/** Paths whose answers the gateway keeps: so few that they are asked for again. */
const CACHED_NUMBERS = 40
/** These stand apart from the numbers of all others. */
const FIRST_CACHED = 100_000_000
/** What a gateway remembers of a body, for another attempt. */
export const REMEMBERED_BYTES = 65_536

export type HttpKind = 'get' | 'cached' | 'limited' | 'post' | 'put'

export interface HttpQuestion {
  readonly method: string
  readonly path: string
  readonly body: Buffer | undefined
  readonly order: Order
}

/** The next thing to ask over HTTP, of either version. */
export function question(ledger: Ledger, version: string, kind: HttpKind, next: () => number): HttpQuestion {
  const number = kind === 'cached' ? FIRST_CACHED + Math.floor(next() * CACHED_NUMBERS) : ledger.nextNumber()
  const withBody = kind === 'post' || kind === 'put'
  const body = withBody ? bodyOf(number, 'asked', orderOf(number).askedLength) : undefined
  const idempotent = kind !== 'post'
  const repeatable = idempotent && (body?.length ?? 0) <= REMEMBERED_BYTES
  const order = ledger.begin(`${version} ${kind}`, { idempotent, repeatable, shared: kind === 'cached' }, number)
  const method = withBody ? kind.toUpperCase() : 'GET'
  const folder = kind === 'cached' ? `cached/${number % 2 === 0 ? 'memory' : 'disk'}` : kind
  return { method, path: `/${folder}/${token(number)}`, body, order }
}

/** HTTP/1.1, on a connection that is kept or on a new one for each request. */
export class HttpLane extends Lane {
  private readonly kinds: readonly HttpKind[]
  private readonly agent: Agent | false
  private readonly workers = new WeakMap<Socket, string>()
  /** When a kept connection had brought its last answer. */
  private readonly lastUsed = new WeakMap<Socket, number>()

  constructor(access: Access, ledger: Ledger, next: () => number, kinds: readonly HttpKind[], kept: boolean) {
    super(access, ledger, next)
    this.kinds = kinds
    this.agent = kept ? new Agent({ keepAlive: true, maxSockets: 1 }) : false
  }

  protected override close(): void {
    if (this.agent !== false) this.agent.destroy()
  }

  protected async ask(): Promise<void> {
    const kind = this.kinds[Math.floor(this.next() * this.kinds.length)] as HttpKind
    const { method, path, body, order } = question(this.ledger, 'h1', kind, this.next)
    const { askedChunked, answeredLength } = orderOf(order.number)
    const headers = body === undefined || askedChunked ? {} : { 'content-length': body.length }
    const asked = request({ host: this.access.host, port: this.access.port, method, path, headers, agent: this.agent })
    const answer = this.answer(asked, order, answeredLength)
    if (body === undefined) asked.end()
    else void send(asked, order.number, body)
    this.ledger.ended(order, await answer)
  }

  private answer(asked: ClientRequest, order: Order, length: number): Promise<Loss | undefined> {
    return new Promise((resolve) => {
      const expected = new Expected(order.number, length)
      let socket: Socket | undefined
      let response: IncomingMessage | undefined
      let refusal = ''
      let idleMs = 0
      let over = false
      const end = (how: string | undefined): void => {
        if (over) return
        over = true
        clearTimeout(late)
        const status = response?.statusCode
        const began = response !== undefined && status === 200
        const wrong = began ? expected.wrong(how === undefined) : undefined
        if (wrong !== undefined) this.ledger.gotWrongBytes(order, wrong)
        if (status === 422) this.ledger.gotWrongBytes(order, refusal)
        if (socket !== undefined) this.lastUsed.set(socket, performance.now())
        if (how === undefined && status === 200) return resolve(undefined)
        resolve({
          how:
            status === undefined || began
              ? (how ?? '')
              : `status ${status} ${refusal.slice(0, 100)}${how === undefined ? '' : `, ${how}`}`,
          status,
          began,
          clientPort: socket?.localPort ?? ports.get(asked),
          clientLink: this.access.link,
          worker: socket && this.workers.get(socket),
          idleMs,
        })
      }
      const late = setTimeout(() => {
        end(`not answered within ${PATIENCE_MS} ms`)
        asked.destroy()
      }, PATIENCE_MS)
      asked.on('socket', (used) => {
        socket = used
        idleMs = performance.now() - (this.lastUsed.get(used) ?? performance.now())
        if (used.localPort !== undefined) ports.set(asked, used.localPort)
        else used.once('connect', () => ports.set(asked, used.localPort ?? 0))
      })
      asked.on('error', (error: NodeJS.ErrnoException) => end(`${error.code ?? ''} ${error.message}`))
      asked.on('close', () => end('the connection was closed'))
      asked.on('response', (message) => {
        response = message
        const worker = message.headers['x-worker']
        if (typeof worker === 'string' && socket !== undefined) this.workers.set(socket, worker)
        message.on('data', (piece: Buffer) => {
          if (message.statusCode === 200) expected.take(piece)
          else refusal += piece.toString('latin1')
        })
        message.on('end', () => end(message.complete ? undefined : 'cut'))
        message.on('error', (error) => end(error.message))
        message.on('close', () => end(message.complete ? undefined : 'cut'))
      })
    })
  }
}

/** A closed socket does not say any more which port it had. */
const ports = new WeakMap<ClientRequest, number>()

async function send(asked: ClientRequest, number: number, body: Buffer): Promise<void> {
  const { askedPieces, pauseMs } = orderOf(number)
  for (const [at, piece] of piecesOf(body, askedPieces).entries()) {
    if (at > 0) await pause(pauseMs)
    if (asked.destroyed) return
    asked.write(piece)
  }
  asked.end()
}
