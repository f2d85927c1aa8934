import type { Socket } from 'node:net'
import type { Deadlines, Timed } from '../clock/deadlines.ts'
import { connectError, TransportError } from '../errors.ts'
import type { H1Limits } from '../limits.ts'
import type { KeepAlive } from '../pools/keep-alive.ts'
import { corkForThisTurn, sendBytes, sendChunk, sendLastChunk, SENT, type Sent } from '../sockets/output.ts'
import { latin1Text } from '../sockets/latin1.ts'
import { LONG_BODY_BYTES, ReadBuffers } from '../sockets/read-buffers.ts'
import { ChunkedDecoder, type ChunkSink } from './chunked-decoder.ts'
import type { ClientExchange } from '../streams/client-exchange.ts'
import { refusal, Refusal, type RefusalCode } from '../streams/refusal.ts'
import { CHUNKED, type RequestHead } from './request-head.ts'
import { NO_TIMEOUTS, type ClientStream, type StreamTimeouts } from '../streams/client-stream.ts'
import type { TunnelEnds } from '../streams/tunnel-ends.ts'
import { parseResponseHead, UNTIL_CLOSE, type ResponseHead } from './response-head.ts'

const CONNECTING = 0
const IDLE = 1
/** A request was begun; its response has not. */
const AWAITING = 2
const BODY = 3
const TUNNEL = 4
const CLOSED = 5

/** A read is made text up to here at first: a whole small response, or the head of a large one without much of its body. */
const USUAL_HEAD_BYTES = 8_192
/** More 1xx responses than this before a final one is an attack on the client (and on us). */
const MAX_INFORMATIONAL = 16

/** TCP asks a silent peer of a tunnel whether it is there. */
const TUNNEL_KEEP_ALIVE_MS = 60_000
const IDLE_TIMEOUT = /^HTTP\/1\.[01] 408/

export interface ClientConnectionOptions {
  readonly limits: H1Limits
  readonly deadlines: Deadlines
  /** Of the pool: what it is shared by. */
  readonly key: string
  /** For error messages: `host:port`. */
  readonly name: string
  /** Told once when the connection is closed, whatever the reason. */
  readonly onClosed: (connection: H1ClientConnection) => void
  /** Its exchange is over: the pool may keep it for the next one. */
  readonly onFree: (connection: H1ClientConnection, keepAlive: KeepAlive) => void
}

/**
 * One HTTP/1.1 connection to an upstream: one request at a time, strict about what comes back. It can be used again only when a
 * response ended cleanly and the request was sent whole; anything that arrives while nobody asked closes it.
 */
export class H1ClientConnection implements ClientStream, Timed, ChunkSink {
  readonly socket: Socket
  readonly options: ClientConnectionOptions
  readonly chunks = true
  deadline = 0
  /** The peer sent bytes that belong to no request. */
  sentTooMuch = false
  /** When it was given back to the pool, on the clock of `deadlines`. */
  idleSince = 0
  /** Requests sent on this connection before the current one: above 0 it may have died while it was idle. */
  requestCount = 0
  /** Bytes of the current exchange as they are on the wire. */
  bytesSent = 0
  bytesReceived = 0

  private tunnel: TunnelEnds | undefined
  private readonly buffers = new ReadBuffers()
  private state = CONNECTING
  private exchange: ClientExchange | undefined
  private method = ''
  private upgradeAsked = false
  private chunkedRequest = false
  private requestEnded = false
  private pending: Buffer | undefined
  private decoder: ChunkedDecoder | undefined
  private bodyRemaining = 0
  private responseKeepAlive = false
  private informationals = 0
  /** The present response is long, or the last one was, and the next one is likely to be: it is read into a buffer of its own. */
  private longResponse = false
  private timeouts = NO_TIMEOUTS
  private paused = false
  /** Pieces of a chunked body that may yet be complete within this read. */
  private pieces: string | undefined

  /** @param socket still connecting or connected; `connected()` is called by whoever made it */
  constructor(socket: Socket, options: ClientConnectionOptions) {
    this.socket = socket
    this.options = options
    options.deadlines.add(this)
  }

  /** Whether it can take a request now. */
  get ready(): boolean {
    return this.state === IDLE
  }
  get idle(): boolean {
    return this.state === IDLE
  }

  get closed(): boolean {
    return this.state === CLOSED
  }

  /** Waits for the connection on behalf of `exchange`. */
  connectFor(exchange: ClientExchange, timeoutMs: number): void {
    this.exchange = exchange
    this.startTimer(timeoutMs)
  }

  onConnected(): void {
    if (this.state !== CONNECTING) return
    this.state = IDLE
    this.deadline = 0
    this.exchange?.onConnected()
  }

