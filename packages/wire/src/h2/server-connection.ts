import type { Socket } from 'node:net'
import type { RequestHead } from '../h1/request-head.ts'
import { refusal, type Refusal, type RefusalCode } from '../streams/refusal.ts'
import type { ClientEnd } from '../sockets/client-end.ts'
import type { RequestHandler } from '../streams/server-exchange.ts'
import type { ServerConnection } from '../streams/server-connection.ts'
import { H2Connection, type H2ConnectionOptions } from './connection.ts'
import {
  DEFAULT_WINDOW,
  ErrorCode,
  MAX_31_BITS,
  PREFACE,
  SETTINGS_ENABLE_CONNECT_PROTOCOL,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_MAX_HEADER_LIST_SIZE,
} from './frames.ts'
import { ODD_BYTE } from './limits.ts'
import { MALFORMED_REQUEST, RequestFields } from './request-fields.ts'
import { TrailerFields } from './response-fields.ts'
import { H2ServerStream } from './server-stream.ts'
import { Silence } from './silence.ts'
import { Violation } from './violation.ts'

export interface H2ServerOptions extends H2ConnectionOptions {
  readonly handler: RequestHandler
}

/** Between "no more requests" and "this was the last one" (RFC 9113 section 6.8): time for what is under way to arrive. */
const DRAIN_MS = 1_000
/** With requests under way and a client that has been silent for so long, a PING asks whether it is there; */
const PING_AFTER_MS = 60_000
/** and for so long its answer is waited for: mobile clients need their time to wake up. */
const PING_TIMEOUT_MS = 20_000
const DRAIN_PING = Buffer.from('draining')

const requestFields = new RequestFields()
const trailerFields = new TrailerFields()

/** One HTTP/2 connection from a client. */
export class H2ServerConnection extends H2Connection<H2ServerStream> implements ServerConnection {
  readonly client: ClientEnd
  readonly handler: RequestHandler
  private readonly silence = new Silence(PING_AFTER_MS, PING_TIMEOUT_MS)
  private requestCount = 0
  /** Bytes of the preface that have come. */
  private prefaceRead = 0
  /** 0: open; 1: told to send no more; 2: what it sends is not looked at. */
  private draining = 0
  /** The last stream that was not looked at. */
  private ignoredStreamId = 0
  /** The time for the rest of a frame or a field block runs. */
  private restAwaited = false

  constructor(socket: Socket, client: ClientEnd, options: H2ServerOptions) {
    super(socket, options, options.h2.connectionWindow, false)
    this.client = client
    this.handler = options.handler
    const { output, h2, limits } = this
    output.settings([
      [SETTINGS_MAX_CONCURRENT_STREAMS, h2.maxConcurrentStreams],
      [SETTINGS_INITIAL_WINDOW_SIZE, h2.streamWindow + ODD_BYTE],
      [SETTINGS_MAX_HEADER_LIST_SIZE, limits.maxHeadBytes],
      [SETTINGS_ENABLE_CONNECT_PROTOCOL, 1],
    ])
    if (h2.connectionWindow > DEFAULT_WINDOW) output.windowUpdate(0, h2.connectionWindow - DEFAULT_WINDOW)
    this.startTimer(limits.headerTimeoutMs)
    this.handler.onOpened?.(this)
  }

  get idle(): boolean {
    return this.streams.size === 0
  }

  /** Closes when the streams that were begun are over. */
  drain(): void {
    if (this.draining > 0 || this.closed) return
    this.draining = 1
    this.output.goAway(MAX_31_BITS, ErrorCode.NO_ERROR, 'draining')
    this.output.ping(false, DRAIN_PING, 0)
    this.startTimer(DRAIN_MS)
  }

  destroy(): void {
    for (const stream of this.streams.values()) stream.stopping()
    this.output.flush()
    this.shut('the gateway stopped')
    this.socket.destroy()
  }

  protected override read(bytes: Buffer, length: number): Violation | undefined {
    this.silence.onBytes()
    if (this.prefaceRead === PREFACE.length) return super.read(bytes, length)
    let at = 0
    while (at < length && this.prefaceRead < PREFACE.length) {
      if (bytes[at++] !== PREFACE.charCodeAt(this.prefaceRead++)) {
        return new Violation(ErrorCode.PROTOCOL_ERROR, 'the connection does not begin with the preface of HTTP/2')
      }
    }
    if (at === length) return undefined
    const rest = Buffer.from(bytes.subarray(at, length))
    return super.read(rest, rest.length)
  }

  protected onFieldBlock(
    streamId: number,
    bytes: Buffer,
    at: number,
    end: number,
    endStream: boolean,
  ): Violation | undefined {
    const stream = this.streams.get(streamId)
    if (stream !== undefined) return this.onTrailers(stream, bytes, at, end, endStream)
    if ((streamId & 1) === 0) return new Violation(ErrorCode.PROTOCOL_ERROR, 'a client opens streams with odd numbers')
    if (streamId <= Math.max(this.lastStreamId, this.ignoredStreamId)) {
      return this.onLateTrailers(streamId, bytes, at, end)
    }
    requestFields.begin(this.limits)
    const problem = this.decoder.decode(bytes, at, end, requestFields)
    if (problem !== undefined) return new Violation(ErrorCode.COMPRESSION_ERROR, problem)
    if (this.draining === 2) {
      // The last GOAWAY said so: the client sends it elsewhere. What follows of it is dropped, too.
      this.ignoredStreamId = streamId
      this.noteGivenUp(streamId)
      return this.guard.spend() ? calm() : undefined
    }
    this.lastStreamId = streamId
    if (this.streams.size >= this.h2.maxConcurrentStreams) {
      this.sendReset(streamId, ErrorCode.REFUSED_STREAM)
      return this.guard.spendReset() ? calm() : undefined
    }
    const head = requestFields.finish(this.limits, endStream, end - at)
    if (head === MALFORMED_REQUEST) {
      this.sendReset(streamId, ErrorCode.PROTOCOL_ERROR)
      return this.guard.spendReset() ? calm() : undefined
    }
    this.guard.earn(10)
    this.open(streamId, head, endStream)
    return undefined
  }

