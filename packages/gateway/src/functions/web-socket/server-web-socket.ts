import { isUtf8 } from 'node:buffer'
import type { ClientTunnel, TunnelHandler } from '@sekisho/proxy'
import { FrameReader, type FrameLimits, type FrameListener } from './frame-reader.ts'
import { ABNORMAL, BINARY, closeFrame, frame, GOING_AWAY, NO_STATUS, NORMAL, PONG, TEXT } from './frames.ts'

export interface WebSocketLimits extends FrameLimits {
  /** Milliseconds without a frame of the client and without a message to it. */
  readonly idleTimeoutMs: number
  /** Milliseconds that a connection may last. */
  readonly lifetimeMs: number
}

/** Who is told of what a client sends. */
export interface WebSocketOwner {
  onMessage(data: Buffer, isText: boolean): void
  /** Called once, when the connection is closed or lost. */
  onClosed(code: number, reason: string): void
}

/** Bytes that may wait for a client that does not read. */
const MAX_WAITING_BYTES = 1_048_576
/** Milliseconds for the client to answer a close frame. */
const CLOSE_TIMEOUT_MS = 5_000

/** The server's end of one WebSocket. */
export class ServerWebSocket implements TunnelHandler, FrameListener {
  private readonly owner: WebSocketOwner
  private readonly reader: FrameReader
  private readonly idleTimer: NodeJS.Timeout
  private readonly lifeTimer: NodeJS.Timeout
  private client: ClientTunnel | undefined = undefined
  /** Bytes sent since the client stopped taking them. */
  private waitingBytes = 0
  private stalled = false
  private closing = false
  private closed = false
  /** How it ends, once that is known. */
  private code = ABNORMAL
  private reason = ''

  constructor(limits: WebSocketLimits, owner: WebSocketOwner) {
    this.owner = owner
    this.reader = new FrameReader(limits, this)
    this.idleTimer = setTimeout(() => this.close(GOING_AWAY, 'Idle timeout'), limits.idleTimeoutMs).unref()
    this.lifeTimer = setTimeout(() => this.close(GOING_AWAY, 'Going away'), limits.lifetimeMs).unref()
  }

  /** @returns false: too much waits for this client already, or it is gone */
  send(data: Buffer): boolean {
    if (this.closing || this.closed || this.waitingBytes + data.length > MAX_WAITING_BYTES) return false
    this.idleTimer.refresh()
    this.write(frame(isUtf8(data) ? TEXT : BINARY, data))
    return true
  }

  /** Says why, and closes when the client has answered. */
  close(code: number, reason = ''): void {
    if (this.closing || this.closed) return
    this.closing = true
    this.code = code
    this.reason = reason
    this.write(closeFrame(code, reason))
    clearTimeout(this.idleTimer)
    setTimeout(() => this.end(), CLOSE_TIMEOUT_MS).unref()
  }

  pause(): void {
    this.client?.pause()
  }
  resume(): void {
    if (!this.closed) this.client?.resume()
  }

  // ---- the connection tells -------------------------------------------------------------------

  opened(client: ClientTunnel): void {
    this.client = client
  }
  received(bytes: Uint8Array): void {
    if (this.closed) return
    if (!this.closing) this.idleTimer.refresh()
    this.reader.push(bytes)
  }
  drained(): void {
    this.stalled = false
    this.waitingBytes = 0
  }
  ended(): void {
    this.end()
  }
  lost(): void {
    this.client = undefined
    this.end()
  }
  stopping(): void {
    this.close(GOING_AWAY, 'Going away')
  }

  // ---- the reader tells -----------------------------------------------------------------------

  onMessage(data: Buffer, isText: boolean): void {
    if (!this.closing) this.owner.onMessage(data, isText)
  }
  onPing(data: Buffer): void {
    // A client that does not read its pongs gets no more of them.
    if (!this.closing && !this.stalled) this.write(frame(PONG, data))
  }
  onPong(): void {}
  onClose(code: number, reason: string): void {
    if (!this.closing) {
      this.code = code
      this.reason = reason
      this.write(closeFrame(code === NO_STATUS ? NORMAL : code))
    }
    this.end()
  }
  onFault(code: number, reason: string): void {
    if (!this.closing) {
      this.code = code
      this.reason = reason
      this.write(closeFrame(code, reason))
    }
    this.end()
  }

  private write(bytes: Buffer): void {
    if (this.client === undefined) return
    if (!this.client.send(bytes)) this.stalled = true
    if (this.stalled) this.waitingBytes += bytes.length
  }

  private end(): void {
    if (this.closed) return
    this.closed = true
    clearTimeout(this.idleTimer)
    clearTimeout(this.lifeTimer)
    this.client?.close()
    this.client = undefined
    this.owner.onClosed(this.code, this.reason)
  }
}
