/** What died after living this long was healthy; its next restart is immediate again. */
export const STABLE_MS = 1000
/** The pause before the second restart in a row; each further one doubles it. */
export const BASE_DELAY_MS = 100
/** The longest pause. 100 ms doubled six times is 6.4 s, so the seventh restart in a row is the first to be held to it. */
export const MAX_DELAY_MS = 5000

/**
 * How long to wait before something that died is started again. The first restart is immediate, because one crash is
 * usually one bad request; only what dies again within `STABLE_MS` is slowed down, because it would otherwise burn a core.
 */
export class Backoff {
  #failures = 0

  /** `uptimeMs`: how long the last one served; 0 when it never came to serve. Returns milliseconds, 0 for at once. */
  next(uptimeMs: number): number {
    if (uptimeMs >= STABLE_MS) this.#failures = 0
    const delayMs = this.#failures === 0 ? 0 : Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** (this.#failures - 1))
    // Held at 30 so that 2 ** n stays a small integer however long something keeps failing.
    this.#failures = Math.min(this.#failures + 1, 30)
    return delayMs
  }
}
