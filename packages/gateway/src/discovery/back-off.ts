const BASE_MS = 500
const CAP_MS = 30_000

/**
 * Waits between attempts that fail: full jitter, which spreads the nodes of a fleet whose registry came back. The wait is drawn between half of
 * and the whole of 0.5 s, 1 s, 2 s … 30 s, so that no draw is an attempt at once.
 */
export class BackOff {
  private failures = 0
  private readonly random: () => number

  constructor(random: () => number = Math.random) {
    this.random = random
  }

  /** Milliseconds until the next attempt, after one that failed. */
  next(): number {
    const limit = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(this.failures++, 16))
    return limit / 2 + (this.random() * limit) / 2
  }

  reset(): void {
    this.failures = 0
  }
}

/** A time with up to a tenth taken off, so that what began together does not stay together. */
export const jittered = (ms: number, random: () => number = Math.random): number => ms * (1 - random() / 10)
