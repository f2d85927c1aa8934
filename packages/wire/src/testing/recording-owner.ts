import type { SocketOwner } from '../sockets/owner.ts'

/** A protocol that only takes notes. */
export class RecordingOwner implements SocketOwner {
  received = ''
  ended = false
  /** Set when the socket is closed: why, or null when that was by will. */
  closed: Error | null | undefined
  onText: ((text: string) => void) | undefined
  onEnd: (() => void) | undefined
  private readonly buffer = Buffer.alloc(4_096)

  nextReadBuffer(): Buffer {
    return this.buffer
  }
  onBytes(bytes: Buffer, length: number): void {
    const text = bytes.toString('latin1', 0, length)
    this.received += text
    this.onText?.(text)
  }
  onPeerEnd(): void {
    this.ended = true
    this.onEnd?.()
  }
  onDrain(): void {}
  onSocketClosed(error: Error | undefined): void {
    this.closed = error ?? null
  }
}
