import type { Deadlines } from '../clock/deadlines.ts'

/**
 * Frames that cost the peer nothing and us something (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, frames for streams that are gone,
 * unknown types) are paid from an account. Useful frames fill it, and so does time; who overdraws it is flooding.
 */
export class FloodGuard {
  private tokens = MAX_TOKENS
  private resets = MAX_RESETS
  private filledAt: number
  private readonly deadlines: Deadlines

  constructor(deadlines: Deadlines) {
    this.deadlines = deadlines
    this.filledAt = deadlines.now()
  }

  /** A frame that does some work. */
  earn(tokens: number): void {
    if (this.tokens < MAX_TOKENS) this.tokens += tokens
  }

  /** A frame that does none. @returns whether that was one too many */
  spend(): boolean {
    if (--this.tokens >= 0) return false
    this.refill()
    return this.tokens < 0
  }

  /** A request was taken back before it was answered (rapid reset, CVE-2023-44487). @returns whether that was one too many */
  spendReset(): boolean {
    if (--this.resets >= 0) return false
    this.refill()
    return this.resets < 0
  }

  private refill(): void {
    const now = this.deadlines.now()
    const seconds = (now - this.filledAt) / 1_000
    this.filledAt = now
    this.tokens = Math.min(MAX_TOKENS, this.tokens + seconds * TOKENS_PER_SECOND)
    this.resets = Math.min(MAX_RESETS, this.resets + seconds * RESETS_PER_SECOND)
  }
}

/** A client that acknowledges every small frame of a long download sends less than one frame of these for each DATA frame, which pays four. */
const MAX_TOKENS = 2_000
const TOKENS_PER_SECOND = 200
/** A gRPC client whose deadline passes takes back all its calls at once: a thousand may go, and then a hundred a second. */
const MAX_RESETS = 1_000
const RESETS_PER_SECOND = 100
