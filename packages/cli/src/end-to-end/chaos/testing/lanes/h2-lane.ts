import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { setTimeout as pause } from 'node:timers/promises'
import { type Access, Expected, Lane, PATIENCE_MS } from './lane.ts'
import { type HttpKind, question } from './http-lane.ts'
import type { Ledger, Loss } from '../ledger.ts'
import { orderOf, piecesOf } from '../orders.mjs'

/** A request that Node's client kept back, or that the gateway refused unseen, is asked again on a new connection: so often. */
const MAX_ATTEMPTS = 4
const KINDS: readonly HttpKind[] = ['get', 'get', 'get', 'cached', 'limited', 'post', 'put']

/** HTTP/2: a number of requests at a time on one connection, and on another one when that has got a GOAWAY. */
export class H2Lane extends Lane {
  private readonly connection: H2Connection

  constructor(connection: H2Connection, access: Access, ledger: Ledger, next: () => number) {
    super(access, ledger, next)
    this.connection = connection
  }

  protected async ask(): Promise<void> {
    const kind = KINDS[Math.floor(this.next() * KINDS.length)] as HttpKind
    const asked = question(this.ledger, 'h2', kind, this.next)
    let result: Loss | 'refused' | undefined = 'refused'
    for (let attempts = 0; result === 'refused' && attempts < MAX_ATTEMPTS; attempts++)
      result = await this.attempt(asked)
    this.ledger.ended(asked.order, result === 'refused' ? { how: 'refused again and again', began: false } : result)
  }

  private attempt({ method, path, body, order }: ReturnType<typeof question>): Promise<Loss | 'refused' | undefined> {
    const session = this.connection.open(this.access)
    const { localPort: clientPort } = this.connection
    return new Promise((resolve) => {
      const expected = new Expected(order.number, orderOf(order.number).answeredLength)
      let status: number | undefined
      let worker = this.connection.workers.get(session)
      let refusal = ''
      let error: Error | undefined
      const stream = session.request({ ':path': path, ':method': method }, { endStream: body === undefined })
      const late = setTimeout(() => {
        error = new Error(`not answered within ${PATIENCE_MS} ms`)
        stream.close(constants.NGHTTP2_CANCEL)
      }, PATIENCE_MS)
      stream.on('response', (headers) => {
        status = Number(headers[':status'])
        worker = headers['x-worker'] as string
        this.connection.workers.set(session, worker)
      })
      stream.on('data', (piece: Buffer) => {
        if (status === 200) expected.take(piece)
        else refusal += piece.toString('latin1')
      })
      stream.on('error', (cause) => (error ??= cause))
      stream.on('close', () => {
        clearTimeout(late)
        if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM && status === undefined) {
          this.connection.leave(session)
          return resolve('refused')
        }
        // When a connection is reset after a GOAWAY, Node.js ends its streams as if all were well: only that the session is gone tells.
        const isCut = status === undefined || (status === 200 && session.destroyed && !expected.complete)
        const how =
          error?.message ?? (stream.rstCode !== 0 ? `reset with ${stream.rstCode}` : isCut ? 'closed' : undefined)
        const began = status === 200
        const wrong = began ? expected.wrong(how === undefined) : undefined
        if (wrong !== undefined) this.ledger.gotWrongBytes(order, wrong)
        if (status === 422) this.ledger.gotWrongBytes(order, refusal)
        if (how === undefined && began) return resolve(undefined)
        resolve({
          how: began || status === undefined ? (how ?? '') : `status ${status} ${refusal.slice(0, 100)}`,
          status,
          began,
          clientPort: this.connection.portOf(session) ?? clientPort,
          clientLink: this.access.link,
          worker,
        })
      })
      if (body !== undefined) void send(stream, order.number, body)
    })
  }
}

/** The connection that some lanes share. */
export class H2Connection {
  /** Who serves a session, once one of its responses has said it. */
  readonly workers = new WeakMap<ClientHttp2Session, string>()
  private session: ClientHttp2Session | undefined
  private readonly sessions = new Set<ClientHttp2Session>()
  private readonly ports = new WeakMap<ClientHttp2Session, number>()

  get localPort(): number | undefined {
    return this.session && this.portOf(this.session)
  }

  portOf(session: ClientHttp2Session): number | undefined {
    return this.ports.get(session)
  }

  open({ host, port }: Access): ClientHttp2Session {
    if (this.session !== undefined && !this.session.closed && !this.session.destroyed) return this.session
    const session = connect(`http://${host}:${port}`)
    this.session = session
    this.sessions.add(session)
    session.on('connect', () => this.ports.set(session, session.socket.localPort ?? 0))
    session.on('goaway', () => this.leave(session))
    session.on('error', () => this.leave(session))
    session.on('close', () => {
      this.leave(session)
      this.sessions.delete(session)
    })
    return session
  }

  leave(session: ClientHttp2Session): void {
    if (this.session === session) this.session = undefined
  }

  close(): void {
    for (const session of this.sessions) session.destroy()
  }
}

async function send(stream: import('node:http2').ClientHttp2Stream, number: number, body: Buffer): Promise<void> {
  const { askedPieces, pauseMs } = orderOf(number)
  for (const [at, piece] of piecesOf(body, askedPieces).entries()) {
    if (at > 0) await pause(pauseMs)
    if (stream.destroyed || stream.closed) return
    stream.write(piece)
  }
  stream.end()
}
