import type { Socket } from 'node:net'
import { connectError, TransportError } from '../errors.ts'
import { ODD_BYTE } from './limits.ts'
import { DEFAULT_KEEP_ALIVE, type KeepAlive } from '../pools/keep-alive.ts'
import { H2Connection, type H2ConnectionOptions } from './connection.ts'
import { H2ClientStream } from './client-stream.ts'
import {
  DEFAULT_WINDOW,
  ErrorCode,
  errorName,
  MAX_31_BITS,
  PREFACE,
  SETTINGS_ENABLE_PUSH,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_HEADER_LIST_SIZE,
} from './frames.ts'
import { ResponseFields, TrailerFields } from './response-fields.ts'
import { Silence } from './silence.ts'
import { Violation } from './violation.ts'

export interface H2ClientOptions extends H2ConnectionOptions {
  /** For error messages: `host:port`. */
  readonly name: string
  readonly secure: boolean
  /** Requests at a time, until the peer says it itself. */
  readonly assumedStreams: number
  /** The peer's limit of requests at a time. */
  readonly onMaxStreams: (streams: number) => void
  /** No further requests can be sent on it. */
  readonly onUnusable: (connection: H2ClientConnection) => void
  /** Its last request is over, or its first one begins. */
  readonly onIdleChange: (connection: H2ClientConnection, idle: boolean) => void
  readonly onClosed: (connection: H2ClientConnection) => void
}

/** More requests at a time share their fate, and a window; then another connection is made. HAProxy's and nginx's usual limit. */
const MAX_STREAMS = 100
/**
 * What upstreams may have in flight to us on one connection. It is credited as it arrives, so that a client who does not read stops its own
 * stream and not those of others; each stream is bounded by its own window.
 */
const CONNECTION_WINDOW = 16_777_216
/** With requests under way and nothing received for so long, a PING asks whether anybody is there; */
const PING_AFTER_MS = 15_000
/** and for so long its answer is waited for. */
const PING_TIMEOUT_MS = 10_000
/** Heads and resets that may wait for an upstream that does not read; then requests take another connection. */
const MAX_WAITING_BYTES = 1_048_576

const responseFields = new ResponseFields()
const trailerFields = new TrailerFields()

/** One HTTP/2 connection to an upstream, shared by many requests. */
export class H2ClientConnection extends H2Connection<H2ClientStream> {
  readonly name: string
  readonly secure: boolean
  /** The connection is there: requests may be sent. */
  ready = false
  /** When its last request was over, on the clock of `deadlines`. */
  idleSince = 0
  private readonly options: H2ClientOptions
  private usable = true
  private requestCount = 0
  /** Requests that have a place here and have not been sent. */
  private readonly waiting = new Set<H2ClientStream>()
  /** Connections to this peer that may be idle at a time. */
  maxIdle = DEFAULT_KEEP_ALIVE.maxIdle
  private idleTimeoutMs = DEFAULT_KEEP_ALIVE.idleTimeoutMs
  private readonly silence = new Silence(PING_AFTER_MS, PING_TIMEOUT_MS)
  private lossMessage = ''
  private connectFailure: TransportError | undefined

  constructor(socket: Socket, options: H2ClientOptions) {
    super(socket, options, CONNECTION_WINDOW, true)
    this.name = options.name
    this.secure = options.secure
    this.options = options
  }

  /** How many more requests it can take. */
  get room(): number {
    if (!this.usable || this.output.backlog > MAX_WAITING_BYTES) return 0
    const most = this.settingsReceived ? this.peer.maxConcurrentStreams : this.options.assumedStreams
    return Math.min(MAX_STREAMS, most) - this.streams.size - this.waiting.size
  }

  /** The peer's SETTINGS are here. */
  get settled(): boolean {
    return this.settingsReceived
  }

  get idle(): boolean {
    return this.streams.size + this.waiting.size === 0
  }

  /** A place for one request. */
  openStream(): H2ClientStream {
    if (this.idle) this.options.onIdleChange(this, false)
    const stream = new H2ClientStream(this)
    this.waiting.add(stream)
    return stream
  }

  /** A stream that was never begun is not wanted any more. */
  leave(stream: H2ClientStream): void {
    stream.release()
    if (this.waiting.delete(stream)) this.onStreamRemoved()
  }

  /** Gives the stream its number, in the order in which requests leave. @returns false when the peer takes no more */
  begin(stream: H2ClientStream): boolean {
    if (!this.usable || this.closed || this.streams.size >= this.peer.maxConcurrentStreams) return false
    this.waiting.delete(stream)
    stream.id = this.lastStreamId = this.lastStreamId === 0 ? 1 : this.lastStreamId + 2
    this.streams.set(stream.id, stream)
    if (this.lastStreamId >= MAX_31_BITS - 2) this.retire()
    this.requestCount++
    if (this.silence.begin()) this.startTimer(PING_AFTER_MS)
    return true
  }

  onConnected(): void {
    if (this.closed || this.ready) return
    const { encrypted, alpnProtocol } = this.socket as Socket & { encrypted?: boolean; alpnProtocol?: string | false }
    if (encrypted === true && alpnProtocol !== 'h2') {
      const message = `${this.name} does not speak HTTP/2: it did not agree to "h2" in the TLS handshake (ALPN)`
      this.connectFailure = new TransportError('TLS_HANDSHAKE', message)
      this.shut(message)
      return
    }
    this.ready = true
    const { output, h2 } = this
    output.text(PREFACE)
    output.settings([
      [SETTINGS_ENABLE_PUSH, 0],
      [SETTINGS_INITIAL_WINDOW_SIZE, h2.streamWindow + ODD_BYTE],
      [SETTINGS_MAX_HEADER_LIST_SIZE, this.limits.maxHeadBytes],
    ])
    output.windowUpdate(0, CONNECTION_WINDOW - DEFAULT_WINDOW)
    for (const stream of [...this.waiting]) stream.onConnected()
  }

