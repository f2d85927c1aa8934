import type { Timed } from '@sekisho/wire'
import { formatGrpcTimeout } from '../grpc/timeout.ts'
import { ProxyError } from '../proxy-error.ts'
import type { Exchange } from './exchange.ts'
import { fail } from './finish.ts'

/** How long a whole exchange may take, retries included (`session.limitTime`, and the `grpc-timeout` of a call). Made only where there is a limit. */
export class TimeLimit implements Timed {
  /** On the clock of the thread's Deadlines. */
  deadline: number
  private readonly exchange: Exchange<unknown>

  constructor(exchange: Exchange<unknown>, ms: number) {
    this.exchange = exchange
    this.deadline = exchange.runtime.deadlines.now() + ms
    exchange.runtime.deadlines.add(this)
  }

  get remainingMs(): number {
    return this.deadline - this.exchange.runtime.deadlines.now()
  }

  /** The smaller limit counts. */
  limit(ms: number): void {
    this.deadline = Math.min(this.deadline, this.exchange.runtime.deadlines.now() + ms)
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

/** What of the client's time is left is what the upstream has. */
export function countDown(limit: TimeLimit, headers: Exchange<unknown>['request']['headers']): void {
  headers.set('grpc-timeout', formatGrpcTimeout(limit.remainingMs))
}
