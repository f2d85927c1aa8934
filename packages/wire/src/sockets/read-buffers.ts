/**
 * Where sockets read to. Node allocates 64 KiB for every read; here all sockets of a thread read into one buffer, whose
 * bytes are parsed or copied before the next read can happen (about 0.8 µs less a read, and nothing per idle connection).
 *
 * A long body is not copied: its connection reads into a buffer of its own, which goes to the other socket as it is. When that
 * socket cannot take it at once the buffer is `held` until the socket has drained, and the next read gets another one.
 */
/** Twice the 64 KiB that files are often cut into, so that such an answer and its head come in one read. */
const READ_SIZE = 131_072
/** Buffers kept for the next long body: 4 MiB a thread at most; more are left to the garbage collector. */
const MAX_FREE = 32
/** Buffers that connections keep between two long bodies: 16 MiB a thread at most; the others read into the shared one, and copy. */
const MAX_KEPT = 128

/** Bodies with more than this to come are read into a buffer of their own and not copied. */
export const LONG_BODY_BYTES = 16_384

const shared = Buffer.allocUnsafeSlow(READ_SIZE)
const free: Buffer[] = []
let kept = 0

export class ReadBuffers {
  current: Buffer = shared
  private held: Buffer[] | undefined

  /** The bytes just read will be overwritten by the next read of any socket: who keeps them must copy. */
  get isShared(): boolean {
    return this.current === shared
  }

  /** The buffer for the next read. `long`: a long body is under way, or likely to come. */
  next(long: boolean): Buffer {
    if (long) {
      if (this.current === shared && kept < MAX_KEPT) {
        kept++
        this.current = free.pop() ?? Buffer.allocUnsafeSlow(READ_SIZE)
      }
    } else if (this.current !== shared) {
      this.recycle(this.current)
      this.leave()
    }
    return this.current
  }

  /** The bytes of the current buffer wait in the other socket's queue: do not read into it. */
  hold(): void {
    if (this.current === shared) return
    ;(this.held ??= []).push(this.current)
    this.leave()
  }

  /** The other socket's queue is empty: what was held may be used again. */
  release(): void {
    if (this.held === undefined) return
    for (const buffer of this.held) this.recycle(buffer)
    this.held = undefined
  }

  /** The connection is closed. Its buffer may be in use further up the stack or in a socket's queue: it is not handed out again. */
  close(): void {
    this.forget()
    if (this.current !== shared) this.leave()
  }

  /** The other socket is gone: its queue may still point at what is held, so that is left to the garbage collector. */
  forget(): void {
    this.held = undefined
  }

  private leave(): void {
    kept--
    this.current = shared
  }

  private recycle(buffer: Buffer): void {
    if (free.length < MAX_FREE) free.push(buffer)
  }
}