  // ---- sending --------------------------------------------------------------------------------

  sendRequest(exchange: ClientExchange, request: RequestHead, bodyLength: number, timeouts: StreamTimeouts): void {
    const head = request.method + ' ' + request.target + ' HTTP/1.1\r\n' + request.headers.block + '\r\n'
    this.exchange = exchange
    this.method = request.method
    this.upgradeAsked = request.upgrade
    this.state = AWAITING
    this.requestCount++
    this.informationals = 0
    this.bytesSent = head.length
    this.bytesReceived = 0
    this.chunkedRequest = bodyLength === CHUNKED
    this.requestEnded = bodyLength === 0
    this.timeouts = timeouts
    if (!this.requestEnded) corkForThisTurn(this.socket)
    this.socket.write(head, 'latin1')
    this.startTimer(this.requestEnded ? timeouts.readTimeoutMs : timeouts.writeTimeoutMs)
  }

  sendBody(chunk: Uint8Array): Sent {
    // Before the head has been sent (another attempt is connecting) a body byte would be taken for the start of a request.
    if (this.requestEnded || (this.state !== AWAITING && this.state !== BODY)) return SENT
    this.bytesSent += chunk.length
    const sent = this.chunkedRequest ? sendChunk(this.socket, chunk) : sendBytes(this.socket, chunk)
    // Nothing waits: the next byte is the client's business, whose own time limit runs.
    if (sent === SENT) this.deadline = 0
    else this.startTimer(this.timeouts.writeTimeoutMs)
    return sent
  }

  endBody(trailers = ''): void {
    if (this.requestEnded || (this.state !== AWAITING && this.state !== BODY)) return
    this.requestEnded = true
    if (this.chunkedRequest) sendLastChunk(this.socket, trailers)
    this.startTimer(this.timeouts.readTimeoutMs)
  }

  /** Bytes that wait for the upstream to take them. */
  get backlog(): number {
    return this.socket.writableLength
  }

  onDrain(): void {
    if (this.tunnel === undefined) this.exchange?.onUpstreamDrain()
    else this.tunnel.upstreamDrained()
  }

  // ---- receiving ------------------------------------------------------------------------------

  nextReadBuffer(): Buffer {
    // Asked once more after the read in which the connection was discarded: it must not take a buffer that nobody gives back.
    return this.buffers.next(this.longResponse && this.state !== CLOSED)
  }

  onBytes(bytes: Buffer, length: number): void {
    if (this.state === IDLE) {
      // Nobody asked: whatever it is, the next request must not take it for its response.
      // Some servers say 408 before they close an idle connection: no harm is meant.
      this.sentTooMuch = !IDLE_TIMEOUT.test(latin1Text(bytes, 0, Math.min(length, 12)))
      this.discard()
      return
    }
    this.bytesReceived += length
    if (this.pending === undefined) this.consume(bytes, length)
    else {
      const all = Buffer.concat([this.pending, bytes.subarray(0, length)])
      this.pending = undefined
      this.consume(all, all.length)
    }
  }

  onPeerEnd(): void {
    if (this.state === TUNNEL) this.tunnel?.upstreamEnded()
    else if (this.state === BODY && this.bodyRemaining === UNTIL_CLOSE) {
      const exchange = this.exchange
      this.discard()
      exchange?.onResponseEnd('')
    } else this.fail(this.closeError())
  }

  onSocketClosed(error: Error | undefined): void {
    const wasConnecting = this.state === CONNECTING
    const failure =
      error === undefined
        ? this.closeError()
        : wasConnecting
          ? connectError(this.options.name, error)
          : this.resetError(error)
    this.fail(failure)
  }

  private consume(bytes: Buffer, end: number): void {
    let at = 0
    while (at >= 0 && at < end) {
      if (this.state === AWAITING) at = this.readHead(bytes, at, end)
      else if (this.state === BODY) at = this.readBody(bytes, at, end)
      else if (this.state === TUNNEL) {
        this.tunnel?.fromUpstream(Buffer.from(bytes.subarray(at, end)))
        return
      } else {
        // More than one response: the rest could only be taken for somebody else's.
        this.discard()
        return
      }
    }
  }

