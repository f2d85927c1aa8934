import { Deadlines, type Clock } from '@sekisho/wire'

/** Time that passes when a test says so. */
export class FakeClock implements Clock {
  /** Deadlines on this clock, without a timer of their own. */
  readonly deadlines: Deadlines = new Deadlines(this, 0)
  private time = 1_000

  now(): number {
    return this.time
  }

  /** Time passes, and whoever is late by then is told. */
  pass(ms: number): void {
    this.time += ms
    this.deadlines.sweep()
  }
}
