import type { Socket } from 'node:net'
import type { Deadlines, Timed } from '../clock/deadlines.ts'
import { TransportError } from '../errors.ts'
import type { H1Limits } from '../limits.ts'
import { ClientEnd } from '../sockets/client-end.ts'
import { PLAIN } from '../sockets/connection-info.ts'
import { queuedBytes, sendBytes, SENT, type Sent } from '../sockets/output.ts'
import { LONG_BODY_BYTES, ReadBuffers } from '../sockets/read-buffers.ts'
import { refusal, Refusal, type RefusalCode } from '../streams/refusal.ts'
import { RequestBodyReader, type BodyReceiver } from './request-body-reader.ts'
import type { RequestHead } from './request-head.ts'
import { RequestHeadReader } from './request-head-reader.ts'
import { BY_CLOSE } from './response-framing.ts'
import type { ResponseHead } from './response-head.ts'
import { ResponseWriter } from './response-writer.ts'
import type { RequestHandler, ServerExchange } from '../streams/server-exchange.ts'
import type { ServerConnection } from '../streams/server-connection.ts'
import type { ServerStream } from '../streams/server-stream.ts'
import type { TunnelEnds } from '../streams/tunnel-ends.ts'

/** Where the reader stands. */
const HEAD = 0
const BODY = 1
/** The request is complete and its response is not: what arrives now is the next request, and waits. */
const ANSWERING = 2
const TUNNEL = 3
const CLOSING = 4

/**
 * A closing connection is read until the client closes its side, so that what it still sends does not make the kernel reset the
 * connection and take the response with it (RFC 9112 section 9.6): for so long, and for so many bytes.
 */
const LINGER_MS = 5_000
const LINGER_BYTES = 16_777_216
/** A body nobody wanted is read and dropped up to this size if that saves the connection; a larger one closes it. */
const DISCARD_BYTES = 65_536
/** Idle connections of a draining listener may send one more request within this time, so that none is cut as it is sent. */
const DRAIN_IDLE_MS = 1_000
/** TCP asks a silent client of a tunnel whether it is there. */
const TUNNEL_KEEP_ALIVE_MS = 60_000

/** What a listener's connections share. */
export interface ServerConnectionOptions {
  readonly handler: RequestHandler
  readonly limits: H1Limits
  readonly deadlines: Deadlines
  /** Set while the listener drains: responses then say `Connection: close`. */
  draining: boolean
  /** Takes over a connection whose first bytes say HTTP/2 (RFC 9113 section 3.4); undefined: they are refused. `rest` is all that came. */
  readonly onPreface?: ((connection: H1ServerConnection, rest: Buffer) => void) | undefined
}

/**
 * One HTTP/1.1 connection from a client. It reads one request at a time, hands it to the handler, and sends what the exchange
 * answers; pipelined requests wait in order. There is no object per request here: the connection is the exchange's other end.
 */
export class H1ServerConnection implements ServerConnection, ServerStream, Timed, BodyReceiver {
  readonly socket: Socket
  readonly client: ClientEnd
  readonly httpMajor = 1
  readonly options: ServerConnectionOptions
  /** Who handles the current request; set by the handler in `onRequest`. */
  exchange: ServerExchange | undefined
  deadline: number
  requestNumber = 0
  /** Bytes of the current exchange, for logs and metrics: head and body as they were on the wire. */
  bytesReceived = 0

  private tunnel: TunnelEnds | undefined
  private readonly buffers = new ReadBuffers()
  private readonly writer: ResponseWriter
  private state = HEAD
  private request: RequestHead | undefined
  /** Bytes that arrived and cannot be looked at yet: half a head, a body nobody asked for, the next request. */
  private pending: Buffer | undefined
  private readonly heads = new RequestHeadReader()
  private readonly body = new RequestBodyReader()
  private bodyWanted = false
  private bodyPaused = false
  private readingPaused = false
  /** `consume` is on the stack: what would start reading again is left to its loop. */
  private consuming = false
  private peerEnded = false
  private responseDone = false
  private closeAfter = false
  /** More answers wait for the client than its queue should hold: no further request is read before they have left. */
  private stalled = false
  /** Bytes that waited when it was last looked whether the client takes any. */
  private queuedBefore = 0
  /** A closing connection was given its second time limit. */
  private overtime = false
  private lingerBytes = 0