  private readHead(bytes: Buffer, at: number, end: number): number {
    const { limits } = this.options
    const usual = Math.min(USUAL_HEAD_BYTES, limits.maxHeadBytes)
    let text = latin1Text(bytes, at, end - at > usual ? at + usual : end)
    let stop = text.indexOf('\r\n\r\n')
    if (stop < 0 && text.length === usual) {
      text = latin1Text(bytes, at, end - at > limits.maxHeadBytes ? at + limits.maxHeadBytes : end)
      stop = text.indexOf('\r\n\r\n')
    }
    if (stop < 0) {
      if (text.length >= limits.maxHeadBytes) return this.refuse('HEAD_TOO_LARGE')
      if (/(^|[^\r])\n|\r[^\n]/.test(text)) return this.refuse('BARE_LINE_END')
      if (!'HTTP/1.'.startsWith(text.slice(0, 7))) return this.refuse('STATUS_LINE')
      this.pending = Buffer.from(bytes.subarray(at, end))
      return -1
    }
    const head = parseResponseHead(text, 0, stop + 4, limits)
    if (head instanceof Refusal) return this.refuse(head.code)
    if (head.status < 200) return this.informational(head, at + stop + 4)
    return this.beginResponse(head, text, bytes, at, stop + 4, end)
  }

  private informational(head: ResponseHead, at: number): number {
    if (head.status === 101) {
      if (!this.upgradeAsked) return this.refuse('UNEXPECTED_UPGRADE')
      this.state = TUNNEL
      this.deadline = 0
      this.exchange?.onUpgraded(head)
      return at
    }
    if (++this.informationals > MAX_INFORMATIONAL) return this.refuse('TOO_MANY_HEADERS')
    this.exchange?.onInformational(head)
    return at
  }

  /** @param text what was read from `at` on, as far as a head may reach; `headEnd` its length */
  private beginResponse(
    head: ResponseHead,
    text: string,
    bytes: Buffer,
    at: number,
    headEnd: number,
    end: number,
  ): number {
    this.responseKeepAlive = head.keepAlive
    const length = this.bodyless(head.status) ? 0 : head.bodyLength
    this.longResponse = length > LONG_BODY_BYTES || length === UNTIL_CLOSE
    const available = end - at - headEnd
    if (length >= 0 && available >= length && headEnd + length <= text.length) {
      this.deliverWhole(head, text.slice(headEnd, headEnd + length), '', available === length)
      return at + headEnd + length
    }
    this.state = BODY
    this.bodyRemaining = length
    this.startTimer(this.timeouts.readTimeoutMs)
    if (length !== CHUNKED) {
      this.decoder = undefined
      this.exchange?.onResponseHead(head)
      return at + headEnd
    }
    this.decoder = new ChunkedDecoder(this.options.limits.maxHeadBytes)
    return this.readFirstChunks(this.decoder, head, bytes, at + headEnd, end)
  }

  /** A small chunked response often comes in one read with its head: then it leaves in one write, too. */
  private readFirstChunks(decoder: ChunkedDecoder, head: ResponseHead, bytes: Buffer, at: number, end: number): number {
    this.pieces = ''
    const result = at < end ? decoder.decode(bytes, at, end, this) : at
    const { pieces } = this
    this.pieces = undefined
    if (typeof result === 'string') return this.refuse(result)
    if (decoder.done) {
      this.deliverWhole(head, pieces, decoder.trailers, result === end)
      return result
    }
    this.exchange?.onResponseHead(head)
    if (pieces !== '' && this.state === BODY) this.exchange?.onResponseBody(Buffer.from(pieces, 'latin1'))
    return result
  }

  private deliverWhole(head: ResponseHead, body: string, trailers: string, clean: boolean): void {
    const { exchange } = this
    this.endResponse(clean)
    this.exchange = undefined
    exchange?.onResponse(head, body, trailers)
  }

  private readBody(bytes: Buffer, at: number, end: number): number {
    this.startTimer(this.timeouts.readTimeoutMs)
    if (this.decoder !== undefined) {
      const { decoder } = this
      const result = decoder.decode(bytes, at, end, this)
      if (typeof result === 'string') return this.refuse(result)
      if (decoder.done && this.state === BODY) this.finishBody(result === end, decoder.trailers)
      return result
    }
    const stop = this.bodyRemaining === UNTIL_CLOSE ? end : Math.min(end, at + this.bodyRemaining)
    if (this.bodyRemaining !== UNTIL_CLOSE) this.bodyRemaining -= stop - at
    const own = bytes === this.buffers.current && !this.buffers.isShared
    const chunk = bytes.subarray(at, stop)
    const gone = this.exchange?.onResponseBody(own ? chunk : Buffer.from(chunk)) ?? true
    if (!gone && own) this.buffers.hold()
    if (this.bodyRemaining === 0 && this.state === BODY) this.finishBody(stop === end, '')
    return stop
  }

