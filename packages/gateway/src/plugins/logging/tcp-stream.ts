import type { Socket } from 'node:net'
import { connectTo, type TcpTarget } from './net-sender.ts'

/** A connection that is kept from batch to batch, and made anew when it is not there. */
export class TcpStream {
  private readonly target: TcpTarget
  private socket: Socket | undefined

  constructor(target: TcpTarget) {
    this.target = target
  }

  /** Resolves when the system of this machine has taken all pieces. One batch at a time. */
  async send(pieces: Iterable<string>): Promise<void> {
    const { timeoutMs } = this.target
    const failing = new AbortController()
    const timer = setTimeout(
      () => failing.abort(new Error(`it did not take a batch within ${timeoutMs} ms`)),
      timeoutMs,
    )
    try {
      const socket = await this.connected(failing.signal)
      for (const piece of pieces) await written(socket, piece, failing.signal)
    } catch (error) {
      this.discard()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.socket?.end()
    this.socket = undefined
  }

  private async connected(signal: AbortSignal): Promise<Socket> {
    if (this.socket !== undefined) return this.socket
    const socket = connectTo(this.target)
    this.socket = socket
    // A receiver that says something is not listened to; one that leaves is noticed before the next batch.
    socket.resume()
    socket
      .on('end', () => this.forget(socket))
      .on('close', () => this.forget(socket))
      .on('error', () => this.forget(socket))
    await ended(socket, signal, (done) => {
      socket.once(this.target.tls === undefined ? 'connect' : 'secureConnect', () => done())
    })
    const { idleMs } = this.target
    if (idleMs !== undefined) socket.setTimeout(idleMs, () => this.forget(socket))
    socket.unref()
    return socket
  }

  private forget(socket: Socket): void {
    if (this.socket === socket) this.discard()
  }

  private discard(): void {
    this.socket?.destroy()
    this.socket = undefined
  }
}

const written = (socket: Socket, piece: string, signal: AbortSignal): Promise<void> =>
  ended(socket, signal, (done) => void socket.write(piece, (error) => done(error ?? undefined)))

/** Settles by `begin`, or when the socket fails or the time is over, whichever is first. */
function ended(socket: Socket, signal: AbortSignal, begin: (done: (error?: Error) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      socket.off('error', settle).off('close', onClose)
      signal.removeEventListener('abort', onAbort)
      if (error === undefined) resolve()
      else reject(error)
    }
    const onClose = (): void => settle(new Error('the connection was closed'))
    const onAbort = (): void => settle(signal.reason as Error)
    socket.once('error', settle).once('close', onClose)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    else begin(settle)
  })
}
