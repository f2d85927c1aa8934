import { createHash } from 'node:crypto'
import { TransportError } from '../errors.ts'
import { Headers } from '../headers/headers.ts'
import { CHUNKED, type RequestHead } from '../h1/request-head.ts'
import { ResponseHead } from '../h1/response-head.ts'
import type { KeepAlive } from '../pools/keep-alive.ts'
import { SENT, type Sent } from '../sockets/output.ts'
import type { ClientExchange } from '../streams/client-exchange.ts'
import { NO_TIMEOUTS, type ClientStream, type StreamTimeouts } from '../streams/client-stream.ts'
import { refusal } from '../streams/refusal.ts'
import type { TunnelEnds } from '../streams/tunnel-ends.ts'
import type { H2ClientConnection } from './client-connection.ts'
import { ODD_BYTE } from './limits.ts'
import { encodeHeaders } from './encode-headers.ts'
import { ErrorCode, errorName } from './frames.ts'
import { CONNECTION_FIELDS, H2Stream } from './stream.ts'

/** More 1xx responses than this before a final one is an attack on the client (and on us). */
const MAX_INFORMATIONAL = 16

/** One request to an upstream that speaks HTTP/2. It takes a stream of its connection when the request is sent. */
export class H2ClientStream extends H2Stream implements ClientStream {
  readonly chunks = false
  readonly connection: H2ClientConnection
  private exchange: ClientExchange | undefined
  private tunnel: TunnelEnds | undefined
  private headReceived = false
  private informationals = 0
  private bodyLength = CHUNKED
  private bodyless = false
  private timeouts = NO_TIMEOUTS
  /** Of the request, when it asked for an upgrade to WebSocket. */
  private webSocketKey: string | undefined
  private upgradeAsked = false
  /** Sends an upgrade when the upstream has said whether it takes any. */
  private sendLater: (() => void) | undefined

  constructor(connection: H2ClientConnection) {
    super(0, connection.peer.initialWindow, connection.h2.streamWindow + ODD_BYTE)
    this.connection = connection
  }

  get ready(): boolean {
    return this.connection.ready && !this.over
  }
  get closed(): boolean {
    return this.over
  }

  // ---- the request ------------------------------------------------------------------------------

  connectFor(exchange: ClientExchange, timeoutMs: number): void {
    this.exchange = exchange
    this.startTimer(timeoutMs)
  }

  onConnected(): void {
    this.deadline = 0
    this.exchange?.onConnected()
  }

  /** The upstream's first SETTINGS are here. */
  onSettings(): void {
    const { sendLater } = this
    this.sendLater = undefined
    sendLater?.()
  }

  sendRequest(exchange: ClientExchange, request: RequestHead, bodyLength: number, timeouts: StreamTimeouts): void {
    this.exchange = exchange
    this.timeouts = timeouts
    this.bodyless = request.method === 'HEAD'
    const { connection } = this
    if (request.upgrade && !connection.settled) {
      this.sendLater = () => this.sendRequest(exchange, request, bodyLength, timeouts)
      this.startTimer(timeouts.readTimeoutMs)
      return
    }
    if (request.upgrade && !connection.peer.connectProtocol) {
      connection.leave(this)
      const message = `${connection.name} does not take upgrades over HTTP/2 (RFC 8441)`
      this.fail(new TransportError('BAD_RESPONSE', message))
      return
    }
    if (!connection.begin(this)) {
      // What was promised when the request got its place is not so any more.
      connection.leave(this)
      this.fail(new TransportError('STREAM_REFUSED', `${connection.name} takes no more requests on this connection`))
      return
    }
    this.sendWindow = connection.peer.initialWindow
    this.upgradeAsked = request.upgrade
    const end = bodyLength === 0 && !request.upgrade
    this.encode(request)
    this.bytesSent = connection.sendFields(this.id, end)
    this.reading = true
    if (end) {
      this.ended = true
      this.startTimer(timeouts.readTimeoutMs)
    } else this.startTimer(timeouts.writeTimeoutMs)
  }

  private encode(request: RequestHead): void {
    const { headers } = request
    const { encoder, secure } = this.connection
    encoder.begin()
    encoder.field(':method', request.upgrade ? 'CONNECT' : request.method)
    encoder.field(':scheme', secure ? 'https' : 'http')
    // Asking for a field makes an index of all of them; what nobody took out is what the parser saw.
    encoder.field(':authority', headers.touched ? (headers.get('host') ?? request.host) : request.host)
    encoder.field(':path', request.target)
    if (request.upgrade) {
      encoder.field(':protocol', (headers.get('upgrade') ?? 'websocket').toLowerCase())
      this.webSocketKey = headers.get('sec-websocket-key')
      encodeHeaders(encoder, headers, UPGRADE_FIELDS)
      return
    }
    encodeHeaders(encoder, headers, REQUEST_FIELDS)
    if (headers.has('te') && /\btrailers\b/i.test(headers.get('te') ?? '')) encoder.field('te', 'trailers')
  }