  constructor(socket: Socket, options: ServerConnectionOptions, client = new ClientEnd(socket, PLAIN)) {
    this.socket = socket
    this.client = client
    this.options = options
    this.writer = new ResponseWriter(socket)
    this.deadline = 0
    this.startTimer(options.limits.headerTimeoutMs)
    options.deadlines.add(this)
    options.handler.onOpened?.(this)
  }

  // ---- reading --------------------------------------------------------------------------------

  /** The buffer for the socket's next read. */
  nextReadBuffer(): Buffer {
    return this.buffers.next(this.state === BODY && this.body.exceeds(LONG_BODY_BYTES))
  }

  onBytes(bytes: Buffer, length: number): void {
    if (this.state === CLOSING) {
      this.lingerBytes -= length
      if (this.lingerBytes < 0) this.socket.destroy()
    } else if (this.pending === undefined) this.consume(bytes, 0, length)
    else {
      // Half a head came before: bounded by maxHeadBytes, as reading is paused while anything else is pending.
      const all = Buffer.concat([this.pending, bytes.subarray(0, length)])
      this.pending = undefined
      this.consume(all, 0, all.length, true)
    }
  }

  /** The client sends no more (FIN). What it asked for completely is still answered. */
  onPeerEnd(): void {
    this.peerEnded = true
    if (this.state === TUNNEL) this.tunnel?.clientEnded()
    else if (this.state === HEAD || this.state === CLOSING) this.socket.end()
    else if (this.state === BODY) this.lost('the client closed the connection within the request body')
    else this.closeAfter = true
  }

  onSocketClosed(error: Error | undefined): void {
    this.options.deadlines.remove(this)
    this.lost(error === undefined ? 'the client closed the connection' : `the connection was lost: ${error.message}`)
    this.pending = undefined
    this.buffers.close()
    this.options.handler.onClosed?.(this)
  }

  onDrain(): void {
    if (this.state === ANSWERING) this.deadline = 0
    if (this.stalled) {
      this.stalled = false
      this.consumePending()
    } else if (this.tunnel === undefined) this.exchange?.onDownstreamDrain()
    else this.tunnel.clientDrained()
  }

  /** @param kept the bytes are ours to keep; else the next read goes over them */
  private consume(bytes: Buffer, start: number, end: number, kept = false): void {
    // A handler that answers at once leads back here for the next pipelined request: a loop, not a recursion.
    this.consuming = true
    let at = start
    while (at >= 0 && at < end && this.state !== CLOSING) {
      if (this.state === HEAD && !this.stalled) at = this.readHead(bytes, at, end)
      else if (this.state === BODY && this.bodyWanted && !this.bodyPaused) at = this.readBody(bytes, at, end)
      else if (this.state === TUNNEL && !this.bodyPaused) at = this.readTunnel(bytes, at, end)
      else {
        const rest = bytes.subarray(at, end)
        this.pending = kept ? rest : Buffer.from(rest)
        this.pauseReading()
        break
      }
    }
    this.consuming = false
  }

  /** @returns the position behind the head, or -1 when it is not complete or was refused */
  private readHead(bytes: Buffer, at: number, end: number): number {
    const { heads, options } = this
    const startedBefore = heads.started
    const head = heads.read(bytes, at, end, options.limits)
    if (head === undefined) {
      if (heads.started) this.waitForHead(bytes, at, end, startedBefore)
      return -1
    }
    if (head instanceof Refusal) {
      if (heads.prefaceAt >= 0 && this.requestNumber === 0 && options.onPreface !== undefined)
        this.handOver(options.onPreface, Buffer.from(bytes.subarray(at + heads.prefaceAt, end)))
      else this.refuse(head)
      return -1
    }
    const { size } = heads
    this.beginRequest(head, size)
    options.handler.onRequest(this, head)
    return at + size
  }

  /** The client speaks HTTP/2: only a head that was refused can be its preface, so requests pay nothing for this. */
  private handOver(onPreface: NonNullable<ServerConnectionOptions['onPreface']>, rest: Buffer): void {
    this.state = CLOSING
    this.options.deadlines.remove(this)
    this.options.handler.onClosed?.(this)
    onPreface(this, rest)
  }

