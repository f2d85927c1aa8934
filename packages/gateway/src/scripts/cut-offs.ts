/** So often a function may be cut off before it rests. */
const BURST = 3
/** Then it gets a twentieth of the worker, and half as much each time that it is cut off again without having done its work in between. */
const SHARE = 20
const MAX_REST_MS = 60_000

/**
 * Keeps a function that runs into its bounds from taking the worker for itself: while it runs nothing else does. Each time that it is cut off takes one
 * of three tokens, and one comes back in twenty times the time that it may run, or more. Without a token it is not called.
 */
export class CutOffs {
  private readonly shortestRestMs: number
  private readonly now: () => number
  private restMs: number
  private tokens = BURST
  private countedAt = 0

  /** @param now milliseconds, on a clock that is not set */
  constructor(timeoutMs: number, now: () => number = () => performance.now()) {
    this.shortestRestMs = Math.min(MAX_REST_MS, timeoutMs * SHARE)
    this.restMs = this.shortestRestMs
    this.now = now
  }

  get resting(): boolean {
    if (this.tokens >= 1) return false
    this.refill()
    return this.tokens < 1
  }

  /** It was cut off. */
  add(): void {
    this.refill()
    if (this.tokens < BURST - 1) this.restMs = Math.min(MAX_REST_MS, this.restMs * 2)
    this.tokens = Math.max(0, this.tokens - 1)
  }

  /** It did its work. */
  succeeded(): void {
    this.restMs = this.shortestRestMs
  }

  private refill(): void {
    const now = this.now()
    this.tokens = Math.min(BURST, this.tokens + (now - this.countedAt) / this.restMs)
    this.countedAt = now
  }
}
