import {
  EJECTED,
  HEALTH_WORDS,
  HEALTHY,
  HTTP_FAILURES,
  MOSTLY_HEALTHY,
  MOSTLY_UNHEALTHY,
  STATE,
  SUCCESSES,
  TCP_FAILURES,
  TIMEOUT_FAILURES,
  UNHEALTHY,
} from './health-words.ts'

/** The two in the middle are on their way: a node that is `mostly_healthy` is still used, one that is `mostly_unhealthy` is not yet. */
export type HealthStatus = 'healthy' | 'mostly_healthy' | 'mostly_unhealthy' | 'unhealthy'

/** How it went wrong: no connection (or a broken one), a status that says so, no answer in time. */
export type FailureKind = 'tcp_failure' | 'http_failure' | 'timeout_failure'

export interface HealthCounters {
  readonly success: number
  readonly tcp_failure: number
  readonly http_failure: number
  readonly timeout_failure: number
}

const STATUSES: readonly HealthStatus[] = ['healthy', 'mostly_healthy', 'mostly_unhealthy', 'unhealthy']

const WORD_OF: Readonly<Record<FailureKind, number>> = {
  tcp_failure: TCP_FAILURES,
  http_failure: HTTP_FAILURES,
  timeout_failure: TIMEOUT_FAILURES,
}

/**
 * The state of a node, by what was seen of it: so many failures of one kind in a row make it unhealthy, so many successes healthy again.
 *
 * ```
 *              failure                    failures of a kind = limit
 *   healthy ------------> mostly_healthy ---------------------------> unhealthy
 *      ^  ^ successes = limit  |                                       |  ^
 *      |  +--------------------+                        success        |  | failures = limit
 *      +------------------------ mostly_unhealthy <--------------------+--+
 *           successes = limit
 * ```
 *
 * As in APISIX: what a healthy node does well is not counted, nor what an unhealthy one does badly; a success sets all failures to 0, a
 * failure the successes alone. Any thread may report; counts are exact, and of several threads that see the last failure exactly one
 * is told that the node changed.
 */
export class NodeHealth {
  readonly words: Int32Array

  /** @param words of a HealthBoard, or left out: memory of its own */
  constructor(words: Int32Array = new Int32Array(HEALTH_WORDS)) {
    this.words = words
  }

  get status(): HealthStatus {
    return STATUSES[Atomics.load(this.words, STATE)] ?? 'healthy'
  }

  /** Whether checks take it out. */
  get down(): boolean {
    return isDown(Atomics.load(this.words, STATE))
  }

  /** Whether outlier detection takes it out. */
  get ejected(): boolean {
    return Atomics.load(this.words, EJECTED) === 1
  }

  /** Whether it may get requests. */
  get usable(): boolean {
    return !this.down && !this.ejected
  }

  get counters(): HealthCounters {
    const { words } = this
    return {
      success: Atomics.load(words, SUCCESSES),
      tcp_failure: Atomics.load(words, TCP_FAILURES),
      http_failure: Atomics.load(words, HTTP_FAILURES),
      timeout_failure: Atomics.load(words, TIMEOUT_FAILURES),
    }
  }

  /**
   * One success. Costs one read while all is well.
   * @param limit successes in a row that make it healthy; 0 = successes do not count
   * @returns true when this one brought the node back
   */
  success(limit: number): boolean {
    const { words } = this
    const state = Atomics.load(words, STATE)
    if (state === HEALTHY || limit === 0) return false
    for (const word of FAILURE_WORDS) if (Atomics.load(words, word) !== 0) Atomics.store(words, word, 0)
    if (Atomics.add(words, SUCCESSES, 1) + 1 < limit) {
      if (state === UNHEALTHY) Atomics.compareExchange(words, STATE, UNHEALTHY, MOSTLY_UNHEALTHY)
      return false
    }
    return isDown(Atomics.exchange(words, STATE, HEALTHY))
  }

  /**
   * One failure.
   * @param limit failures of this kind in a row that make it unhealthy; 0 = they do not count
   * @returns true when this one took the node out
   */
  failure(kind: FailureKind, limit: number): boolean {
    const { words } = this
    const state = Atomics.load(words, STATE)
    if (state === UNHEALTHY || limit === 0) return false
    if (Atomics.load(words, SUCCESSES) !== 0) Atomics.store(words, SUCCESSES, 0)
    if (Atomics.add(words, WORD_OF[kind], 1) + 1 < limit) {
      if (state === HEALTHY) Atomics.compareExchange(words, STATE, HEALTHY, MOSTLY_HEALTHY)
      return false
    }
    return !isDown(Atomics.exchange(words, STATE, UNHEALTHY))
  }

  /** As it was known elsewhere: by the process before this one. */
  restore(status: HealthStatus, counters: HealthCounters): void {
    const { words } = this
    Atomics.store(words, STATE, Math.max(HEALTHY, STATUSES.indexOf(status)))
    Atomics.store(words, SUCCESSES, counters.success)
    for (const kind of FAILURE_KINDS) Atomics.store(words, WORD_OF[kind], counters[kind])
  }

  /** Outlier detection has nothing against it any more. */
  returned(): void {
    Atomics.store(this.words, EJECTED, 0)
  }

  /** Nothing is known, which counts as healthy. */
  forget(): void {
    this.restore('healthy', { success: 0, tcp_failure: 0, http_failure: 0, timeout_failure: 0 })
  }
}

const isDown = (state: number): boolean => state === MOSTLY_UNHEALTHY || state === UNHEALTHY
const FAILURE_WORDS = [TCP_FAILURES, HTTP_FAILURES, TIMEOUT_FAILURES] as const
const FAILURE_KINDS = ['tcp_failure', 'http_failure', 'timeout_failure'] as const