  private waitForHead(bytes: Buffer, at: number, end: number, startedBefore: boolean): void {
    this.pending = Buffer.from(bytes.subarray(at, end))
    // The time of a connection's first head runs since it was opened.
    if (!startedBefore && this.requestNumber > 0) this.startTimer(this.options.limits.headerTimeoutMs)
  }

  private beginRequest(head: RequestHead, size: number): void {
    this.request = head
    this.requestNumber++
    this.bytesReceived = size
    this.writer.reset()
    this.responseDone = false
    this.deadline = 0
    if (head.bodyLength === 0) {
      this.state = ANSWERING
      return
    }
    this.state = BODY
    this.bodyWanted = false
    this.bodyPaused = false
    this.body.begin(head.bodyLength, this.options.limits)
  }

  private readBody(bytes: Buffer, at: number, end: number): number {
    this.startTimer(this.options.limits.bodyTimeoutMs)
    const result = this.body.read(bytes, at, end, this)
    if (typeof result === 'string') {
      this.refuseBody(result)
      return -1
    }
    if (this.state !== BODY) return -1
    this.bytesReceived += result - at
    if (this.body.done) this.endOfBody(this.body.trailers)
    return result
  }

  onBodyChunk(chunk: Uint8Array): void {
    if (this.state === BODY) this.exchange?.onRequestBody(Buffer.from(chunk))
  }

  /** Hands on bytes: as they are if their buffer can be kept for them, else as a copy. */
  onBodyPiece(bytes: Buffer, at: number, end: number): void {
    const own = bytes === this.buffers.current && !this.buffers.isShared
    const chunk = bytes.subarray(at, end)
    const gone = this.exchange?.onRequestBody(own ? chunk : Buffer.from(chunk)) ?? true
    if (!gone && own) this.buffers.hold()
  }

  private readTunnel(bytes: Buffer, at: number, end: number): number {
    this.bytesReceived += end - at
    this.tunnel?.fromClient(Buffer.from(bytes.subarray(at, end)))
    return end
  }

  private endOfBody(trailers: string): void {
    this.deadline = 0
    // What the upstream's socket still holds of this body belongs to that socket, also after the next request has begun.
    this.buffers.forget()
    this.body.end()
    this.state = ANSWERING
    if (this.responseDone) this.nextRequest()
    else this.exchange?.onRequestEnd(trailers)
  }

  private refuse(reason: Refusal): void {
    this.state = ANSWERING
    this.request = undefined
    this.closeAfter = true
    this.writer.reset()
    this.bytesReceived = 0
    this.deadline = 0
    this.options.handler.onRefused(this, reason)
    if (this.state === ANSWERING) this.close()
  }

  private refuseBody(code: RefusalCode): void {
    if (this.state !== BODY) return
    this.closeAfter = true
    this.state = ANSWERING
    this.body.end()
    this.deadline = 0
    if (this.exchange === undefined) this.close()
    else this.exchange.onRequestRefused(refusal(code))
  }

  /** Starts the delivery of the request body to the exchange; sends `100 Continue` first to a client that waits for it. */
  readRequestBody(): void {
    if (this.state !== BODY || this.bodyWanted) return
    this.bodyWanted = true
    if (this.request?.expectContinue && this.pending === undefined && !this.writer.started) {
      this.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1')
    }
    this.startTimer(this.options.limits.bodyTimeoutMs)
    this.consumePending()
  }

  /** Stops the delivery of the request body, or of the tunnel's bytes. */
  pauseRequestBody(): void {
    if (this.state !== BODY && this.state !== TUNNEL) return
    this.bodyPaused = true
    this.deadline = 0
    this.pauseReading()
  }

  resumeRequestBody(): void {
    if (!this.bodyPaused) return
    this.bodyPaused = false
    if (this.state === BODY) this.startTimer(this.options.limits.bodyTimeoutMs)
    this.consumePending()
  }

  /** The chunks that `onRequestBody` answered false for have left. */
  releaseRequestBody(): void {
    this.buffers.release()
  }

  /** Goes on with bytes that had to wait. */
  consumePending(): void {
    if (this.consuming || this.stalled) return
    const { pending } = this
    if (pending !== undefined) {
      this.pending = undefined
      this.consume(pending, 0, pending.length, true)
    }
    if (
      this.readingPaused &&
      this.state !== CLOSING &&
      (this.pending === undefined || this.state === HEAD) &&
      !this.bodyPaused
    ) {
      this.readingPaused = false
      this.socket.resume()
    }
  }

