/** h2load counts bytes in powers of 1024. @type {Record<string, number>} */
const BYTES = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }

/**
 * What h2load prints of a run of some time. It knows no percentiles without writing a line for each request, which takes the core from the
 * upstream beside it: mean times say nothing that requests/s do not, in a closed loop.
 * @param {string} output
 * @returns {import('./load-result.js').LoadResult}
 */
export function parseH2load(output) {
  const [, time, unit, rate, bytes, byteUnit] = find(
    output,
    /finished in ([\d.]+)(us|ms|s|m|h), ([\d.]+) req\/s, ([\d.]+)([KMG]?B)\/s/,
  )
  const [, succeeded, failed, errored, timeout] = find(
    output,
    /(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/,
  )
  return {
    requests: Number(succeeded),
    seconds: Number(time) * (SECONDS[unit] ?? 1),
    requestsPerSecond: Number(rate),
    bytesPerSecond: Number(bytes) * BYTES[byteUnit],
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    // What failed counts what errored and timed out as well, in most versions.
    errors: Math.max(Number(failed), Number(errored) + Number(timeout)),
  }
}

/** @type {Record<string, number>} */
const SECONDS = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }

/**
 * @param {string} output
 * @param {RegExp} pattern
 */
function find(output, pattern) {
  const match = pattern.exec(output)
  if (match === null) throw new Error(`h2load did not print what ${pattern} looks for:\n${output}`)
  return match
}
