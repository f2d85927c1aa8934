import { LatencyHistogram } from './latency-histogram.ts'

/** Settings of a limit that adapts; the names are those of Envoy's gradient controller. */
export interface GradientOptions {
  /** Percentile of a window's latencies that stands for the window. */
  readonly percentile: number
  readonly maxConcurrency: number
  /** The limit is never below, and is this while the least latency is measured. */
  readonly minConcurrency: number
  /** How often the limit is settled. */
  readonly updateIntervalMs: number
  /** How often the least latency is measured anew. */
  readonly minRttIntervalMs: number
  /** By how many responses. */
  readonly minRttRequests: number
  /** The interval is longer by up to so many percent of itself, so that gateways do not all measure at the same time. */
  readonly jitterPercent: number
  /** So many percent above the least latency are taken as noise. */
  readonly bufferPercent: number
}

export const DEFAULT_GRADIENT: GradientOptions = {
  percentile: 50,
  maxConcurrency: 1_000,
  minConcurrency: 3,
  updateIntervalMs: 100,
  minRttIntervalMs: 60_000,
  minRttRequests: 50,
  jitterPercent: 15,
  bufferPercent: 25,
}

/** The limit while nothing is known. */
const INITIAL = 20
/** A first measurement under load is doubtful: the next one follows soon. */
const SECOND_LOOK_MS = 5_000
/** A window that saw fewer responses goes on. */
const MIN_SAMPLES = 5
/** What the upstream was seen to do in a second counts for so many seconds. */
const RATE_SECONDS = 10
/** One window changes the limit by these factors at most. */
const MIN_GRADIENT = 0.5
const MAX_GRADIENT = 2

/**
 * How many requests an upstream is given at a time, found out from its latencies: as long as it answers about as fast as when it is idle it
 * gets more, as soon as requests queue up in it, less.
 *
 *     gradient = least latency x (1 + buffer) / latency now
 *     limit    = gradient x limit + sqrt(gradient x limit)
 *
 * The root is the queue that an upstream may have: without it no limit would ever grow. The least latency gets out of date (another version
 * is rolled out, data grows), so it is measured again in intervals. Where the upstream has little to do that costs nothing: what is
 * measured then is the least latency. Else the limit falls to its minimum until enough responses came. Envoy and Netflix's
 * concurrency-limits do likewise.
 *
 * Latency alone cannot tell a queue in the upstream from a node that has become slower for another reason, a busy neighbour say: then the limit
 * would fall to its minimum, latency would stay, and the upstream would have nothing to do. So the limit is never below what the upstream
 * was seen to finish in a second of the last ten, times the least latency (Little's law; BBR calls it the bandwidth-delay product).
 */
export class GradientLimit {
  readonly #options: GradientOptions
  readonly #random: () => number
  readonly #window = new LatencyHistogram()
  #limit: number
  /** Ms; 0 = not known. */
  #minRtt = 0
  #windowEnd = 0
  #measureAt = 0
  /** The limit that holds again after a measurement; 0 = none is going on. */
  #saved = 0
  /** The first is the least latency as far as one can tell; requests of before the fall of the limit do not count into the others. */
  #measuredFrom = -Infinity
  #peak = 0
  /** Responses in the seconds of before, and in this one. */
  readonly #rates: number[] = []
  #second = 0
  #inSecond = 0

  constructor(options: Partial<GradientOptions> = {}, random: () => number = Math.random) {
    this.#options = { ...DEFAULT_GRADIENT, ...options }
    this.#random = random
    const { minConcurrency, maxConcurrency } = this.#options
    this.#limit = Math.min(maxConcurrency, Math.max(minConcurrency, INITIAL))
  }

  /** Requests that may be in flight. */
  get limit(): number {
    return this.#saved > 0 ? this.#options.minConcurrency : Math.floor(this.#limit)
  }

  get minRttMs(): number {
    return this.#minRtt
  }

  get measuring(): boolean {
    return this.#saved > 0
  }

  /**
   * A response's head came.
   *
   * @param latencyMs since its request was sent
   * @param inFlight requests in flight, this one included
   * @param now any clock, ms
   */
  sample(latencyMs: number, inFlight: number, now: number): void {
    this.#countRate(now)
    if (now - latencyMs < this.#measuredFrom) return
    this.#window.record(latencyMs)
    if (inFlight > this.#peak) this.#peak = inFlight
    if (this.#minRtt === 0) this.#first(now)
    else if (this.#saved > 0) this.#measured(now)
    else if (now >= this.#windowEnd && this.#window.count >= MIN_SAMPLES) this.#settle(now)
  }

  #first(now: number): void {
    if (this.#window.count < this.#options.minRttRequests) return
    const idle = this.#peak * 2 <= this.#limit
    this.#takeMinRtt(now)
    if (!idle) this.#measureAt = Math.min(this.#measureAt, now + SECOND_LOOK_MS)
  }

  #measured(now: number): void {
    if (this.#window.count < this.#options.minRttRequests) return
    this.#limit = this.#saved
    this.#saved = 0
    this.#takeMinRtt(now)
  }

  #takeMinRtt(now: number): void {
    const { minRttIntervalMs, jitterPercent } = this.#options
    this.#minRtt = this.#quantile()
    this.#measureAt = now + minRttIntervalMs * (1 + (this.#random() * jitterPercent) / 100)
    this.#nextWindow(now)
  }

  #settle(now: number): void {
    const { bufferPercent, minConcurrency, maxConcurrency } = this.#options
    const latency = this.#quantile()
    // Faster than ever is no noise.
    if (latency < this.#minRtt) this.#minRtt = latency
    const busy = this.#peak * 2 > this.#limit
    if (now >= this.#measureAt) {
      if (busy) {
        this.#saved = this.#limit
        this.#measuredFrom = now
        this.#nextWindow(now)
      } else this.#takeMinRtt(now)
      return
    }
    const gradient = Math.min(
      MAX_GRADIENT,
      Math.max(MIN_GRADIENT, (this.#minRtt * (1 + bufferPercent / 100)) / latency),
    )
    const wanted = gradient * this.#limit + Math.sqrt(gradient * this.#limit)
    const next = Math.max(wanted, Math.min(this.#limit, this.#product * (1 + bufferPercent / 100)))
    // What nobody asks for says nothing about what could be had.
    if (next < this.#limit || busy) this.#limit = Math.min(maxConcurrency, Math.max(minConcurrency, next))
    this.#nextWindow(now)
  }

  /** Requests that must be in flight for the upstream to do what it did. */
  get #product(): number {
    return (Math.max(0, ...this.#rates) * this.#minRtt) / 1_000
  }

  #countRate(now: number): void {
    const elapsed = now - this.#second
    this.#inSecond++
    if (elapsed < 1_000) return
    // After a pause nothing is known of its seconds.
    if (elapsed < 2_000) this.#rates.push((this.#inSecond * 1_000) / elapsed)
    if (this.#rates.length > RATE_SECONDS) this.#rates.shift()
    this.#second = now
    this.#inSecond = 0
  }

  #quantile(): number {
    return this.#window.quantile(this.#options.percentile / 100)
  }

  #nextWindow(now: number): void {
    this.#window.clear()
    this.#peak = 0
    this.#windowEnd = now + this.#options.updateIntervalMs
  }
}
