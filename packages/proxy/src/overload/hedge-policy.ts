import { LatencyHistogram } from './latency-histogram.ts'

/** When a request is sent to another node as well. */
export interface HedgeOptions {
  /** Ms without a response's head; `p95` and the like: what so many percent of the responses took no longer than. */
  readonly after: number | { readonly percentile: number }
  /** Hedges of one request. */
  readonly max: number
  /** Hedges may be so many percent of the requests, and a burst of `BURST`. */
  readonly budgetPercent: number
}

/** Before so many responses were seen a percentile says nothing, and there is no hedge. */
const MIN_SAMPLES = 100
/** After so many, those of before count half. */
const WINDOW = 2_000
/** So many hedges may be saved up: when a node begins to stall, there are some for the first requests that it holds. */
const BURST = 10

/**
 * Decides for one upstream and thread when hedges are sent. When all of an upstream gets slow each request would be hedged, and its load
 * doubled in the worst moment: so they have a budget.
 */
export class HedgePolicy {
  readonly max: number
  readonly #options: HedgeOptions
  readonly #latencies: LatencyHistogram | undefined
  #tokens = BURST
  #delayMs: number

  constructor(options: HedgeOptions) {
    this.#options = options
    this.max = options.max
    const fixed = typeof options.after === 'number'
    this.#latencies = fixed ? undefined : new LatencyHistogram()
    this.#delayMs = fixed ? (options.after as number) : 0
  }

  /** A request is sent. @returns ms after which it may be hedged; 0: it may not */
  requestDelayMs(): number {
    this.#tokens = Math.min(BURST, this.#tokens + this.#options.budgetPercent / 100)
    return this.#delayMs
  }

  /** Takes one hedge out of the budget; false: there is none. */
  tryHedge(): boolean {
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** A response's head came after so long. */
  answered(ms: number): void {
    const latencies = this.#latencies
    if (latencies === undefined) return
    latencies.record(ms)
    const { count } = latencies
    // Quantiles are looked up now and then: they move slowly.
    if (count < MIN_SAMPLES || count % 64 !== 0) return
    this.#delayMs = latencies.quantile((this.#options.after as { percentile: number }).percentile / 100)
    if (count >= WINDOW) latencies.halve()
  }
}