  sendBody(chunk: Uint8Array): Sent {
    if (this.id === 0 || chunk.length === 0) return SENT
    const sent = this.sendContent(chunk)
    // Nothing waits: the next byte is the client's business, whose own time limit runs.
    if (sent === SENT && !this.headReceived) this.deadline = 0
    return sent
  }

  endBody(trailers = ''): void {
    if (this.id === 0 || this.ended) return
    this.sendEnd(trailers)
    if (!this.over && !this.waits && this.reading) this.awaitPeer()
  }

  onDrained(): void {
    if (this.over) return
    if (this.ended && this.reading && this.tunnel === undefined) this.awaitPeer()
    else this.deadline = 0
    if (this.tunnel !== undefined) this.tunnel.upstreamDrained()
    else this.exchange?.onUpstreamDrain()
  }

  protected onStalled(): void {
    if (!this.headReceived || this.deadline === 0) this.startTimer(this.timeouts.writeTimeoutMs)
  }

  // ---- the response -----------------------------------------------------------------------------

  /** A head, interim or final; undefined: it is malformed. */
  onHead(head: ResponseHead | undefined, endStream: boolean, size: number): void {
    this.bytesReceived += size
    if (head === undefined) {
      this.refuse()
      return
    }
    if (head.status < 200) {
      if (++this.informationals > MAX_INFORMATIONAL) this.refuse()
      else this.exchange?.onInformational(head)
      return
    }
    this.headReceived = true
    if (this.upgradeAsked && head.status === 200) {
      this.startTunnel(head)
      if (endStream && !this.over) this.onEnd('')
      return
    }
    this.bodyless ||= head.status === 204 || head.status === 304
    this.bodyLength = this.bodyless ? 0 : head.bodyLength
    if (endStream) {
      this.endWithHead()
      if (!this.checkLength(0, true)) return
      this.whole(head)
      return
    }
    this.awaitPeer()
    this.exchange?.onResponseHead(head)
  }

  private whole(head: ResponseHead): void {
    const { exchange } = this
    this.deadline = 0
    this.finish()
    exchange?.onResponse(head, '', '')
  }

  /** All of the response is here, and waits for a slow client: the connection is not needed for it. */
  override get survives(): boolean {
    return this.complete
  }

  get awaitsHead(): boolean {
    return !this.headReceived
  }

  protected deliver(chunk: Buffer): boolean {
    if (this.tunnel !== undefined) {
      this.tunnel.fromUpstream(chunk)
      return false
    }
    return this.exchange?.onResponseBody(chunk) ?? true
  }

  protected deliverEnd(trailers: string): void {
    if (this.tunnel !== undefined) {
      this.tunnel.upstreamEnded()
      return
    }
    const { exchange } = this
    this.deadline = 0
    this.finish()
    exchange?.onResponseEnd(trailers)
  }

  /** The response is complete: what of the request has not been sent is not wanted any more. */
  private finish(): void {
    this.exchange = undefined
    if (!this.over && (!this.ended || this.waits)) this.giveUp(ErrorCode.CANCEL)
  }

  protected checkLength(received: number, end: boolean): boolean {
    const { bodyLength } = this
    if (!this.headReceived) {
      this.refuse()
      return false
    }
    if (bodyLength < 0 || this.tunnel !== undefined) return true
    if (received <= bodyLength && (!end || received === bodyLength || this.bodyless)) return true
    this.refuse()
    return false
  }

  protected onProgress(): void {
    this.awaitPeer()
  }

  private awaitPeer(): void {
    this.startTimer(this.headReceived ? this.timeouts.quietTimeoutMs : this.timeouts.readTimeoutMs)
  }

  pauseBody(): void {
    if (!this.reading || this.over) return
    // The client is slow: not the upstream's fault.
    if (!this.waits) this.deadline = 0
    this.stopReading()
  }

  resumeBody(): void {
    if (this.reading || this.id === 0) return
    if (this.headReceived && this.open && !this.over) this.awaitPeer()
    this.startReading()
  }

  /** Pieces that were held are left to the garbage collector: a connection's buffer has pieces of many streams. */
  releaseBody(): void {}

  // ---- tunnels ----------------------------------------------------------------------------------