  /** Fields for a stream that is over: of one that we gave up they were on their way; the table needs them all the same. */
  private onLateTrailers(streamId: number, bytes: Buffer, at: number, end: number): Violation | undefined {
    if (!this.hasGivenUp(streamId)) return new Violation(ErrorCode.STREAM_CLOSED, 'HEADERS on a stream that is closed')
    trailerFields.begin(this.limits)
    const problem = this.decoder.decode(bytes, at, end, trailerFields)
    if (problem !== undefined) return new Violation(ErrorCode.COMPRESSION_ERROR, problem)
    return this.guard.spend() ? calm() : undefined
  }

  private open(streamId: number, head: RequestHead | RefusalCode, endStream: boolean): void {
    const refused = typeof head === 'string' ? refusal(head) : undefined
    const request = typeof head === 'string' ? undefined : head
    const stream = new H2ServerStream(this, streamId, request, ++this.requestCount)
    this.streams.set(streamId, stream)
    if (this.draining === 0 && this.silence.begin()) this.startTimer(PING_AFTER_MS)
    if (endStream) stream.endWithHead()
    if (refused !== undefined) this.refuse(stream, refused)
    else if (request !== undefined) this.handler.onRequest(stream, request)
    const { maxRequestsPerConnection: most } = this.limits
    if (most > 0 && this.requestCount >= most) this.drain()
  }

  private refuse(stream: H2ServerStream, reason: Refusal): void {
    this.handler.onRefused(stream, reason)
    if (!stream.over) this.resetStream(stream, ErrorCode.PROTOCOL_ERROR)
  }

  private onTrailers(
    stream: H2ServerStream,
    bytes: Buffer,
    at: number,
    end: number,
    endStream: boolean,
  ): Violation | undefined {
    trailerFields.begin(this.limits)
    const problem = this.decoder.decode(bytes, at, end, trailerFields)
    if (problem !== undefined) return new Violation(ErrorCode.COMPRESSION_ERROR, problem)
    const trailers = trailerFields.finish()
    if (!stream.open) this.resetStream(stream, ErrorCode.STREAM_CLOSED)
    else if (!endStream || trailers === undefined) this.resetStream(stream, ErrorCode.PROTOCOL_ERROR)
    else stream.onEnd(trailers)
    return undefined
  }

  protected isIdle(streamId: number): boolean {
    return (streamId & 1) === 0 || streamId > Math.max(this.lastStreamId, this.ignoredStreamId)
  }

  protected override onStreamReset(): Violation | undefined {
    return this.guard.spendReset() ? calm() : undefined
  }

  protected onGoAway(): void {
    // The client opens no more streams; those that are open are answered.
    if (this.streams.size === 0) this.shut('the client said that it goes')
  }

  protected onPingAck(): void {
    if (this.draining === 1) this.lastGoAway()
  }

  protected onSettings(first: boolean): void {
    if (first && this.streams.size === 0 && this.draining === 0) this.startTimer(this.limits.keepAliveTimeoutMs)
  }

  private lastGoAway(): void {
    this.draining = 2
    this.output.goAway(this.lastStreamId, ErrorCode.NO_ERROR, 'draining')
    if (this.streams.size === 0) this.shut('drained')
  }

  protected onTimer(): void {
    if (this.draining === 1) this.lastGoAway()
    else if (!this.settingsReceived || (this.midway && this.restAwaited)) {
      this.fail(new Violation(ErrorCode.PROTOCOL_ERROR, 'nothing whole arrived within header_timeout'))
    } else if (this.midway) {
      this.restAwaited = true
      this.startTimer(this.limits.headerTimeoutMs)
    } else if (this.tookSome()) this.startTimer(this.limits.keepAliveTimeoutMs)
    else if (this.streams.size === 0) {
      this.output.goAway(this.lastStreamId, ErrorCode.NO_ERROR, 'idle')
      this.shut('idle')
    } else if (this.draining === 0 && this.watch(this.silence)) {
      this.shut('the client did not answer a PING')
      this.socket.destroy()
    }
  }

  protected onStreamRemoved(): void {
    if (this.streams.size > 0) return
    this.silence.end()
    if (this.draining === 2) this.shut('drained')
    else if (this.draining === 0) {
      this.restAwaited = false
      this.startTimer(this.limits.keepAliveTimeoutMs)
    }
  }

  protected onClosing(): void {}

  protected onLost(): void {
    this.handler.onClosed?.(this)
  }
}

const calm = (): Violation => new Violation(ErrorCode.ENHANCE_YOUR_CALM, 'too many requests were taken back')
