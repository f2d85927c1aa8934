/** A line a second tells as much of a node that is down as ten thousand do. */
const INTERVAL_MS = 1_000
/** Kinds of lines that are counted at a time; beyond it all are counted anew. */
const MAX_KINDS = 1_000

/**
 * Lets one line of a kind through in a second: a node that is down is met by every request, a limit that is reached by every connection, and each
 * says the same.
 */
export class LogThrottle {
  private readonly nextMs = new Map<string, number>()
  private readonly now: () => number

  /** @param now milliseconds, on a clock that is not set */
  constructor(now: () => number = () => performance.now()) {
    this.now = now
  }

  /** Whether a line of this kind is to be left out. */
  holds(kind: string): boolean {
    const now = this.now()
    const next = this.nextMs.get(kind)
    if (next !== undefined && now < next) return true
    if (this.nextMs.size >= MAX_KINDS) this.nextMs.clear()
    this.nextMs.set(kind, now + INTERVAL_MS)
    return false
  }
}
