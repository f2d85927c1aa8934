/** How a node that joins or comes back gets its share. */
export interface SlowStartOptions {
  /** Until it gets all of it. */
  readonly windowMs: number
  /** 1 (the default): the share grows evenly. 2: as the square root of the time, faster at first; 0.5: as its square. */
  readonly aggression?: number | undefined
  /** Of its weight, which it gets from the start on. Default 10. */
  readonly minWeightPercent?: number | undefined
}

/**
 * One node's slow start: a cold cache, an empty pool or code that was not compiled yet would be overrun by the whole share at once. The
 * formula is Envoy's: `max(min_weight_percent, (elapsed / window) ^ (1 / aggression))`.
 */
export class Ramp {
  private readonly options: SlowStartOptions
  private readonly startedAtMs: number
  private readonly now: () => number
  private readonly over: () => void
  /** Parts of picks that it did not get: the next whole one is its own. */
  private credit = 0

  /** @param over called once, when the window is over */
  constructor(options: SlowStartOptions, startedAtMs: number, now: () => number, over: () => void) {
    this.options = options
    this.startedAtMs = startedAtMs
    this.now = now
    this.over = over
  }

  /** Of its weight, above 0 up to 1. */
  get share(): number {
    const { windowMs, aggression = 1, minWeightPercent = 10 } = this.options
    const elapsed = (this.now() - this.startedAtMs) / windowMs
    if (elapsed >= 1) {
      this.over()
      return 1
    }
    return Math.max(minWeightPercent / 100, Math.max(0, elapsed) ** (1 / aggression))
  }

  /** Whether it takes the pick that was its own. Of many it takes exactly its share, evenly spread. */
  takes(): boolean {
    this.credit += this.share
    if (this.credit < 1) return false
    this.credit -= 1
    return true
  }
}