  override onBytes(bytes: Buffer, length: number): void {
    this.silence.onBytes()
    super.onBytes(bytes, length)
  }

  protected onFieldBlock(
    streamId: number,
    bytes: Buffer,
    at: number,
    end: number,
    endStream: boolean,
  ): Violation | undefined {
    const stream = this.streams.get(streamId)
    if (stream === undefined && this.isIdle(streamId)) {
      return new Violation(ErrorCode.PROTOCOL_ERROR, 'HEADERS on a stream that was never opened')
    }
    const asHead = stream === undefined || stream.awaitsHead
    const sink = asHead ? responseFields : trailerFields
    sink.begin(this.limits)
    const problem = this.decoder.decode(bytes, at, end, sink)
    if (problem !== undefined) return new Violation(ErrorCode.COMPRESSION_ERROR, problem)
    if (stream === undefined) return this.closedStream(streamId, 'HEADERS')
    this.guard.earn(10)
    if (!stream.open) {
      this.resetStream(stream, ErrorCode.STREAM_CLOSED)
      return undefined
    }
    if (asHead) stream.onHead(responseFields.finish(endStream, end - at), endStream, end - at)
    else {
      const trailers = trailerFields.finish()
      stream.bytesReceived += end - at
      if (trailers === undefined || !endStream) stream.refuseTrailers()
      else stream.onEnd(trailers)
    }
    // A response that came whole with its head.
    stream.settle()
    return undefined
  }

  protected isIdle(streamId: number): boolean {
    return (streamId & 1) === 0 || streamId > this.lastStreamId
  }

  protected onGoAway(lastStreamId: number, code: number, reason: string): void {
    this.retire()
    this.lossMessage = `${this.name} said that it goes away (${errorName(code)}${reason === '' ? '' : `: ${reason}`})`
    const unprocessed = [...this.streams.values()].filter((stream) => stream.id > lastStreamId)
    for (const stream of unprocessed) {
      this.remove(stream)
      stream.onUnprocessed()
    }
    if (this.idle) this.shut('going away')
  }

  /** It takes no more requests; those that are on it go on. */
  private retire(): void {
    if (!this.usable) return
    this.usable = false
    this.options.onUnusable(this)
  }

  protected onSettings(first: boolean): void {
    this.options.onMaxStreams(this.peer.maxConcurrentStreams)
    if (first) for (const stream of [...this.waiting]) stream.onSettings()
  }

  // ---- time -------------------------------------------------------------------------------------

  /** How long it stays when nobody needs it: what the peer of the last request says. */
  keepFor({ maxIdle, idleTimeoutMs, maxRequests }: KeepAlive): void {
    this.maxIdle = maxIdle
    this.idleTimeoutMs = idleTimeoutMs
    if (maxRequests > 0 && this.requestCount >= maxRequests) {
      this.retire()
      if (this.idle) this.shut('served all its requests')
    } else if (this.idle && !this.closed) this.startTimer(idleTimeoutMs)
  }

  protected onPingAck(): void {}

  protected onTimer(): void {
    if (this.idle) this.discard()
    else if (this.streams.size === 0) this.silence.end()
    else if (this.watch(this.silence)) {
      this.lossMessage = `${this.name} did not answer a PING`
      this.shut(this.lossMessage)
      this.socket.destroy()
    }
  }

  override onDeadline(now: number): void {
    for (const stream of this.waiting) {
      if (stream.deadline === 0 || stream.deadline > now) continue
      stream.deadline = 0
      stream.onDeadline()
    }
    super.onDeadline(now)
    for (const stream of this.waiting) this.schedule(stream.deadline)
  }

  override onStall(ms: number): void {
    super.onStall(ms)
    for (const stream of this.waiting) if (stream.deadline !== 0) stream.deadline += ms
  }

  // ---- closing ----------------------------------------------------------------------------------

  protected onStreamRemoved(): void {
    if (!this.idle || this.closed) return
    if (!this.usable) {
      this.shut('no more requests')
      return
    }
    this.silence.end()
    this.idleSince = this.deadlines.now()
    this.startTimer(this.idleTimeoutMs)
    this.options.onIdleChange(this, true)
  }

  /** Nobody needs it any more. */
  discard(): void {
    if (this.closed) return
    if (this.ready) this.output.goAway(0, ErrorCode.NO_ERROR, '')
    this.shut('not needed')
  }

  /** A request waited too long for the connection: others need not try. */
  giveUpConnecting(stream: H2ClientStream): void {
    if (!this.ready) this.retire()
    this.leave(stream)
    if (!this.ready && this.idle) this.socket.destroy()
  }

  protected onClosing(): void {
    this.retire()
  }

  protected onLost(reason: string, cause?: Error): void {
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const stream of waiting) stream.release()
    for (const stream of waiting) stream.onLost(reason, cause)
    this.options.onClosed(this)
  }

  /** What the loss of the connection means for a request. */
  lossOf(headReceived: boolean, reason: string, cause: Error | undefined): TransportError {
    if (!this.ready) {
      if (this.connectFailure !== undefined) return this.connectFailure
      if (cause !== undefined) return connectError(this.name, cause)
      return new TransportError('CONNECT_FAILED', `${this.name} closed the connection while connecting`)
    }
    const message = this.lossMessage === '' ? `${this.name}: ${reason}` : this.lossMessage
    if (headReceived) return new TransportError('BODY_CUT', message, { cause })
    return cause === undefined
      ? new TransportError('CLOSED_BEFORE_RESPONSE', message)
      : new TransportError('RESET', message, { cause })
  }
}
