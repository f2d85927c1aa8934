import type { Listener } from '@sekisho/wire'
import type { ServingListener } from '../server/application.ts'
import type { StreamSession } from './stream-session.ts'

/** A listener whose connections end when their two sides want: nobody can be asked to hurry. */
export class TcpListener<Ctx> implements ServingListener {
  private readonly listener: Listener
  private readonly open: ReadonlySet<StreamSession<Ctx>>
  private onEmpty: (() => void) | undefined

  constructor(listener: Listener, open: ReadonlySet<StreamSession<Ctx>>) {
    this.listener = listener
    this.open = open
  }

  get address(): ServingListener['address'] {
    return this.listener.address
  }

  get connections(): number {
    return this.open.size
  }

  /** A session is over. */
  sessionEnded(): void {
    // A client in the middle of its handshake was accepted by us: nobody else will serve it.
    if (this.open.size === 0 && this.listener.unopened === 0) this.onEmpty?.()
  }

  /** A connection is closed, whether it became a session or not. */
  connectionClosed(): void {
    // The listener forgets it in the same event, after this.
    if (this.onEmpty !== undefined) setImmediate(() => this.sessionEnded())
  }

  stopAccepting(): void {
    this.listener.stopAccepting()
  }

  drain(deadlineMs: number): Promise<number> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const left = [...this.open]
        this.onEmpty = undefined
        for (const session of left) session.end()
        this.listener.closeUnopened()
        resolve(left.length)
      }, deadlineMs)
      this.onEmpty = () => {
        clearTimeout(timer)
        resolve(0)
      }
      this.sessionEnded()
    })
  }
}
