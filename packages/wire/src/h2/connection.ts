import type { Socket } from 'node:net'
import type { Deadlines, Timed } from '../clock/deadlines.ts'
import type { H1Limits } from '../limits.ts'
import { queuedBytes } from '../sockets/output.ts'
import type { SocketOwner } from '../sockets/owner.ts'
import { ReadBuffers } from '../sockets/read-buffers.ts'
import { BlockedStreams } from './blocked-streams.ts'
import { FieldBlock } from './field-block.ts'
import { FloodGuard } from './flood-guard.ts'
import { FrameReader, type FrameSink } from './frame-reader.ts'
import {
  ACK,
  CONTINUATION,
  debugText,
  DEFAULT_WINDOW,
  END_HEADERS,
  END_STREAM,
  ErrorCode,
  GOAWAY,
  HEADERS,
  MAX_31_BITS,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './frames.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { HpackEncoder } from './hpack/encoder.ts'
import type { H2Limits } from './limits.ts'
import { Output } from './output.ts'
import { RecentStreams } from './recent-streams.ts'
import { PeerSettings } from './settings.ts'
import { ASK, GONE, PING_PAYLOAD, type Silence } from './silence.ts'
import type { H2Stream } from './stream.ts'
import { flood, needsNoStream, needsStream, selfDependent, unread, Violation, wrongSize } from './violation.ts'

/** What the connections of one listener, or of one pool, share. */
export interface H2ConnectionOptions {
  readonly limits: H1Limits
  readonly h2: H2Limits
  readonly deadlines: Deadlines
}

/** A DATA frame of this size announces a long body: the socket then reads into memory of its own, which is handed on without a copy. */
const BULK_FRAME_BYTES = 8_192
/** What may wait for a peer that does not read before answers to its PINGs and SETTINGS are taken for an attack. */
const MAX_UNREAD_BYTES = 1_048_576
/** A connection that was given up is read for so long, so that the reason reaches the peer and is not overtaken by a reset. */
const LINGER_MS = 1_000

/**
 * One HTTP/2 connection: frames, settings and flow control of either side (RFC 9113). What a field block means, and who may open streams, is
 * settled by the two kinds of connection that extend it.
 */
export abstract class H2Connection<S extends H2Stream> implements SocketOwner, FrameSink, Timed {
  readonly socket: Socket
  readonly output: Output
  readonly encoder = new HpackEncoder()
  readonly peer = new PeerSettings()
  readonly streams = new Map<number, S>()
  readonly limits: H1Limits
  readonly h2: H2Limits
  readonly deadlines: Deadlines
  /** The earliest of what is timed here: this connection's own `timer`, and its streams'. */
  deadline = 0
  /** What the peer lets us send on all streams together. */
  sendWindow = DEFAULT_WINDOW
  /** Nothing is read or sent any more. */
  closed = false
  protected readonly decoder = new HpackDecoder()
  protected readonly guard: FloodGuard
  /** The highest stream that the side that opens streams has begun. */
  protected lastStreamId = 0
  protected settingsReceived = false
  private readonly reader = new FrameReader(this)
  private readonly buffers = new ReadBuffers()
  private readonly block: FieldBlock
  private bulk = false
  private timer = 0
  private receiveWindow: number
  private readonly creditStep: number
  /** Bytes that were taken and have not been credited to the peer. */
  private taken = 0
  /** The stream of the DATA frame that is being read, and what of that frame has not been accounted for. */
  private dataStream: S | undefined
  private dataLeft = 0
  /** Streams with bytes that could not leave. */
  private readonly blocked = new BlockedStreams<S>(this)
  /** What is credited to the peer as it arrives: streams then have their own windows only. */
  private readonly creditAtOnce: boolean
  /** What waited when the socket's queue was found full; 0 = it has room. */
  private congestedAt = 0
  /** What waited for the peer when it was asked last whether it takes anything. */
  private queuedBefore = Infinity
  /** Nobody is to blame for the end: what waits has the time that it needs. */
  private orderly = true
  private givenUp: RecentStreams | undefined

  /** @param receiveWindow bytes that the peer may send on all streams before they are taken, or (`creditAtOnce`) before they have arrived */
  constructor(socket: Socket, options: H2ConnectionOptions, receiveWindow: number, creditAtOnce: boolean) {
    this.socket = socket
    this.limits = options.limits
    this.h2 = options.h2
    this.deadlines = options.deadlines
    this.output = new Output(socket)
    this.guard = new FloodGuard(options.deadlines)
    // What is a little too large is read, and answered 431.
    this.block = new FieldBlock(2 * options.limits.maxHeadBytes)
    this.creditAtOnce = creditAtOnce
    this.receiveWindow = receiveWindow
    this.creditStep = receiveWindow >> 1
    options.deadlines.add(this)
  }

  // ---- what the two sides do differently --------------------------------------------------------

  /** A field block is complete: `bytes[at, end)`. */
  protected abstract onFieldBlock(
    streamId: number,
    bytes: Buffer,
    at: number,
    end: number,
    endStream: boolean,
  ): Violation | undefined
  /** Whether a stream of that number was ever opened. */
  protected abstract isIdle(streamId: number): boolean
  protected abstract onGoAway(lastStreamId: number, code: number, reason: string): void
  protected abstract onPingAck(): void
  /** @param first of the connection */
  protected abstract onSettings(first: boolean): void
  /** The connection's own time is over. */
  protected abstract onTimer(): void
  /** A stream is over. */
  protected abstract onStreamRemoved(): void
  /** Everything is about to be over, and nobody has been told: no more streams here. */
  protected abstract onClosing(): void
  /** Everything is over: tells whoever waits. `reason` for their messages. */
  protected abstract onLost(reason: string, cause?: Error): void

  // ---- reading ----------------------------------------------------------------------------------

  nextReadBuffer(): Buffer {
    return this.buffers.next(this.bulk && !this.closed)
  }

  onBytes(bytes: Buffer, length: number): void {
    if (this.closed) return
    if (length < BULK_FRAME_BYTES) this.bulk = false
    const violation = this.read(bytes, length) ?? this.checkCongestion()
    if (violation !== undefined) this.fail(violation)
  }

  protected read(bytes: Buffer, length: number): Violation | undefined {
    return this.reader.read(bytes, length)
  }

  /** Half a frame, or half a field block, has been read. */
  protected get midway(): boolean {
    return this.reader.midway || this.block.streamId !== 0
  }

  onFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    at: number,
    end: number,
  ): Violation | undefined {
    if (this.closed) return undefined
    if (this.block.streamId !== 0 && (type !== CONTINUATION || streamId !== this.block.streamId)) {
      return new Violation(ErrorCode.PROTOCOL_ERROR, 'a field block is interrupted by another frame')
    }
    if (!this.settingsReceived && type !== SETTINGS) {
      return new Violation(ErrorCode.PROTOCOL_ERROR, 'the first frame is not SETTINGS')
    }
    switch (type) {
      case HEADERS:
        return this.onHeaders(flags, streamId, bytes, at, end)
      case CONTINUATION:
        return this.onContinuation(flags, bytes, at, end)
      case WINDOW_UPDATE:
        return this.onWindowUpdate(streamId, bytes, at, end)
      case RST_STREAM:
        return this.onResetFrame(streamId, bytes, at, end)
      case SETTINGS:
        return this.onSettingsFrame(flags, streamId, bytes, at, end)
      case PING:
        return this.onPing(flags, streamId, bytes, at, end)
      case GOAWAY:
        if (streamId !== 0) return needsNoStream('GOAWAY')
        if (end - at < 8) return wrongSize('GOAWAY')
        if (this.guard.spend()) return flood('GOAWAY frames')
        this.onGoAway(bytes.readUInt32BE(at) & MAX_31_BITS, bytes.readUInt32BE(at + 4), debugText(bytes, at + 8, end))
        return undefined
      case PRIORITY:
        return this.onPriority(streamId, bytes, at, end)
      case PUSH_PROMISE:
        return new Violation(ErrorCode.PROTOCOL_ERROR, 'PUSH_PROMISE was not allowed')
      default:
        return this.guard.spend() ? flood('unknown frames') : undefined
    }
  }

  private onHeaders(flags: number, streamId: number, bytes: Buffer, at: number, end: number): Violation | undefined {
    if (streamId === 0) return needsStream('HEADERS')
    const range = this.block.begin(flags, streamId, bytes, at, end)
    if (range instanceof Violation) return range
    if (range.selfDependent) return selfDependent(streamId)
    const { start, stop } = range
    if ((flags & END_HEADERS) === 0) return this.block.keep(bytes, start, stop)
    this.block.streamId = 0
    return this.onFieldBlock(streamId, bytes, start, stop, (flags & END_STREAM) !== 0)
  }

  private onContinuation(flags: number, bytes: Buffer, at: number, end: number): Violation | undefined {
    const { block } = this
    if (block.streamId === 0) return new Violation(ErrorCode.PROTOCOL_ERROR, 'CONTINUATION continues nothing')
    const problem = block.keep(bytes, at, end)
    if (problem !== undefined || (flags & END_HEADERS) === 0) return problem
    const { streamId, endStream } = block
    const whole = block.take()
    return this.onFieldBlock(streamId, whole, 0, whole.length, endStream)
  }

  onDataStart(streamId: number, length: number): Violation | undefined {
    if (this.closed) return undefined
    if (this.block.streamId !== 0) return new Violation(ErrorCode.PROTOCOL_ERROR, 'DATA within a field block')
    if (streamId === 0) return needsStream('DATA')
    if (!this.settingsReceived) return new Violation(ErrorCode.PROTOCOL_ERROR, 'the first frame is not SETTINGS')
    this.receiveWindow -= length
    if (this.receiveWindow < 0) {
      return new Violation(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA than the window of the connection allows')
    }
    if (this.creditAtOnce) this.grant(length)
    if (length >= BULK_FRAME_BYTES) this.bulk = true
    this.dataLeft = length
    const stream = (this.dataStream = this.streams.get(streamId))
    if (stream === undefined) {
      if (this.isIdle(streamId))
        return new Violation(ErrorCode.PROTOCOL_ERROR, 'DATA on a stream that was never opened')
      return this.closedStream(streamId, 'DATA')
    }
    if (length === 0 && this.guard.spend()) return flood('empty DATA frames')
    if (length > 0) this.guard.earn(1)
    const code = stream.acceptData(length)
    if (code !== ErrorCode.NO_ERROR) {
      this.resetStream(stream, code)
      this.dataStream = undefined
    }
    return undefined
  }

  onDataPiece(_streamId: number, bytes: Buffer, at: number, end: number): Violation | undefined {
    if (this.closed || this.dataStream === undefined || this.dataStream.over) return undefined
    this.dataLeft -= end - at
    this.dataStream.onData(bytes, at, end, bytes === this.buffers.current && !this.buffers.isShared)
    return undefined
  }

  onDataEnd(_streamId: number, endStream: boolean): Violation | undefined {
    const { dataStream, dataLeft } = this
    this.dataStream = undefined
    this.dataLeft = 0
    if (this.closed) return undefined
    // Padding, and what came for nobody.
    if (dataLeft > 0) {
      if (dataStream === undefined) this.credit(dataLeft)
      else dataStream.credit(dataLeft)
    }
    if (endStream && dataStream !== undefined && !dataStream.over) dataStream.onEnd('')
    return undefined
  }

  /** A piece that somebody could not take at once points into the present read buffer: the next read gets another one. */
  holdBuffer(): void {
    this.buffers.hold()
    this.buffers.forget()
  }

  /** Bytes were taken: the peer may send as many more. */
  credit(bytes: number): void {
    if (!this.creditAtOnce) this.grant(bytes)
  }

  private grant(bytes: number): void {
    this.taken += bytes
    if (this.taken < this.creditStep || this.closed) return
    this.output.windowUpdate(0, this.taken)
    this.receiveWindow += this.taken
    this.taken = 0
  }

  private onWindowUpdate(streamId: number, bytes: Buffer, at: number, end: number): Violation | undefined {
    if (end - at !== 4) return wrongSize('WINDOW_UPDATE')
    if (this.guard.spend()) return flood('WINDOW_UPDATE frames')
    const increment = bytes.readUInt32BE(at) & MAX_31_BITS
    if (streamId === 0) {
      if (increment === 0) return new Violation(ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE by 0')
      this.sendWindow += increment
      if (this.sendWindow > MAX_31_BITS) {
        return new Violation(ErrorCode.FLOW_CONTROL_ERROR, 'the window of the connection is above 2^31-1')
      }
      this.blocked.pump()
      return undefined
    }
    const stream = this.streams.get(streamId)
    if (stream === undefined) {
      if (this.isIdle(streamId))
        return new Violation(ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE on a stream never opened')
      return undefined
    }
    if (increment === 0) this.resetStream(stream, ErrorCode.PROTOCOL_ERROR)
    else if (stream.sendWindow + increment > MAX_31_BITS) this.resetStream(stream, ErrorCode.FLOW_CONTROL_ERROR)
    else {
      stream.sendWindow += increment
      if (this.blocked.has(stream)) this.blocked.pump()
    }
    return undefined
  }

  private onResetFrame(streamId: number, bytes: Buffer, at: number, end: number): Violation | undefined {
    if (streamId === 0) return needsStream('RST_STREAM')
    if (end - at !== 4) return wrongSize('RST_STREAM')
    const stream = this.streams.get(streamId)
    if (stream === undefined) {
      if (this.isIdle(streamId)) return new Violation(ErrorCode.PROTOCOL_ERROR, 'RST_STREAM on a stream never opened')
      return this.guard.spend() ? flood('RST_STREAM frames') : undefined
    }
    const problem = this.onStreamReset()
    if (problem !== undefined) return problem
    const code = bytes.readUInt32BE(at)
    if (code === ErrorCode.NO_ERROR) stream.onQuietReset()
    if (stream.over) return undefined
    if (stream.survives) {
      // It came after the end of the response, and says that the rest of the request is not wanted (RFC 9113 section 8.1).
      this.streams.delete(streamId)
      this.blocked.delete(stream)
      stream.stopSending()
      this.onStreamRemoved()
      return undefined
    }
    this.remove(stream)
    stream.onReset(code)
    return undefined
  }

  /** The peer resets a stream that is open. */
  protected onStreamReset(): Violation | undefined {
    return undefined
  }

  private onSettingsFrame(
    flags: number,
    streamId: number,
    bytes: Buffer,
    at: number,
    end: number,
  ): Violation | undefined {
    if (streamId !== 0) return needsNoStream('SETTINGS')
    if ((flags & ACK) !== 0) {
      if (!this.settingsReceived) return new Violation(ErrorCode.PROTOCOL_ERROR, 'the first frame is not SETTINGS')
      if (end > at) return wrongSize('SETTINGS acknowledgement')
      return this.guard.spend() ? flood('SETTINGS acknowledgements') : undefined
    }
    if ((end - at) % 6 !== 0) return wrongSize('SETTINGS')
    if (this.guard.spend()) return flood('SETTINGS frames')
    const { peer } = this
    const first = !this.settingsReceived
    const windowBefore = peer.initialWindow
    const problem = peer.read(bytes, at, end)
    if (problem !== undefined) return problem
    this.settingsReceived = true
    this.encoder.setPeerTableSize(peer.headerTableSize)
    const change = peer.initialWindow - windowBefore
    if (change !== 0) {
      for (const stream of this.streams.values()) {
        stream.sendWindow += change
        if (stream.sendWindow > MAX_31_BITS) {
          return new Violation(ErrorCode.FLOW_CONTROL_ERROR, 'INITIAL_WINDOW_SIZE makes a window larger than 2^31-1')
        }
      }
    }
    this.output.settingsAck()
    this.onSettings(first)
    if (change > 0) this.blocked.pump()
    return this.checkBacklog()
  }

  private onPing(flags: number, streamId: number, bytes: Buffer, at: number, end: number): Violation | undefined {
    if (streamId !== 0) return needsNoStream('PING')
    if (end - at !== 8) return wrongSize('PING')
    if (this.guard.spend()) return flood('PING frames')
    if ((flags & ACK) !== 0) {
      this.onPingAck()
      return undefined
    }
    this.output.ping(true, bytes, at)
    return this.checkBacklog()
  }

  /** RFC 9113 section 5.3.2: priorities are read for their form and otherwise ignored. */
  private onPriority(streamId: number, bytes: Buffer, at: number, end: number): Violation | undefined {
    if (streamId === 0) return needsStream('PRIORITY')
    if (this.guard.spend()) return flood('PRIORITY frames')
    if (end - at !== 5) {
      const stream = this.streams.get(streamId)
      if (stream === undefined) return wrongSize('PRIORITY')
      this.resetStream(stream, ErrorCode.FRAME_SIZE_ERROR)
      return undefined
    }
    return (bytes.readUInt32BE(at) & MAX_31_BITS) === streamId ? selfDependent(streamId) : undefined
  }

  /** A frame for a stream that is over: the peer may not know that yet, so this costs it a little and no more. */
  protected closedStream(streamId: number, what: string): Violation | undefined {
    if (this.guard.spend()) return flood(`${what} frames on closed streams`)
    if (!this.hasGivenUp(streamId)) this.sendReset(streamId, ErrorCode.STREAM_CLOSED)
    return undefined
  }

  /** We reset it, and what still comes for it was on its way by then (RFC 9113 section 5.1, "closed"). */
  protected hasGivenUp(streamId: number): boolean {
    return this.givenUp !== undefined && this.givenUp.has(streamId)
  }

  protected noteGivenUp(streamId: number): void {
    this.givenUp ??= new RecentStreams()
    this.givenUp.note(streamId)
  }

  private checkBacklog(): Violation | undefined {
    return this.output.backlog > MAX_UNREAD_BYTES ? unread() : undefined
  }

  /**
   * Content waits in its streams while the socket is full. Heads, resets and the like do not: a peer that asks for those and does not read
   * them fills our memory. One that keeps to the limit of streams never has so much of them to come.
   */
  private checkCongestion(): Violation | undefined {
    if (!this.output.congested) {
      this.congestedAt = 0
      return undefined
    }
    const { backlog } = this.output
    if (this.congestedAt === 0) this.congestedAt = backlog
    return backlog > this.congestedAt + MAX_UNREAD_BYTES ? unread() : undefined
  }

  // ---- sending ----------------------------------------------------------------------------------

  /** Sends the field block that the encoder has just ended. @returns bytes on the wire */
  sendFields(streamId: number, endStream: boolean): number {
    const { encoder } = this
    return this.output.fields(streamId, encoder.bytes, encoder.length, endStream)
  }

  /** A DATA frame leaves: the peer will answer with a WINDOW_UPDATE or two. */
  earn(): void {
    this.guard.earn(4)
  }

  /** Bytes of that stream wait for a window, or for the socket. */
  waitToSend(stream: S): void {
    this.blocked.add(stream)
  }

  onDrain(): void {
    this.blocked.pump()
  }

  /** Gives a stream up. Nothing is sent on a connection that is closed. */
  sendReset(streamId: number, code: number): void {
    if (this.closed) return
    this.output.resetStream(streamId, code)
    this.noteGivenUp(streamId)
  }

  /**
   * A stream error (RFC 9113 section 5.4.2): the stream is over, the connection goes on. A peer that provokes us into resetting costs as
   * much as one that resets (CVE-2025-8671), and pays the same.
   */
  resetStream(stream: S, code: number): void {
    if (stream.over) return
    this.sendReset(stream.id, code)
    this.remove(stream)
    stream.onBroken(code)
    const problem = this.onStreamReset()
    if (problem !== undefined) this.fail(problem)
  }

  remove(stream: S): void {
    if (!this.streams.delete(stream.id)) return
    this.blocked.delete(stream)
    stream.release()
    this.onStreamRemoved()
  }

  // ---- time -------------------------------------------------------------------------------------

  /** Sets the connection's own time; 0 = none. */
  protected startTimer(timeoutMs: number): void {
    this.timer = timeoutMs === 0 ? 0 : this.deadlines.now() + timeoutMs
    this.schedule(this.timer)
  }

  /** The time of a silent peer is up. @returns whether it is gone */
  protected watch(silence: Silence): boolean {
    const next = silence.next()
    if (next === ASK) this.output.ping(false, PING_PAYLOAD, 0)
    if (next !== GONE) this.startTimer(next === ASK ? silence.answerWithinMs : silence.pingAfterMs)
    return next === GONE
  }

  schedule(at: number): void {
    if (at !== 0 && (this.deadline === 0 || at < this.deadline)) this.deadline = at
  }

  onDeadline(now: number): void {
    for (const stream of this.streams.values()) {
      if (stream.deadline === 0 || stream.deadline > now) continue
      stream.deadline = 0
      stream.onDeadline()
    }
    if (this.timer !== 0 && this.timer <= now) {
      this.timer = 0
      if (!this.closed) this.onTimer()
      else if (this.orderly && this.tookSome()) this.startTimer(this.limits.bodyTimeoutMs || LINGER_MS)
      else this.socket.destroy()
    }
    this.schedule(this.timer)
    for (const stream of this.streams.values()) this.schedule(stream.deadline)
  }

  onStall(ms: number): void {
    if (this.timer !== 0) this.timer += ms
    for (const stream of this.streams.values()) if (stream.deadline !== 0) stream.deadline += ms
  }

  /** Whether something waits for the peer, and it took any of it since this was asked last: a slow peer is not a dead one. */
  protected tookSome(): boolean {
    const queued = queuedBytes(this.socket)
    const before = this.queuedBefore
    this.queuedBefore = queued === 0 ? Infinity : queued
    return queued > 0 && queued < before
  }

  // ---- closing ----------------------------------------------------------------------------------

  /** The peer broke the rules of the connection: it is told so, and everything on it is over. */
  protected fail(violation: Violation): void {
    if (this.closed) return
    this.orderly = false
    this.output.goAway(this.lastStreamId, violation.code, violation.message)
    this.shut(violation.message)
  }

  /** Sends what waits, and FIN; what comes from here on is dropped. */
  protected shut(reason: string, cause?: Error): void {
    if (this.closed) return
    this.closed = true
    this.output.end()
    this.startTimer(LINGER_MS)
    this.onClosing()
    const streams = [...this.streams.values()].filter((stream) => !stream.survives)
    this.streams.clear()
    this.blocked.clear()
    for (const stream of streams) stream.release()
    for (const stream of streams) stream.onLost(reason, cause)
    this.onLost(reason, cause)
  }

  onPeerEnd(): void {
    if (this.closed) this.socket.destroy()
    else this.shut('the peer closed the connection')
  }

  onSocketClosed(error: Error | undefined): void {
    this.shut(error === undefined ? 'the connection was closed' : `the connection was lost: ${error.message}`, error)
    this.buffers.close()
    this.deadlines.remove(this)
    this.deadline = 0
  }
}
