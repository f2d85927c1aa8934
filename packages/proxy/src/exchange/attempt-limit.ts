import { TransportError, type Timed } from '@sekisho/wire'
import type { Exchange } from './exchange.ts'
import { upstreamFailed } from './upstream-stage.ts'

/** How long one attempt may take until the head of its response (`session.limitAttempt`). Made only where there is such a limit. */
export class AttemptLimit implements Timed {
  deadline: number
  private readonly exchange: Exchange<unknown>
  private readonly ms: number

  constructor(exchange: Exchange<unknown>, ms: number) {
    this.exchange = exchange
    this.ms = ms
    const { deadlines } = exchange.runtime
    this.deadline = deadlines.now() + ms
    deadlines.add(this)
  }

  /** The attempt is over, or its response began. */
  end(): void {
    this.exchange.attemptLimit = undefined
    this.exchange.runtime.deadlines.remove(this)
  }

  onDeadline(): void {
    const { exchange } = this
    this.end()
    exchange.upstream?.discard()
    exchange.upstream = undefined
    // What a phase or the resolver promised meanwhile comes too late.
    exchange.course++
    const message = `${exchange.peer?.name} did not answer within the ${this.ms} ms of an attempt`
    upstreamFailed(exchange, new TransportError('READ_TIMEOUT', message))
  }
}
