import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Deadlines, Timed } from '../clock/deadlines.ts'
import { parseProxyHeader } from '../proxy-protocol/proxy-header.ts'
import { alertRecord, type TlsAlert } from '../tls/alert.ts'
import { parseClientHello, type ClientHello } from '../tls/client-hello.ts'
import { HandshakeInfo } from '../tls/handshake-info.ts'
import type { ServerTls, ServerTlsContext } from '../tls/server-tls.ts'
import { startServerTls } from '../tls/server-tls-socket.ts'
import { PLAIN, type ConnectionInfo } from './connection-info.ts'
import { latin1Text } from './latin1.ts'
import { handOver, type SocketOwner } from './owner.ts'
import { ReadBuffers } from './read-buffers.ts'

/** What the connections of a listener have to go through before their protocol. */
export interface PreludeOptions {
  readonly open: (socket: Socket, info: ConnectionInfo) => SocketOwner
  readonly passThrough:
    | ((socket: Socket, hello: ClientHello, info: ConnectionInfo) => SocketOwner | undefined)
    | undefined
  readonly tls: ServerTls | undefined
  readonly proxyProtocol: 'required' | 'optional' | undefined
  readonly timeoutMs: number
  readonly deadlines: Deadlines
  readonly onRefused: ((reason: string, socket: Socket) => void) | undefined
  /** Connections that have not got to their protocol. */
  readonly waiting: Set<Prelude>
}

const PROXY_HEADER = 0
const CLIENT_HELLO = 1
const HANDSHAKE = 2
/** A last word is being sent: what still comes is dropped, so that no reset overtakes it. */
const REFUSED = 3
const OVER = 4

/** For a client to take the last word, and to close. */
const LINGER_MS = 2_000
const LINGER_BYTES = 65_536
/** A method and a blank: somebody speaks HTTP to a TLS port. */
const HTTP = /^[A-Z]{3,16} /

/**
 * The way of a connection to its protocol: header of the PROXY protocol, ClientHello, handshake. Owns the socket until then, and hands it
 * over with what was read too much.
 */
export class Prelude implements SocketOwner, Timed {
  deadline: number
  private socket: Socket
  private readonly options: PreludeOptions
  private readonly buffers = new ReadBuffers()
  private stage: number
  /** Read, and not used up. */
  private pending: Buffer = NOTHING
  private heard = false
  private lingerBytes = LINGER_BYTES
  private proxied: ConnectionInfo['proxied']

  constructor(socket: Socket, options: PreludeOptions) {
    this.socket = socket
    this.options = options
    this.stage = options.proxyProtocol === undefined ? CLIENT_HELLO : PROXY_HEADER
    this.deadline = 0
    this.startTimer(options.timeoutMs)
    options.deadlines.add(this)
    options.waiting.add(this)
  }

  /** Cuts the connection now. */
  destroy(): void {
    this.leave()
    this.socket.destroy()
  }

  nextReadBuffer(): Buffer {
    return this.buffers.next(false)
  }

  onBytes(bytes: Buffer, length: number): void {
    if (this.stage === REFUSED) {
      this.lingerBytes -= length
      if (this.lingerBytes < 0) this.socket.destroy()
      return
    }
    if (this.stage > CLIENT_HELLO) return
    this.heard = true
    // Bounded by the limits of header and ClientHello, and one read.
    const fresh = bytes.subarray(0, length)
    this.pending = this.pending.length === 0 ? Buffer.from(fresh) : Buffer.concat([this.pending, fresh])
    if (this.stage === PROXY_HEADER && !this.readProxyHeader()) return
    if (this.options.tls === undefined && this.options.passThrough === undefined) this.openPlain()
    else if (this.pending.length > 0) this.readClientHello()
  }

  /** @returns false: not yet, or never */
  private readProxyHeader(): boolean {
    const header = parseProxyHeader(this.pending)
    if (header === 'INCOMPLETE') return false
    if (header === 'ABSENT' && this.options.proxyProtocol === 'required') return this.refuse('no PROXY protocol header')
    if (header === 'MALFORMED') return this.refuse('malformed PROXY protocol header')
    if (header === 'TOO_LARGE') return this.refuse('PROXY protocol header too large')
    if (header !== 'ABSENT') {
      this.proxied = header.addresses
      this.pending = this.pending.subarray(header.length)
    }
    this.stage = CLIENT_HELLO
    return true
  }

  private get info(): ConnectionInfo {
    return this.proxied === undefined ? PLAIN : { tls: undefined, protocol: '', proxied: this.proxied }
  }

  private openPlain(): void {
    this.give(this.options.open(this.socket, this.info))
  }

