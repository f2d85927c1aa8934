import { formatValue } from './table.js'

/**
 * What the project promises of its own speed, held against what was measured.
 *
 * @typedef {object} Target
 * @property {string} scenario
 * @property {string} promise
 * @property {(value: Reader) => number | undefined} measured undefined when something it needs was not measured,
 *   NaN when it was, but not in a way that decides anything
 * @property {(measured: number) => boolean} kept
 * @property {import('./table.js').Unit} unit
 *
 * @typedef {(row: string, key: string) => number | undefined} Reader
 */
/** Requests that leave later than this tell of the load generator, not of the proxy. */
export const LATE_MICROS = 1_000

/** The promise is for 70 % of our maximum; rounding apart. */
const LATENCY_LOAD_PART = 0.69

/** @type {readonly Target[]} */
const TARGETS = [
  ratio('get', 'requests/s at least 0.65 of nginx', 'requestsPerSecond', 'nginx', 0.65),
  ratio('get', "requests/s at least 2.5 times undici's under node:http", 'requestsPerSecond', 'undici', 2.5),
  ratio('routes-1000', 'requests/s with three plugins at least 0.45 of bare nginx', 'requestsPerSecond', 'nginx', 0.45),
  ratio('body-1m', 'bytes/s at least 0.6 of nginx', 'bytesPerSecond', 'nginx', 0.6),
  slower('tls-get', 'requests/s over TLS 1.3 at least 0.6 of nginx', 'requestsPerSecond', 'nginx', 0.6),
  slower('h2-1mb', 'bytes/s over HTTP/2 at least 0.5 of nginx', 'bytesPerSecond', 'nginx', 0.5),
  ratio('cache-hit', 'cache hits/s at least 0.8 of nginx with proxy_cache', 'requestsPerSecond', 'nginx', 0.8),
  slower('grpc', "calls/s at least those of nginx's grpc_pass", 'requestsPerSecond', 'nginx', 1),
  slower('grpc', 'calls/s at least 0.6 of HAProxy', 'requestsPerSecond', 'haproxy', 0.6),
  slower('grpc', "calls/s at least 3 times node:http2's", 'requestsPerSecond', 'node-http2', 3),
  slower('websocket', 'echoes/s at least 0.6 of nginx', 'requestsPerSecond', 'nginx', 0.6),
  {
    scenario: 'latency-70',
    promise: "p99 at most twice nginx's",
    measured: latencyToNginx,
    kept: (measured) => measured <= 2,
    unit: 'ratio',
  },
  faster('least_conn'),
  faster('peak_ewma'),
  {
    scenario: 'router',
    promise: 'a match among 100,000 routes costs less than 1 µs',
    measured: (value) => value('100,000', 'mixedNanos'),
    kept: (measured) => measured < 1000,
    unit: 'nanos',
  },
  {
    scenario: 'router',
    promise: 'at most twice that among 100',
    measured: (value) => divide(value('100,000', 'mixedNanos'), value('100', 'mixedNanos')),
    kept: (measured) => measured <= 2,
    unit: 'ratio',
  },
  {
    scenario: 'router',
    promise: 'adding a route to 100,000 takes less than 1 ms',
    measured: (value) => value('100,000', 'insertMicros'),
    kept: (measured) => measured < 1000,
    unit: 'micros',
  },
  {
    scenario: 'reload',
    promise: 'no request fails or is misrouted',
    measured: (value) => value('ours', 'wrong'),
    kept: (measured) => measured === 0,
    unit: 'count',
  },
  {
    scenario: 'idle',
    promise: 'an idle gateway takes at most 110 MiB',
    measured: (value) => value('ours', 'startRss'),
    kept: (measured) => measured <= 110 * 1024 ** 2,
    unit: 'bytes',
  },
  {
    scenario: 'idle',
    promise: 'an idle connection takes at most 10 KiB',
    measured: (value) => value('ours', 'perConnection'),
    kept: (measured) => measured <= 10 * 1024,
    unit: 'bytes',
  },
]

/**
 * One line for each target that can be judged.
 * @param {readonly import('./results.js').ScenarioResult[]} scenarios
 * @returns {string[]}
 */
export function judge(scenarios) {
  return TARGETS.flatMap((target) => {
    const scenario = scenarios.find(({ name }) => name === target.scenario)
    const rows = scenario?.rows ?? []
    const measured = target.measured((row, key) => {
      const value = rows.find((candidate) => candidate.name === row)?.[key]
      return typeof value === 'number' ? value : undefined
    })
    if (measured === undefined) {
      const leftOut = scenario?.versions.ours !== undefined && rows.every((row) => row.name !== 'ours')
      return leftOut && rows.length > 0 ? `NOT MEASURED: ${target.scenario}: ${target.promise}: ours was left out` : []
    }
    if (Number.isNaN(measured)) return `UNDECIDED: ${target.scenario}: ${target.promise}: see the notes there`
    const verdict = target.kept(measured) ? 'kept' : 'MISSED'
    return `${verdict}: ${target.scenario}: ${target.promise}: ${formatValue(measured, target.unit)}`
  })
}

/**
 * @param {string} scenario
 * @param {string} promise
 * @param {string} key
 * @param {string} against
 * @param {number} least
 * @returns {Target}
 */
function ratio(scenario, promise, key, against, least) {
  return {
    scenario,
    promise,
    measured: (value) => divide(value('ours', key), value(against, key)),
    kept: (measured) => measured >= least,
    unit: 'ratio',
  }
}

/**
 * The same where the load may be the limit, which makes all alike: then what counts is the rate for each second of CPU. Taken alone, that
 * would overlook a proxy that waits, for a window say; so the lower of both ratios counts.
 * @param {string} scenario
 * @param {string} promise
 * @param {string} key
 * @param {string} against
 * @param {number} least
 * @returns {Target}
 */
function slower(scenario, promise, key, against, least) {
  return {
    ...ratio(scenario, promise, key, against, least),
    measured(value) {
      const rate = divide(value('ours', key), value(against, key))
      const perCore = divide(value('ours', 'perCore'), value(against, 'perCore'))
      return rate === undefined || perCore === undefined ? undefined : Math.min(rate, perCore)
    },
  }
}

/**
 * The way to balance that evades a slow node.
 * @param {string} type
 * @returns {Target}
 */
function faster(type) {
  return {
    scenario: 'slow-node',
    promise: `p99 of ${type} at most 0.8 of round robin's`,
    measured: (value) => divide(value(type, 'p99Ms'), value('roundrobin', 'p99Ms')),
    kept: (measured) => measured <= 0.8,
    unit: 'ratio',
  }
}

/**
 * Decides nothing when the generator was late or had to go slower than promised: it would then hold the generator
 * against itself, and find that both are equal.
 * @param {Reader} value
 */
function latencyToNginx(value) {
  const late = Math.max(value('ours', 'lateP99Micros') ?? 0, value('nginx', 'lateP99Micros') ?? 0)
  const slow = (value('ours', 'loadPart') ?? 1) < LATENCY_LOAD_PART
  const ratioToNginx = divide(value('ours', 'p99Micros'), value('nginx', 'p99Micros'))
  return ratioToNginx !== undefined && (late > LATE_MICROS || slow) ? Number.NaN : ratioToNginx
}

/**
 * @param {number | undefined} part
 * @param {number | undefined} whole
 */
function divide(part, whole) {
  return part === undefined || whole === undefined ? undefined : part / whole
}
