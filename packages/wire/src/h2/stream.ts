import { SENT, STALLED, type Sent } from '../sockets/output.ts'
import { ErrorCode, FRAME_HEADER_BYTES } from './frames.ts'
import type { H2Connection } from './connection.ts'
import { ReceivedContent } from './received-content.ts'

/**
 * One stream: flow control and queues of either side (RFC 9113 sections 5 and 6.9). Bytes of the peer that nobody takes wait here, at most
 * a window of them; bytes for the peer wait here for a window or for the socket, and whoever sent them is told to stop.
 */
export abstract class H2Stream {
  id: number
  /** What the peer lets us send on this stream. */
  sendWindow: number
  deadline = 0
  /** Bytes of this stream's frames on the wire. */
  bytesSent = 0
  bytesReceived = 0
  /** Nothing is sent or received any more. */
  over = false
  /** We said END_STREAM, or are about to once the queue has left. */
  protected ended = false
  /** The peer said END_STREAM. */
  protected peerEnded = false
  /** Somebody takes what comes. */
  protected reading = false
  /** Bytes of content that came, for what the head promised. */
  protected contentReceived = 0
  private receiveWindow: number
  private taken = 0
  /** What came while nobody took it, and the trailers if that was all. */
  private received: ReceivedContent | undefined
  private receivedEnd: string | undefined
  private queue: Uint8Array[] | undefined
  private queued = 0
  /** What of the first in the queue has left. */
  private queueAt = 0
  private queuedEnd: string | undefined
  /** Where the flags of the last DATA frame are. */
  private lastData = -1

  constructor(id: number, sendWindow: number, receiveWindow: number) {
    this.id = id
    this.sendWindow = sendWindow
    this.receiveWindow = receiveWindow
  }

  protected abstract get connection(): H2Connection<H2Stream>
  /** A piece of content for whoever reads; `own`: its memory stays as it is until the next read. @returns whether it was taken whole */
  protected abstract deliver(chunk: Buffer): boolean
  /** All content was delivered. */
  protected abstract deliverEnd(trailers: string): void
  /** What waited has left. */
  abstract onDrained(): void
  /** The peer gave the stream up. */
  abstract onReset(code: number): void
  /** We gave the stream up, because the peer broke a rule on it. */
  abstract onBroken(code: number): void
  /** The connection is gone. */
  abstract onLost(reason: string, cause?: Error): void
  abstract onDeadline(): void
  /** The peer sent something: its time begins anew. */
  protected abstract onProgress(): void

  // ---- receiving --------------------------------------------------------------------------------

  /** A DATA frame begins. @returns NO_ERROR, or the stream error that it is */
  acceptData(length: number): number {
    if (this.peerEnded) return ErrorCode.STREAM_CLOSED
    this.receiveWindow -= length
    this.bytesReceived += FRAME_HEADER_BYTES + length
    return this.receiveWindow < 0 ? ErrorCode.FLOW_CONTROL_ERROR : ErrorCode.NO_ERROR
  }

  /** @param own the bytes stay as they are until the next read, and after it if the connection is told to hold them */
  onData(bytes: Buffer, at: number, end: number, own: boolean): void {
    this.contentReceived += end - at
    if (!this.checkLength(this.contentReceived, false)) {
      this.connection.credit(end - at)
      return
    }
    if (!this.reading || this.received !== undefined) {
      ;(this.received ??= new ReceivedContent()).push(bytes, at, end)
      return
    }
    this.onProgress()
    const gone = this.deliver(own ? bytes.subarray(at, end) : copy(bytes, at, end))
    if (!gone && own) this.connection.holdBuffer()
    this.credit(end - at)
  }

  /** All that it is about is here: neither the connection nor the peer is needed for the rest. */
  get survives(): boolean {
    return false
  }

  /** All that the peer sent is here and waits to be taken. */
  protected get complete(): boolean {
    return this.receivedEnd !== undefined
  }

  /** The peer may still send. */
  get open(): boolean {
    return !this.peerEnded
  }

  /** END_STREAM came with the head: there is no content to be told the end of. */
  endWithHead(): void {
    this.peerEnded = true
  }

  /** END_STREAM came. `trailers`: lines, or ''. */
  onEnd(trailers: string): void {
    this.peerEnded = true
    if (!this.checkLength(this.contentReceived, true)) return
    if (!this.reading || this.received !== undefined) this.receivedEnd = trailers
    else this.deliverEnd(trailers)
    this.closeIfDone()
  }

  /** Whether the content is as long as its head says. If not the stream is broken (RFC 9113 section 8.1.1). */
  protected abstract checkLength(received: number, end: boolean): boolean

  /** The peer may send as much more on this stream, and on the connection. */
  credit(bytes: number): void {
    const { connection } = this
    connection.credit(bytes)
    if (this.peerEnded || this.over) return
    this.taken += bytes
    if (this.taken < connection.h2.streamWindow >> 1) return
    connection.output.windowUpdate(this.id, this.taken)
    this.receiveWindow += this.taken
    this.taken = 0
  }

  /** From here on content is delivered, first what waited. */
  protected startReading(): void {
    this.reading = true
    const { received } = this
    if (received !== undefined) {
      for (let next = received.shift(); next !== undefined; next = received.shift()) {
        this.deliver(next)
        this.credit(next.length)
        if (!this.reading || this.over) return
      }
      this.received = undefined
    }
    if (this.receivedEnd === undefined) return
    const trailers = this.receivedEnd
    this.receivedEnd = undefined
    this.deliverEnd(trailers)
    this.closeIfDone()
  }