  private readClientHello(): void {
    const hello = parseClientHello(this.pending)
    if (typeof hello === 'object') this.choose(hello)
    else if (hello === 'NOT_TLS') this.refuseStranger()
    else if (hello === 'MALFORMED') this.refuse('malformed ClientHello', 'decode_error')
    else if (hello === 'TOO_LARGE') this.refuse('ClientHello too large', 'decode_error')
  }

  private refuseStranger(): void {
    if (HTTP.test(latin1Text(this.pending, 0, Math.min(this.pending.length, 20))))
      this.refuse('plain HTTP on a TLS port', PLAIN_HTTP_ANSWER)
    else this.refuse('not TLS')
  }

  private choose(hello: ClientHello): void {
    const owner = this.options.passThrough?.(this.socket, hello, this.info)
    if (owner !== undefined) {
      this.give(owner)
      return
    }
    let context: ServerTlsContext | undefined
    try {
      context = this.options.tls?.contextFor(hello)
    } catch (error) {
      this.refuse(`no certificate could be chosen: ${(error as Error).message}`, 'internal_error')
      return
    }
    if (context === undefined)
      this.refuse(`no certificate for ${hello.serverName || 'a client that names no server'}`, 'unrecognized_name')
    else this.shakeHands(context, hello.serverName)
  }

  private shakeHands(context: ServerTlsContext, serverName: string): void {
    this.stage = HANDSHAKE
    handOver(this.socket, ENCRYPTED)
    const bytes = this.pending
    this.pending = NOTHING
    const socket = startServerTls(this.socket, bytes, context, this)
    this.socket = socket
    socket.once('secure', () => this.openSecure(socket, context, serverName))
  }

  private openSecure(socket: TLSSocket, context: ServerTlsContext, serverName: string): void {
    if (this.stage !== HANDSHAKE) return
    const tls = new HandshakeInfo(socket, context, serverName)
    this.give(this.options.open(socket, { tls, protocol: tls.alpn, proxied: this.proxied }))
  }

  private give(owner: SocketOwner): void {
    this.leave()
    handOver(this.socket, owner)
    const { pending } = this
    this.pending = NOTHING
    if (pending.length > 0 && !this.socket.destroyed) owner.onBytes(pending, pending.length)
  }

  private refuse(reason: string, answer?: TlsAlert | Buffer): false {
    this.report(reason)
    this.pending = NOTHING
    if (answer === undefined) this.destroy()
    else {
      this.stage = REFUSED
      this.startTimer(LINGER_MS)
      this.socket.end(typeof answer === 'string' ? alertRecord(answer) : answer)
    }
    return false
  }

  private report(reason: string): void {
    this.options.onRefused?.(reason, this.socket)
  }

  /** This is over: another owner has the socket, or it is closed. */
  private leave(): void {
    this.stage = OVER
    this.options.deadlines.remove(this)
    this.options.waiting.delete(this)
  }

  onPeerEnd(): void {
    // The last word may be on its way.
    if (this.stage === REFUSED) return
    // Closing without a word is how load balancers look whether a port is open.
    if (this.heard) this.refuse(`the client left before its ${this.lacking}`)
    else this.destroy()
  }

  onDrain(): void {}

  onDeadline(): void {
    if (this.stage < REFUSED) this.refuse(`no ${this.lacking} within ${this.options.timeoutMs} ms`)
    else this.destroy()
  }

  onSocketClosed(error: Error | undefined): void {
    if (this.stage < REFUSED && this.heard) {
      const what = error === undefined ? `the client left before its ${this.lacking}` : reasonOf(error)
      this.report(this.stage === HANDSHAKE && error !== undefined ? `TLS handshake failed: ${what}` : what)
    }
    this.leave()
    this.pending = NOTHING
  }

  private get lacking(): string {
    if (this.stage === PROXY_HEADER) return 'PROXY protocol header'
    return this.stage === CLIENT_HELLO ? 'ClientHello' : 'TLS handshake'
  }

  private startTimer(timeoutMs: number): void {
    this.deadline = timeoutMs === 0 ? 0 : this.options.deadlines.now() + timeoutMs
  }
}

/** OpenSSL's few words, where there are some. */
const reasonOf = (error: NodeJS.ErrnoException & { reason?: string }): string =>
  error.reason ?? error.code ?? error.message

const NOTHING = Buffer.alloc(0)

const PLAIN_HTTP_TEXT = 'This port speaks HTTPS, and the request came as plain HTTP.\n'
const PLAIN_HTTP_ANSWER = Buffer.from(
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n' +
    `Content-Length: ${PLAIN_HTTP_TEXT.length}\r\n\r\n${PLAIN_HTTP_TEXT}`,
)

/** Owns the sockets below encrypted ones, which see to everything. */
const ENCRYPTED: SocketOwner = {
  nextReadBuffer: () => NOTHING,
  onBytes: () => undefined,
  onPeerEnd: () => undefined,
  onDrain: () => undefined,
  onSocketClosed: () => undefined,
}