  private pauseReading(): void {
    if (this.readingPaused) return
    this.readingPaused = true
    this.socket.pause()
  }

  // ---- answering ------------------------------------------------------------------------------

  /** The response has been started: its status can no longer be changed. */
  get headSent(): boolean {
    return this.writer.started
  }

  /** Bytes of the present or last response. */
  get bytesSent(): number {
    return this.writer.bytesSent
  }

  /** Bytes that wait for the client to take them. */
  get backlog(): number {
    return this.socket.writableLength
  }

  get needsDrain(): boolean {
    return this.socket.writableNeedDrain
  }

  /** A 1xx response other than 101. HTTP/1.0 clients do not know them. */
  sendInformational(head: ResponseHead): void {
    if (!this.writer.started && this.request?.minorVersion === 1) this.writer.sendLone(head)
  }

  /**
   * Sends a whole response in one write: the path of every small answer.
   * @param body latin1 text of the body's bytes, as long as the head says
   * @param trailers lines with CRLF; only sent behind chunks
   */
  sendResponse(head: ResponseHead, body: string, trailers = ''): void {
    if (this.writer.started || this.state === CLOSING) return
    this.startResponse(head)
    if (this.writer.sendWhole(head, body, trailers)) this.finishResponse()
    else this.cut()
  }

  /** Starts a response whose body follows in `sendBody`. */
  sendHead(head: ResponseHead): void {
    if (this.writer.started || this.state === CLOSING) return
    this.startResponse(head)
    this.writer.sendHead(head)
  }

  sendBody(chunk: Uint8Array): Sent {
    if (this.state === CLOSING) return SENT
    if (!this.writer.fits(chunk.length)) {
      this.lost('the response is longer than its Content-Length')
      return SENT
    }
    const sent = this.writer.sendBody(chunk)
    if (sent !== SENT) {
      this.queuedBefore = queuedBytes(this.socket)
      this.startTimer(this.options.limits.bodyTimeoutMs)
    }
    return sent
  }

  /** Ends the body that `sendHead` began. */
  endBody(trailers = ''): void {
    if (this.state === CLOSING || this.responseDone || !this.writer.started) return
    if (this.writer.end(trailers)) this.finishResponse()
    else this.cut()
  }

  /** The response cannot be completed: the client must see that it was cut, and not take it for whole. */
  cut(): void {
    if (this.state === CLOSING) return
    this.state = CLOSING
    this.exchange = undefined
    this.lingerBytes = LINGER_BYTES
    this.startTimer(LINGER_MS)
    // Missing chunks and missing bytes show by themselves; where the close is the end, only a reset tells them apart.
    if (this.writer.started && this.writer.framing === BY_CLOSE) this.socket.resetAndDestroy()
    else this.socket.destroySoon()
  }

  /** Sends 101; from here on bytes flow both ways untouched. */
  startTunnel(head: ResponseHead, tunnel: TunnelEnds): void {
    this.tunnel = tunnel
    this.writer.started = true
    this.writer.sendLone(head)
    this.state = TUNNEL
    // While it is not read nothing else tells that the client has gone.
    this.socket.setKeepAlive(true, TUNNEL_KEEP_ALIVE_MS)
    this.deadline = 0
    this.bodyPaused = false
    this.consumePending()
  }

  sendTunnelBytes(chunk: Uint8Array): Sent {
    if (this.state !== TUNNEL) return SENT
    this.writer.bytesSent += chunk.length
    return sendBytes(this.socket, chunk)
  }

  /** No more bytes will come for the client (half close). */
  endTunnel(): void {
    this.socket.end()
  }

  /** The other side is gone: what it sent is still delivered, in limited time. */
  closeTunnel(): void {
    this.tunnel = undefined
    this.close()
  }

  /** Settles framing and the connection's fate. */
  private startResponse(head: ResponseHead): void {
    const { request, options } = this
    const framing = this.writer.frame(head, request)
    this.closeAfter ||=
      request === undefined ||
      !request.keepAlive ||
      this.peerEnded ||
      options.draining ||
      framing === BY_CLOSE ||
      (this.state === BODY && !this.canDiscardBody(request)) ||
      (options.limits.maxRequestsPerConnection > 0 && this.requestNumber >= options.limits.maxRequestsPerConnection)
    if (this.closeAfter) head.headers.set('Connection', 'close')
    else if (request?.minorVersion === 0) head.headers.set('Connection', 'keep-alive')
  }

