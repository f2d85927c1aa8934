/** 2^7 steps between a power of two and the next: a value is off by less than 1 in 128, 0.8 %. */
const STEP_BITS = 7
const STEPS = 1 << STEP_BITS

/** Values reach 2^31 - 1 microseconds, 35 minutes: 24 powers of two above the first 256 values. */
const BUCKETS = (31 - STEP_BITS + 1) << STEP_BITS
const LARGEST = 2 ** 31 - 1

/**
 * Counts of whole microseconds in buckets that grow with the value, as HdrHistogram does:
 *
 *     value    0 .. 127 | 128 .. 255 | 256, 258 .. 510 | 512, 516 .. 1020 | ...
 *     bucket   one each | one each   | one for two     | one for four     | ...
 *
 * Recording costs one array access, so it can be done per request; 3,200 cells of 4 bytes take 12.5 KiB.
 */
export class Histogram {
  #counts = new Uint32Array(BUCKETS)
  #total = 0
  #sum = 0
  #largest = 0

  /** @param {number} micros negative counts as 0 */
  record(micros) {
    const value = micros <= 0 ? 0 : micros >= LARGEST ? LARGEST : Math.round(micros)
    this.#counts[bucketOf(value)]++
    this.#total++
    this.#sum += value
    if (value > this.#largest) this.#largest = value
  }

  get count() {
    return this.#total
  }

  get max() {
    return this.#largest
  }

  get mean() {
    return this.#total === 0 ? 0 : this.#sum / this.#total
  }

  /**
   * The smallest value that at least this part of all values does not exceed, rounded up to its bucket's end.
   * @param {number} part 0.99 is the 99th percentile
   */
  percentile(part) {
    const wanted = Math.max(1, Math.ceil(part * this.#total))
    let seen = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]
      if (seen >= wanted) return Math.min(lastOf(bucket), this.#largest)
    }
    return this.#largest
  }
}

/** @param {number} value */
function bucketOf(value) {
  if (value < STEPS) return value
  const shift = 31 - Math.clz32(value) - STEP_BITS
  return (shift << STEP_BITS) + (value >>> shift)
}

/** @param {number} bucket */
function lastOf(bucket) {
  if (bucket < STEPS * 2) return bucket
  const shift = (bucket >>> STEP_BITS) - 1
  return (bucket - (shift << STEP_BITS) + 1) * 2 ** shift - 1
}