  protected stopReading(): void {
    this.reading = false
    this.received ??= new ReceivedContent()
  }

  // ---- sending ----------------------------------------------------------------------------------

  /** Bytes that wait here; those that the connection has taken are its own. */
  get backlog(): number {
    return this.queued
  }

  get waits(): boolean {
    return this.queue !== undefined
  }

  /** Sends content as far as windows allow; the rest waits as it is: its memory is ours until `onDrained`. */
  protected sendContent(bytes: Uint8Array): Sent {
    if (this.ended || this.over) return SENT
    const { connection } = this
    if (this.queue === undefined && !connection.output.congested) {
      const sent = this.transmit(bytes, 0)
      if (sent === bytes.length) return SENT
      this.queue = [bytes.subarray(sent)]
      this.queued = bytes.length - sent
    } else {
      ;(this.queue ??= []).push(bytes)
      this.queued += bytes.length
    }
    connection.waitToSend(this)
    this.onStalled()
    return STALLED
  }

  /** Bytes could not leave: whoever has to make room has its time. */
  protected abstract onStalled(): void

  /** No more content comes. `trailers`: lines with CRLF, or ''. */
  protected sendEnd(trailers: string): void {
    if (this.ended || this.over) return
    this.ended = true
    if (this.queue === undefined) this.transmitEnd(trailers)
    else this.queuedEnd = trailers
  }

  /** Sends a frame's worth of what waits. @returns whether anything left */
  pump(): boolean {
    const { queue } = this
    if (queue === undefined) return false
    const first = queue[0]
    if (first === undefined) return false
    const to = this.transmit(first, this.queueAt, true)
    const moved = to - this.queueAt
    this.queued -= moved
    this.queueAt = to
    if (to === first.length) {
      queue.shift()
      this.queueAt = 0
      if (queue.length === 0) this.queue = undefined
    }
    if (moved > 0 && this.queue !== undefined) {
      // A slow peer is not a dead one: its time begins anew.
      this.deadline = 0
      this.onStalled()
    }
    if (this.queue === undefined && this.queuedEnd !== undefined) {
      const trailers = this.queuedEnd
      this.queuedEnd = undefined
      this.transmitEnd(trailers)
    }
    return moved > 0
  }

  /** @returns how far `bytes` have left */
  private transmit(bytes: Uint8Array, from: number, once = false): number {
    const { connection } = this
    let at = from
    while (at < bytes.length) {
      const room = Math.min(
        bytes.length - at,
        this.sendWindow,
        connection.sendWindow,
        connection.peer.maxFrameBytes,
        FRAME,
      )
      if (room <= 0) break
      this.lastData = connection.output.data(this.id, bytes, at, at + room, false)
      this.sendWindow -= room
      connection.sendWindow -= room
      this.bytesSent += room + FRAME_HEADER_BYTES
      connection.earn()
      at += room
      if (once) break
    }
    return at
  }

  private transmitEnd(trailers: string): void {
    const { connection } = this
    if (trailers !== '') {
      connection.encoder.begin()
      connection.encoder.block(trailers, CONNECTION_FIELDS)
      this.bytesSent += connection.sendFields(this.id, true)
    } else if (this.lastData < 0 || !connection.output.endLast(this.lastData)) {
      connection.output.data(this.id, EMPTY, 0, 0, true)
      this.bytesSent += FRAME_HEADER_BYTES
    }
    this.closeIfDone()
  }

  /** Content that is known to be all there is, and text: one frame where it fits. */
  protected sendText(text: string): void {
    if (this.over) return
    const { connection } = this
    const { length } = text
    if (length > this.sendWindow || length > connection.sendWindow || length > FRAME || connection.output.congested) {
      this.sendContent(Buffer.from(text, 'latin1'))
      return
    }
    this.lastData = connection.output.dataText(this.id, text)
    this.sendWindow -= length
    connection.sendWindow -= length
    this.bytesSent += length + FRAME_HEADER_BYTES
  }

  /** Both sides have said all. */
  protected closeIfDone(): void {
    if (!this.ended || !this.peerEnded || this.queue !== undefined || this.over) return
    if (this.received !== undefined || this.receivedEnd !== undefined) return
    this.connection.remove(this)
  }

  /** The peer resets the stream without an error. */
  onQuietReset(): void {}

  /** The peer takes no more. */
  stopSending(): void {
    this.ended = true
    this.queue = undefined
    this.queued = 0
    this.queuedEnd = undefined
  }

  /** Leaves the connection if all has been said. */
  settle(): void {
    this.closeIfDone()
  }

  protected startTimer(timeoutMs: number): void {
    const { connection } = this
    this.deadline = timeoutMs === 0 ? 0 : connection.deadlines.now() + timeoutMs
    connection.schedule(this.deadline)
  }

  /** The stream is over: what waited is dropped, and no longer counts against the connection's window. */
  release(): void {
    this.over = true
    this.deadline = 0
    this.queue = undefined
    this.queued = 0
    if (this.received === undefined) return
    const { bytes } = this.received
    this.received = undefined
    if (bytes > 0) this.connection.credit(bytes)
  }
}

/** Frames that we send are no larger, whatever the peer would take: they share the connection with others' frames. */
const FRAME = 16_384
const EMPTY = new Uint8Array(0)

/** What concerns an HTTP/1 connection and has no place in HTTP/2 (RFC 9113 section 8.2.2). */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
])

function copy(bytes: Buffer, at: number, end: number): Buffer {
  const own = Buffer.allocUnsafe(end - at)
  bytes.copy(own, 0, at, end)
  return own
}
