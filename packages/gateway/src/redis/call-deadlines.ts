import type { RedisCall } from './redis-link.ts'

/** A call that was sent. */
export interface Deadline {
  readonly call: RedisCall
  readonly part: string
  readonly atMs: number
  isOver: boolean
}

/**
 * The time limit of calls: one timer for all of them, as they all have the same limit and so end in the order in which they were sent.
 */
export class CallDeadlines {
  /** Calls that wait for an answer. */
  size = 0

  private readonly limitMs: number
  private readonly expire: (call: RedisCall, part: string) => void
  private readonly deadlines: Deadline[] = []
  /** The first that is not over; those before it are only not removed yet. */
  private first = 0
  private timer: NodeJS.Timeout | undefined

  constructor(limitMs: number, expire: (call: RedisCall, part: string) => void) {
    this.limitMs = limitMs
    this.expire = expire
  }

  start(call: RedisCall, part: string, nowMs: number): Deadline {
    const deadline = { call, part, atMs: nowMs + this.limitMs, isOver: false }
    this.deadlines.push(deadline)
    this.size++
    if (this.timer === undefined) this.arm(this.limitMs)
    return deadline
  }

  /** The call was answered. false: too late. */
  end(deadline: Deadline): boolean {
    if (deadline.isOver) return false
    deadline.isOver = true
    this.size--
    this.skip()
    return true
  }

  /** All calls that wait, or those of one part, which are over now. */
  endAll(part?: string): RedisCall[] {
    const calls: RedisCall[] = []
    for (const deadline of this.deadlines.slice(this.first)) {
      if (deadline.isOver || (part !== undefined && deadline.part !== part)) continue
      deadline.isOver = true
      calls.push(deadline.call)
    }
    this.size -= calls.length
    this.skip()
    return calls
  }

  private skip(): void {
    const { deadlines } = this
    while (this.first < deadlines.length && deadlines[this.first].isOver) this.first++
    if (this.first === deadlines.length) {
      deadlines.length = 0
      this.first = 0
    } else if (this.first >= 1_024) {
      deadlines.splice(0, this.first)
      this.first = 0
    }
  }

  private arm(afterMs: number): void {
    this.timer = setTimeout(this.check, afterMs).unref()
  }

  private readonly check = (): void => {
    this.timer = undefined
    const nowMs = performance.now()
    while (this.first < this.deadlines.length) {
      const deadline = this.deadlines[this.first]
      // A timer may come a little early.
      if (deadline.atMs > nowMs + 1) break
      this.end(deadline)
      this.expire(deadline.call, deadline.part)
    }
    const next = this.deadlines[this.first]
    if (next !== undefined) this.arm(Math.max(1, next.atMs - nowMs))
  }
}
