import { monotonicClock, type Clock } from './clock.ts'

/** Something that may take too long. `deadline` is on the clock's scale, in ms; 0 = it may take for ever. */
export interface Timed {
  deadline: number
  /** Called once when `deadline` has passed; it is 0 again by then. `now`: on the same scale. */
  onDeadline(now: number): void
  /** Time in which nobody could act is not to count: whoever keeps more times than `deadline` moves them, too. */
  onStall?(ms: number): void
}

/**
 * Time limits for many connections at the price of one timer. A timer each (even Node's cheap ones) costs every request two
 * list operations; here setting a limit is one assignment, and a sweep looks at all of them: 10,000 connections take about 50 µs
 * every 50 ms, a tenth of a percent of a core. Limits are therefore kept to within the interval, always late and never early.
 */
export class Deadlines {
  readonly #members = new Set<Timed>()
  readonly #clock: Clock
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined
  #nearly = 0

  /** @param intervalMs 0 = no timer of its own, `sweep` is called by hand (tests) */
  constructor(clock: Clock = monotonicClock, intervalMs = 50) {
    this.#clock = clock
    this.#intervalMs = intervalMs
  }

  /**
   * The time to count a limit from. While the timer runs it is that of the last sweep plus one interval, which is never before the real
   * time: asking the clock for each of the five limits of a request took 2% of the time of a small one.
   */
  now(): number {
    return this.#timer === undefined ? this.#clock.now() : this.#nearly
  }

  get size(): number {
    return this.#members.size
  }

  add(member: Timed): void {
    this.#members.add(member)
    if (this.#timer === undefined && this.#intervalMs > 0) {
      this.#nearly = this.#clock.now() + this.#intervalMs
      this.#timer = setInterval(() => this.sweep(), this.#intervalMs)
      this.#timer.unref()
    }
  }

  remove(member: Timed): void {
    this.#members.delete(member)
    if (this.#members.size === 0 && this.#timer !== undefined) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  sweep(): void {
    const now = this.#clock.now()
    // The loop stood still: bytes that came meanwhile have not been read, and limits were counted from a time long past. Nobody's time
    // has run.
    const stall = this.#timer === undefined ? 0 : Math.max(0, now - this.#nearly)
    this.#nearly = now + this.#intervalMs
    let failure: unknown
    for (const member of this.#members) {
      if (member.deadline === 0) continue
      if (stall > 0) {
        member.deadline += stall
        member.onStall?.(stall)
      }
      if (member.deadline > now) continue
      member.deadline = 0
      try {
        member.onDeadline(now)
      } catch (error) {
        // One that fails must not keep the others from their limits.
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
  }
}
