import type { DocumentKey } from '../backend/backend.ts'

/** `setTimeout` takes 24.8 days at most, and a clock that was set is noticed after this time. */
const MAX_SLEEP_MS = 60_000

export interface ExpiryClock {
  readonly now: () => number
  /** Runs `action` after `ms`; the returned function ends that. */
  readonly after: (ms: number, action: () => void) => () => void
}

export const SYSTEM_CLOCK: ExpiryClock = {
  now: () => Date.now(),
  after: (ms, action) => {
    const timer = setTimeout(action, ms).unref()
    return () => clearTimeout(timer)
  },
}

/** Which documents have a time to live, and one timer for the next that is over. */
export class ExpiryTimer {
  readonly #clock: ExpiryClock
  readonly #expire: (keys: readonly DocumentKey[]) => void
  readonly #times = new Map<DocumentKey, number>()
  #next = Infinity
  #stopTimer: (() => void) | undefined
  #stopped = false

  constructor(clock: ExpiryClock, expire: (keys: readonly DocumentKey[]) => void) {
    this.#clock = clock
    this.#expire = expire
  }

  /** @param at milliseconds since 1970; 0: the document stays, or is gone */
  set(key: DocumentKey, at: number): void {
    if (at === 0) {
      // The timer stays: it finds nothing and looks for the next.
      this.#times.delete(key)
      return
    }
    this.#times.set(key, at)
    if (at < this.#next) this.#arm(at)
  }

  stop(): void {
    this.#stopped = true
    this.#stopTimer?.()
    this.#times.clear()
  }

  #arm(at: number): void {
    if (this.#stopped) return
    this.#next = at
    this.#stopTimer?.()
    const ms = Math.min(Math.max(at - this.#clock.now(), 0), MAX_SLEEP_MS)
    this.#stopTimer = this.#clock.after(ms, () => this.#wake())
  }

  #wake(): void {
    const now = this.#clock.now()
    const due: DocumentKey[] = []
    let next = Infinity
    for (const [key, at] of this.#times) {
      if (at <= now) due.push(key)
      else if (at < next) next = at
    }
    this.#next = Infinity
    // Whoever deletes them says so by `set(key, 0)`; one that could not be deleted is tried again.
    if (due.length > 0) this.#arm(Math.min(next, now + RETRY_MS))
    else if (next < Infinity) this.#arm(next)
    if (due.length > 0) this.#expire(due)
  }
}

const RETRY_MS = 1_000
