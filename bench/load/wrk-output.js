/** @type {Record<string, number>} */
const MILLISECONDS = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** wrk counts bytes in powers of 1024 and requests in powers of 1000. @type {Record<string, number>} */
const BYTES = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 }

/**
 * What `wrk --latency` prints.
 * @param {string} output
 * @returns {import('./load-result.js').LoadResult} errors: of sockets, and answers outside 200 to 399
 */
export function parseWrk(output) {
  const [, requests, duration] = find(output, /(\d+) requests in ([\d.]+\w+),/)
  const [, transfer, transferUnit] = find(output, /Transfer\/sec:\s+([\d.]+)([KMGT]?B)/)
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(output)
  const seconds = toMilliseconds(duration) / 1000
  return {
    requests: Number(requests),
    seconds,
    requestsPerSecond: Number(requests) / seconds,
    bytesPerSecond: Number(transfer) * BYTES[transferUnit],
    p50Ms: toMilliseconds(find(output, /^\s+50%\s+(\S+)\s*$/m)[1]),
    p99Ms: toMilliseconds(find(output, /^\s+99%\s+(\S+)\s*$/m)[1]),
    errors: [...(sockets ?? []).slice(1), ...(refused ?? []).slice(1)].reduce((sum, count) => sum + Number(count), 0),
  }
}

/** @param {string} text `1.23ms` */
function toMilliseconds(text) {
  const match = /^([\d.]+)(us|ms|s|m|h)$/.exec(text)
  if (match === null) throw new Error(`wrk printed "${text}" where a duration was expected`)
  return Number(match[1]) * MILLISECONDS[match[2]]
}

/**
 * @param {string} output
 * @param {RegExp} pattern
 */
function find(output, pattern) {
  const match = pattern.exec(output)
  if (match === null) throw new Error(`wrk did not print what ${pattern} looks for:\n${output}`)
  return match
}
