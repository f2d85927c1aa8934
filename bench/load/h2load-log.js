/**
 * @typedef {object} RatedResult
 * @property {number} answeredPerSecond
 * @property {number} p50Micros
 * @property {number} p99Micros
 * @property {number} p999Micros
 * @property {number} maxMicros
 * @property {number} lateP99Micros
 * @property {number} failed answers with another status than 200
 */

/**
 * Reads h2load's `--log-file`: lines of `start in µs TAB status TAB µs until the end of the response`.
 * @param {string} text
 * @param {number} seconds how long it measured
 * @returns {RatedResult}
 */
export function parseH2loadLog(text, seconds) {
  /** @type {number[]} */
  const times = []
  let failed = 0
  for (const line of text.split('\n')) {
    const [, status, micros] = line.split('\t')
    if (micros === undefined) continue
    if (status === '200') times.push(Number(micros))
    else failed++
  }
  const sorted = Float64Array.from(times).sort()
  const at = (/** @type {number} */ part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  return {
    answeredPerSecond: Math.round(times.length / seconds),
    p50Micros: at(0.5),
    p99Micros: at(0.99),
    p999Micros: at(0.999),
    maxMicros: at(1),
    // It counts from when a request was sent, so it cannot say how late that was.
    lateP99Micros: 0,
    failed,
  }
}
