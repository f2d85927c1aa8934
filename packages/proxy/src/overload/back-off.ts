/** How long a retry waits. */
export interface BackOffOptions {
  /** The first retry waits for at most so long; each further one at most twice as long as the one before. */
  readonly baseMs: number
  /** None waits for longer. */
  readonly maxMs: number
}

/**
 * Exponential back-off with full jitter: any time from 0 to the bound is as likely. Retries of many requests that failed in one moment are
 * spread over all of the time, where a fixed wait would bring them back together.
 */
export class BackOff {
  readonly #options: BackOffOptions
  readonly #random: () => number

  constructor(options: BackOffOptions, random: () => number = Math.random) {
    this.#options = options
    this.#random = random
  }

  /** @param failures attempts that failed, from 1 */
  delayMs(failures: number): number {
    const { baseMs, maxMs } = this.#options
    return this.#random() * Math.min(maxMs, baseMs * 2 ** (failures - 1))
  }
}