  /** A decoded piece of a chunked body. */
  onChunk(chunk: Uint8Array): void {
    if (this.pieces !== undefined) this.pieces += latin1Text(chunk as Buffer, 0, chunk.length)
    // A copy: the exchange may keep it for a slow client, and the next read of any socket goes over these bytes.
    else this.exchange?.onResponseBody(Buffer.from(chunk))
  }

  private finishBody(clean: boolean, trailers: string): void {
    const { exchange } = this
    this.endResponse(clean)
    this.exchange = undefined
    exchange?.onResponseEnd(trailers)
  }

  /** The response is over; the connection is idle again if nothing speaks against it, else closed. */
  private endResponse(clean: boolean): void {
    this.deadline = 0
    this.decoder = undefined
    // What the client's socket still holds of this body belongs to that socket, also after the next exchange has begun.
    this.buffers.forget()
    if (this.paused) {
      this.paused = false
      this.socket.resume()
    }
    if (!clean) this.sentTooMuch = true
    if (clean && this.responseKeepAlive && this.requestEnded && !this.socket.destroyed) this.state = IDLE
    else this.discard()
  }

  pauseBody(): void {
    if (this.paused || this.state === CLOSED) return
    this.paused = true
    // The client is slow: not the upstream's fault.
    this.deadline = 0
    this.socket.pause()
  }

  resumeBody(): void {
    if (!this.paused || this.state === CLOSED) return
    this.paused = false
    if (this.state === BODY) this.startTimer(this.timeouts.readTimeoutMs)
    this.socket.resume()
  }

  /** The chunks that `onResponseBody` answered false for have left. */
  releaseBody(): void {
    this.buffers.release()
  }

  /** After `onUpgraded`: who gets the bytes from here on. */
  joinTunnel(tunnel: TunnelEnds): void {
    this.tunnel = tunnel
    this.socket.setKeepAlive(true, TUNNEL_KEEP_ALIVE_MS)
  }

  sendTunnelBytes(chunk: Uint8Array): Sent {
    if (this.state !== TUNNEL) return SENT
    this.bytesSent += chunk.length
    return sendBytes(this.socket, chunk)
  }

  endTunnel(): void {
    this.socket.end()
  }

  closeTunnel(): void {
    this.socket.destroySoon()
  }

  // ---- closing --------------------------------------------------------------------------------

  onDeadline(): void {
    const { name } = this.options
    if (this.state === IDLE) this.discard()
    else if (this.state === CONNECTING)
      this.fail(new TransportError('CONNECT_TIMEOUT', `connecting to ${name} took too long`))
    else if (this.socket.writableLength > 0)
      this.fail(new TransportError('WRITE_TIMEOUT', `${name} took no byte of the request in time`))
    // All that came of the request has left: it is the client's turn.
    else if (!this.requestEnded && this.state === AWAITING) return
    else this.fail(new TransportError('READ_TIMEOUT', `${name} sent nothing in time`))
  }

  giveBack(keepAlive: KeepAlive): void {
    this.options.onFree(this, keepAlive)
  }

  /** Nobody waits for this connection any more: closes it without telling anybody but the pool. */
  discard(): void {
    if (this.state === CLOSED) return
    this.state = CLOSED
    this.deadline = 0
    this.exchange = undefined
    this.tunnel = undefined
    this.pending = undefined
    this.buffers.close()
    this.options.deadlines.remove(this)
    this.socket.destroy()
    this.options.onClosed(this)
  }

  private fail(error: TransportError): void {
    const { exchange, tunnel } = this
    this.discard()
    if (tunnel !== undefined) tunnel.upstreamLost()
    else exchange?.onUpstreamError(error)
  }

  private refuse(code: RefusalCode): number {
    const reason = refusal(code)
    const message = `the response of ${this.options.name} was refused: ${reason.message}`
    this.fail(new TransportError('BAD_RESPONSE', message, { refusal: reason }))
    return -1
  }

  private bodyless(status: number): boolean {
    return status === 204 || status === 304 || this.method === 'HEAD'
  }

  private closeError(): TransportError {
    const { name } = this.options
    if (this.state === CONNECTING)
      return new TransportError('CONNECT_FAILED', `${name} closed the connection while connecting`)
    return this.state === BODY
      ? new TransportError('BODY_CUT', `${name} closed the connection within the response body`)
      : new TransportError('CLOSED_BEFORE_RESPONSE', `${name} closed the connection before it answered`)
  }

  private resetError(cause: Error): TransportError {
    const message = `the connection to ${this.options.name} was lost: ${cause.message}`
    return new TransportError(this.state === BODY ? 'BODY_CUT' : 'RESET', message, { cause })
  }

  private startTimer(timeoutMs: number): void {
    this.deadline = timeoutMs === 0 ? 0 : this.options.deadlines.now() + timeoutMs
  }
}