  /** A client that still waits for 100 Continue may send the body or not: nobody can tell what its next byte is. */
  private canDiscardBody(request: RequestHead): boolean {
    return this.body.expected <= DISCARD_BYTES && (!request.expectContinue || this.bodyWanted)
  }

  private finishResponse(): void {
    this.exchange = undefined
    this.responseDone = true
    if (this.closeAfter) this.close()
    else if (this.state === BODY) {
      this.bodyWanted = true
      this.bodyPaused = false
      this.startTimer(this.options.limits.bodyTimeoutMs)
      this.consumePending()
    } else this.nextRequest()
  }

  private nextRequest(): void {
    this.state = HEAD
    this.request = undefined
    // The exchange may have stopped its body for an upstream that answered without taking it.
    this.bodyPaused = false
    this.stalled = this.socket.writableNeedDrain
    this.startTimer(this.options.draining ? DRAIN_IDLE_MS : this.options.limits.keepAliveTimeoutMs)
    if (this.peerEnded && this.pending === undefined) this.close()
    else if (this.pending !== undefined || this.readingPaused) {
      // Later, so that whoever answered can still read this exchange's figures.
      if (!this.consuming) process.nextTick(consumeLater, this)
    }
  }

  // ---- closing --------------------------------------------------------------------------------

  /** Between two requests, with nothing received of the next one. */
  get idle(): boolean {
    return this.state === HEAD && this.pending === undefined
  }

  onDeadline(): void {
    if (this.state === CLOSING) this.endLinger()
    else if (this.state === HEAD && this.pending === undefined) this.socket.destroy()
    else if (this.state === HEAD) {
      this.pending = undefined
      this.refuse(refusal('HEAD_TIMEOUT'))
    } else if (this.state === BODY && !this.writer.started) this.refuseBody('BODY_TIMEOUT')
    // Nothing waits for the client, neither to be sent nor to be read: it is not the one that is slow.
    else if (this.socket.writableLength === 0 && (this.state === ANSWERING || this.bodyPaused)) return
    else if (this.tookSome()) this.startTimer(this.options.limits.bodyTimeoutMs)
    else this.lost('the client neither sent nor took a byte for body_timeout')
  }

  /** Whether the client took any byte since this was asked last: a slow one is not a dead one. */
  private tookSome(): boolean {
    const queued = queuedBytes(this.socket)
    const before = this.queuedBefore
    this.queuedBefore = queued
    return queued > 0 && queued < before
  }

  /** A slow client has the time of a stalled body to take the end of its answer. */
  private endLinger(): void {
    if (this.socket.writableLength === 0 || this.overtime) this.socket.destroy()
    else {
      this.overtime = true
      this.startTimer(this.options.limits.bodyTimeoutMs || LINGER_MS)
    }
  }

  /**
   * Closes when the current exchange is over, as its head then says. A connection that is idle, or becomes so behind a head that had left
   * before, gets a moment to send one more request: its client may be sending it just now.
   */
  drain(): void {
    if (this.idle) this.startTimer(DRAIN_IDLE_MS)
  }

  /** Cuts the connection now. */
  destroy(): void {
    this.tunnel?.stopping()
    this.lost('the gateway stopped')
    this.socket.destroy()
  }

  private close(): void {
    this.state = CLOSING
    this.exchange = undefined
    this.pending = undefined
    this.stalled = false
    this.lingerBytes = LINGER_BYTES
    this.startTimer(LINGER_MS)
    this.socket.end()
    if (this.readingPaused) {
      this.readingPaused = false
      this.socket.resume()
    }
  }

  private lost(reason: string): void {
    const { exchange, tunnel } = this
    this.exchange = undefined
    this.tunnel = undefined
    if (this.state !== CLOSING) {
      this.state = CLOSING
      this.socket.destroy()
    }
    if (tunnel !== undefined) tunnel.clientLost()
    else exchange?.onDownstreamLost(new TransportError('CLIENT_GONE', reason))
  }

  private startTimer(timeoutMs: number): void {
    this.deadline = timeoutMs === 0 ? 0 : this.options.deadlines.now() + timeoutMs
  }
}

const consumeLater = (connection: H1ServerConnection): void => connection.consumePending()
