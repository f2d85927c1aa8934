/** How often it is looked, ms: often enough to have some looks in an interval of the shedder, seldom enough to cost nothing. */
const LOOK_MS = 2

/**
 * Tells how late the event loop of this thread is: what a request waits, once its bytes have come, until somebody reads them. A timer that
 * is due is called once the loop has been through all that was ready before.
 */
export class LoopDelay {
  readonly #timer: NodeJS.Timeout
  #expected: number

  constructor(onDelay: (delayMs: number, now: number) => void, now: () => number = () => performance.now()) {
    this.#expected = now() + LOOK_MS
    this.#timer = setInterval(() => {
      const at = now()
      // Timers are late by up to a millisecond of their own.
      const delay = Math.max(0, at - this.#expected - 1)
      this.#expected = at + LOOK_MS
      onDelay(delay, at)
    }, LOOK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