  private startTunnel(head: ResponseHead): void {
    this.deadline = 0
    this.bodyLength = CHUNKED
    const { headers } = head
    headers.delete('content-length')
    // For a client of HTTP/1.1 this is the answer to its handshake (RFC 6455 section 4.2.2).
    headers.append('Connection', 'Upgrade')
    if (this.webSocketKey !== undefined) {
      headers.append('Upgrade', 'websocket')
      headers.append('Sec-WebSocket-Accept', acceptOf(this.webSocketKey))
    }
    this.exchange?.onUpgraded(new ResponseHead(101, '', new Headers(headers.block)))
  }

  joinTunnel(tunnel: TunnelEnds): void {
    this.tunnel = tunnel
  }

  sendTunnelBytes(chunk: Uint8Array): Sent {
    return this.tunnel === undefined ? SENT : this.sendContent(chunk)
  }

  endTunnel(): void {
    this.sendEnd('')
  }

  closeTunnel(): void {
    this.tunnel = undefined
    this.exchange = undefined
    this.sendEnd('')
  }

  // ---- the end ----------------------------------------------------------------------------------

  /** Its connection serves others anyhow. */
  giveBack(keepAlive: KeepAlive): void {
    this.connection.keepFor(keepAlive)
  }

  discard(): void {
    this.exchange = undefined
    this.tunnel = undefined
    if (!this.over) this.giveUp(ErrorCode.CANCEL)
  }

  private giveUp(code: number): void {
    if (this.id === 0) this.connection.leave(this)
    else if (this.connection.streams.get(this.id) === this) {
      this.connection.sendReset(this.id, code)
      this.connection.remove(this)
    } else this.release()
  }

  /** All that the head promised came, and no error: an end that was forgotten (see `ODD_BYTE`). */
  override onQuietReset(): void {
    if (!this.open || !this.headReceived || this.tunnel !== undefined) return
    if (this.bodyless || this.contentReceived !== this.bodyLength) return
    this.stopSending()
    this.onEnd('')
  }

  onReset(code: number): void {
    const { name } = this.connection
    // After a whole response it only says that the rest of the request is not wanted.
    if (this.exchange === undefined && this.tunnel === undefined) return
    if (code === ErrorCode.REFUSED_STREAM) {
      this.fail(new TransportError('STREAM_REFUSED', `${name} refused the stream without looking at it`))
    } else {
      const when = this.headReceived ? 'within the response body' : 'before it answered'
      this.fail(new TransportError('STREAM_RESET', `${name} reset the stream ${when} (${errorName(code)})`))
    }
  }

  onBroken(code: number): void {
    const message = `${this.connection.name} broke a rule of HTTP/2 in its response (${errorName(code)})`
    this.fail(new TransportError('BAD_RESPONSE', message))
  }

  /** GOAWAY said that this request was not looked at (RFC 9113 section 6.8). */
  onUnprocessed(): void {
    this.fail(
      new TransportError('STREAM_REFUSED', `${this.connection.name} is going away, and did not take this request`),
    )
  }

  onLost(reason: string, cause?: Error): void {
    this.fail(this.connection.lossOf(this.headReceived, reason, cause))
  }

  onDeadline(): void {
    const { name } = this.connection
    const waited = this.waits
    if (!waited && this.id > 0 && !this.headReceived && this.exchange?.mayWaitForUpstream === true) return
    if (this.id === 0) {
      this.connection.giveUpConnecting(this)
      this.fail(new TransportError('CONNECT_TIMEOUT', `connecting to ${name} took too long`))
      return
    }
    this.giveUp(ErrorCode.CANCEL)
    if (waited) this.fail(new TransportError('WRITE_TIMEOUT', `${name} took no byte of the request in time`))
    else this.fail(new TransportError('READ_TIMEOUT', `${name} sent nothing in time`))
  }

  fail(error: TransportError): void {
    const { exchange, tunnel } = this
    this.over = true
    this.exchange = undefined
    this.tunnel = undefined
    if (tunnel !== undefined) tunnel.upstreamLost()
    else exchange?.onUpstreamError(error)
  }

  private refuse(): void {
    if (this.over) return
    this.giveUp(ErrorCode.PROTOCOL_ERROR)
    const reason = refusal('H2_RESPONSE')
    const message = `the response of ${this.connection.name} was refused: ${reason.message}`
    this.fail(new TransportError('BAD_RESPONSE', message, { refusal: reason }))
  }

  refuseTrailers(): void {
    this.refuse()
  }
}

/** `Host` leaves as `:authority`; `te` only with the one value that HTTP/2 allows. */
const REQUEST_FIELDS: ReadonlySet<string> = new Set([...CONNECTION_FIELDS, 'host'])
const UPGRADE_FIELDS: ReadonlySet<string> = new Set([...REQUEST_FIELDS, 'sec-websocket-key', 'content-length'])

/** RFC 6455 section 1.3. */
const acceptOf = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
