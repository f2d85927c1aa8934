import type { Headers, Timed } from '@sekisho/wire'
import { formatGrpcTimeout } from '../grpc/timeout.ts'
import { ProxyError } from '../proxy-error.ts'
import type { Exchange } from './exchange.ts'
import { fail } from './finish.ts'

/** How long a whole exchange may take, retries included (`session.limitTime`, and the `grpc-timeout` of a call). Made only where there is a limit. */
export class TimeLimit implements Timed {
  /** On the clock of the thread's Deadlines, which is late by some 50 ms. */
  deadline: number
  /** On that of `performance.now()`: what an upstream is told must be right to the millisecond. */
  private endsAt: number
  private readonly exchange: Exchange<unknown>

  constructor(exchange: Exchange<unknown>, ms: number) {
    this.exchange = exchange
    this.endsAt = performance.now() + ms
    this.deadline = exchange.runtime.deadlines.now() + ms
    exchange.runtime.deadlines.add(this)
  }

  /** The smaller limit counts. */
  limit(ms: number): void {
    this.endsAt = Math.min(this.endsAt, performance.now() + ms)
    this.deadline = Math.min(this.deadline, this.exchange.runtime.deadlines.now() + ms)
  }

  /** What of the time is left, ms. */
  remainingAt(now: number): number {
    return this.endsAt - now
  }

  onDeadline(): void {
    const { exchange } = this
    const error = new ProxyError(
      'DEADLINE_EXCEEDED',
      'upstream',
      504,
      'the request was not answered within its time limit',
    )
    exchange.body?.fail(error)
    fail(exchange, error)
  }
}

/**
 * What of the client's time is left is what the upstream has: the gateway's own and that of earlier attempts is taken off.
 *
 * @returns false when none is left, and the exchange over
 */
export function countDown(limit: TimeLimit, headers: Headers, now: number): boolean {
  const leftMs = limit.remainingAt(now)
  if (leftMs <= 0) {
    limit.onDeadline()
    return false
  }
  headers.set('grpc-timeout', formatGrpcTimeout(leftMs))
  return true
}
