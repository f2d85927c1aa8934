import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { HIGH_WATER_MARK } from '../sockets/output.ts'
import { own, ownerOf, type SocketOwner } from '../sockets/owner.ts'
import { ReadBuffers } from '../sockets/read-buffers.ts'

/** What the socket of every thread reads into; spoilt after each read, so that whoever keeps a piece of it is found out. */
const sharedBuffer = new ReadBuffers().current
const SPOILT = 0x58

/**
 * A socket without a network: what a test `receive`s is read into the owner's buffer as `onread` does it, what the owner writes
 * is in `sent`. The write side is a real stream, so corking, high-water mark, `drain`, `finish` and `close` are Node's own.
 */
export class MemorySocket extends Duplex {
  remoteAddress: string | undefined = '192.0.2.7'
  /** `resetAndDestroy` was called: a real peer would see ECONNRESET. */
  wasReset = false
  /** System calls a real socket would have made. */
  writes = 0

  private readonly left: Buffer[] = []
  private arriving: Buffer[] = []
  private buffer: Buffer = Buffer.alloc(0)
  private readingStopped = false
  private endReceived = false
  private blocked = false
  private blockedWrite: { chunks: Buffer[]; done: () => void } | undefined

  constructor() {
    super({ allowHalfOpen: true, writableHighWaterMark: HIGH_WATER_MARK })
  }

  /** As what the connections take; they use no more of it than is here. */
  get asSocket(): Socket {
    return this as unknown as Socket
  }

  attach(owner: SocketOwner): void {
    this.buffer = owner.nextReadBuffer()
    own(this.asSocket, owner)
  }

  /** All that has left so far, one character a byte. */
  get sent(): string {
    return Buffer.concat(this.left).toString('latin1')
  }

  /** What has left since the last call. */
  takeSent(): string {
    const text = this.sent
    this.left.length = 0
    return text
  }

  /** Of the kernel: nothing to be seen here. */
  setKeepAlive(): void {}

  get paused(): boolean {
    return this.readingStopped
  }

  /** Bytes arrive in one read (or as many as the buffer needs), at once unless reading is paused. */
  receive(bytes: string | Uint8Array): void {
    this.arriving.push(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes))
    this.deliver()
  }

  /** The same bytes in reads of `size` bytes. */
  receiveInPieces(bytes: string, size: number): void {
    for (let at = 0; at < bytes.length; at += size) this.receive(bytes.slice(at, at + size))
  }

  /** FIN. */
  receiveEnd(): void {
    this.endReceived = true
    this.deliver()
  }

  /** The kernel's buffer is full: writes wait. */
  block(): void {
    this.blocked = true
  }

  unblock(): void {
    this.blocked = false
    const waiting = this.blockedWrite
    this.blockedWrite = undefined
    if (waiting === undefined) return
    // Read only now, as the kernel would: memory that was given away too early shows.
    this.leave(waiting.chunks)
    waiting.done()
  }

  override pause(): this {
    this.readingStopped = true
    return super.pause()
  }

  override resume(): this {
    if (this.readingStopped) {
      this.readingStopped = false
      // A real socket reads in a later turn of the event loop.
      process.nextTick(() => this.deliver())
    }
    return super.resume()
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  resetAndDestroy(): this {
    this.wasReset = true
    return this.destroy()
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.put([chunk], done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.put(
      chunks.map((one) => one.chunk),
      done,
    )
  }

  private put(chunks: Buffer[], done: () => void): void {
    if (this.blocked) {
      this.blockedWrite = { chunks, done }
      return
    }
    this.leave(chunks)
    done()
  }

  private leave(chunks: Buffer[]): void {
    this.writes++
    this.left.push(Buffer.concat(chunks))
  }

  private deliver(): void {
    while (!this.readingStopped && !this.destroyed && this.arriving.length > 0) {
      const bytes = this.arriving.shift() as Buffer
      const { buffer } = this
      const owner = ownerOf(this.asSocket)
      if (owner === undefined) throw new Error('nobody owns this socket')
      const length = bytes.copy(buffer)
      if (length < bytes.length) this.arriving.unshift(bytes.subarray(length))
      owner.onBytes(buffer, length)
      // Node asks for the buffer of the next read at the end of this one, also when the socket was destroyed within it.
      this.buffer = (ownerOf(this.asSocket) ?? owner).nextReadBuffer()
      sharedBuffer.fill(SPOILT, 0, length)
    }
    if (this.endReceived && this.arriving.length === 0 && !this.readingStopped && !this.destroyed) {
      this.endReceived = false
      this.push(null)
      this.read(0)
    }
  }
}

/** A turn of the event loop: what was put off by `nextTick`, streams and `setImmediate` has happened. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
