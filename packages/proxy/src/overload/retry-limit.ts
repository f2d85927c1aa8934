import { LOCAL_COUNTS, type BalancingCounts, type InFlightCount } from '../balancing/counts.ts'

/** How many retries an upstream may have in flight; what is left out does not limit. */
export interface RetryLimitOptions {
  readonly maxRetries?: number | undefined
  /** A share of the requests in flight, as Envoy's `retry_budget`. */
  readonly budget?: { readonly percent: number; readonly minConcurrency: number } | undefined
}

/** Why a retry was not made. */
export type RetryRefusal = 'max_retries' | 'retry_budget'

/**
 * Keeps retries from becoming the load: when all requests of an upstream fail, `retries: 2` would triple what it gets. Counts are exact
 * across those who share `counts`.
 */
export class RetryLimit {
  readonly #options: RetryLimitOptions
  readonly #retries: InFlightCount
  readonly #requests: InFlightCount

  constructor(options: RetryLimitOptions, counts: BalancingCounts = LOCAL_COUNTS) {
    this.#options = options
    this.#retries = counts.inFlight('\0retries')
    this.#requests = counts.inFlight('\0retryable')
  }

  /** Retries in flight. */
  get inFlight(): number {
    return this.#retries.value
  }

  /** A request goes to the upstream. Followed by one `finished`, when all of its attempts are over. */
  started(): void {
    this.#requests.started()
  }

  finished(): void {
    this.#requests.finished()
  }

  /** Takes a place for a retry, or says why there is none. Followed by one `retried`, when that attempt is over. */
  tryRetry(): RetryRefusal | undefined {
    const { maxRetries = Infinity, budget } = this.#options
    const share =
      budget === undefined
        ? Infinity
        : Math.max(budget.minConcurrency, Math.floor((this.#requests.value * budget.percent) / 100))
    if (this.#retries.tryStart(Math.min(maxRetries, share))) return undefined
    return share < maxRetries ? 'retry_budget' : 'max_retries'
  }

  retried(): void {
    this.#retries.finished()
  }
}
