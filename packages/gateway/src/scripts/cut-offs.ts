/** So often a function may be cut off before it rests. */
const BURST = 3
/** A function that is always cut off gets a twentieth of the worker. */
const SHARE = 20

/**
 * Keeps a function that runs into its bounds from taking the worker for itself: while it runs nothing else does. Each time that it is cut off takes one
 * of three tokens, one comes back in twenty times the time that it may run. Without a token it is not called.
 */
export class CutOffs {
  private readonly refillMs: number
  private readonly now: () => number
  private tokens = BURST
  private countedAt: number

  constructor(timeoutMs: number, now: () => number = () => performance.now()) {
    this.refillMs = timeoutMs * SHARE
    this.now = now
    this.countedAt = now()
  }

  get resting(): boolean {
    if (this.tokens === BURST) return false
    const now = this.now()
    const more = (now - this.countedAt) / this.refillMs
    this.tokens = Math.min(BURST, this.tokens + more)
    this.countedAt = now
    return this.tokens < 1
  }

  add(): void {
    if (this.tokens === BURST) this.countedAt = this.now()
    this.tokens = Math.max(0, this.tokens - 1)
  }
}
