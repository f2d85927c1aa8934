/** Buckets to the octave: neighbours differ by 4.4%. */
const STEPS = 16
/** The first bucket ends here, the last one takes all from 2^25 times as much on: 10 µs to 335 s. */
const FIRST_MS = 0.01
const BUCKETS = 25 * STEPS

/** Counts latencies by size, so that quantiles cost no list of all of them. Memory is fixed: 1.6 KB. */
export class LatencyHistogram {
  count = 0
  readonly #buckets = new Uint32Array(BUCKETS)

  record(ms: number): void {
    this.count++
    this.#buckets[bucketOf(ms)]++
  }

  /** The upper end of the bucket in which the quantile (0 to 1) lies; 0 when nothing was recorded. */
  quantile(quantile: number): number {
    if (this.count === 0) return 0
    let left = Math.max(1, Math.ceil(this.count * quantile))
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#buckets[bucket]
      if (left <= 0) return FIRST_MS * 2 ** (bucket / STEPS)
    }
    return FIRST_MS * 2 ** ((BUCKETS - 1) / STEPS)
  }

  /** What was recorded so far counts half. */
  halve(): void {
    this.count = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.count += this.#buckets[bucket] >>>= 1
  }

  clear(): void {
    this.count = 0
    this.#buckets.fill(0)
  }
}

function bucketOf(ms: number): number {
  if (!(ms > FIRST_MS)) return 0
  return Math.min(BUCKETS - 1, Math.ceil(Math.log2(ms / FIRST_MS) * STEPS))
}
