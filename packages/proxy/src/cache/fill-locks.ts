/** What became of a request that others waited for. */
export type FillOutcome = 'stored' | 'not-stored' | 'failed'

interface Waiter {
  readonly resolve: (outcome: FillOutcome | 'timeout') => void
  readonly timer: NodeJS.Timeout
}

interface Fill {
  readonly waiters: Waiter[]
}

/** So many may wait for one request; others do not wait. */
const MAX_WAITERS = 4_096
/** Resources that turned out not to be storable are not waited for any more: so many are remembered, for so long. */
const MAX_PASSES = 8_192
const PASS_MS = 10_000

/**
 * Concurrent misses of one resource become one request (in each worker): the others wait until its response is stored, or known not to be storable.
 */
export class FillLocks {
  private readonly fills = new Map<string, Fill>()
  private readonly passes = new Map<string, number>()

  /** Requests that wait at present. */
  waiting = 0

  /**
   * @returns true: the caller is to fetch it, and calls `release`; false: it is to be fetched without a lock; a promise: somebody else fetches it.
   */
  acquire(key: string, timeoutMs: number, now: number): boolean | Promise<FillOutcome | 'timeout'> {
    const until = this.passes.get(key)
    if (until !== undefined) {
      if (until > now && until <= now + PASS_MS) return false
      this.passes.delete(key)
    }
    const fill = this.fills.get(key)
    if (fill === undefined) {
      this.fills.set(key, { waiters: [] })
      return true
    }
    if (timeoutMs <= 0 || fill.waiters.length >= MAX_WAITERS) return false
    this.waiting++
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const at = fill.waiters.findIndex((one) => one.timer === timer)
        if (at < 0) return
        fill.waiters.splice(at, 1)
        this.waiting--
        resolve('timeout')
      }, timeoutMs)
      fill.waiters.push({ resolve, timer })
    })
  }

  /** Somebody fetches it at present. */
  isHeld(key: string): boolean {
    return this.fills.has(key)
  }

  release(key: string, outcome: FillOutcome, now: number): void {
    const fill = this.fills.get(key)
    if (fill === undefined) return
    this.fills.delete(key)
    if (outcome === 'not-stored') this.pass(key, now)
    this.waiting -= fill.waiters.length
    for (const { resolve, timer } of fill.waiters) {
      clearTimeout(timer)
      resolve(outcome)
    }
  }

  private pass(key: string, now: number): void {
    if (this.passes.size >= MAX_PASSES) {
      const [oldest] = this.passes.keys()
      this.passes.delete(oldest)
    }
    this.passes.set(key, now + PASS_MS)
  }
}
