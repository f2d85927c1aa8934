import type { Socket } from 'node:net'
import {
  LONG_BODY_BYTES,
  queuedBytes,
  ReadBuffers,
  sendBytes,
  SENT,
  STALLED,
  type ConnectingOwner,
} from '@sekisho/wire'

/** Who joined two connections. */
export interface Splice {
  /** The connection of `end`, which was being made, is there. */
  reached(end: SpliceEnd): void
  /** A byte has come. */
  active(): void
  /** The connection of `end` is closed; `error` when it was not by anybody's will. */
  closed(end: SpliceEnd, error: Error | undefined): void
}

/**
 * One of two joined connections: what it brings is sent to the other, as fast as that one takes it. Small reads go through the thread's shared
 * buffer and are copied; once reads are large the connection has a buffer of its own, which is not.
 */
export class SpliceEnd implements ConnectingOwner {
  readonly socket: Socket
  /** Bytes read. */
  received = 0
  /** The peer sends no more. */
  ended = false
  private readonly splice: Splice
  private readonly buffers = new ReadBuffers()
  private other: SpliceEnd | undefined
  /** What came before there was another end: one read at most, and what was read for the ClientHello. */
  private early: Buffer[] = []
  private long = false
  private stopped = false

  constructor(splice: Splice, socket: Socket) {
    this.splice = splice
    this.socket = socket
  }

  /** Sends to `other` from here on, beginning with what has come already. */
  join(other: SpliceEnd): void {
    this.other = other
    for (const bytes of this.early.splice(0)) this.forward(bytes)
    if (this.ended) other.socket.end()
    else if (!other.socket.writableNeedDrain) this.socket.resume()
  }

  /** What still comes is dropped. */
  stop(): void {
    this.stopped = true
    this.early = []
    this.buffers.close()
  }

  onConnected(): void {
    this.splice.reached(this)
  }

  nextReadBuffer(): Buffer {
    return this.buffers.next(this.long && !this.stopped)
  }

  onBytes(bytes: Buffer, length: number): void {
    if (this.stopped) return
    this.received += length
    this.splice.active()
    // A buffer that is not ours (TLS, which reads by events) is nobody else's either.
    const ours = bytes === this.buffers.current
    const chunk = length === bytes.length ? bytes : bytes.subarray(0, length)
    this.long = length >= LONG_BODY_BYTES
    if (this.other === undefined) {
      this.early.push(Buffer.from(chunk))
      this.socket.pause()
    } else if (ours && this.buffers.isShared) this.forward(Buffer.from(chunk))
    else if (!this.forward(chunk) && ours) this.buffers.hold()
  }

  onPeerEnd(): void {
    this.ended = true
    if (!this.stopped) this.other?.socket.end()
  }

  onDrain(): void {
    this.other?.drained()
  }

  onSocketClosed(error: Error | undefined): void {
    this.stop()
    this.splice.closed(this, error)
  }

  /** Bytes that wait to be sent to this side's peer. */
  get queued(): number {
    return queuedBytes(this.socket)
  }

  /** Returns whether the memory of `bytes` is free again. */
  private forward(bytes: Uint8Array): boolean {
    const sent = sendBytes((this.other as SpliceEnd).socket, bytes)
    if (sent === SENT) this.buffers.release()
    else if (sent === STALLED) this.socket.pause()
    return sent === SENT
  }

  /** The other side has taken all that was sent to it. */
  private drained(): void {
    if (this.stopped) return
    this.buffers.release()
    this.socket.resume()
  }
}
