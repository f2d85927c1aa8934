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
  {
    scenario: 'latency-70',
    promise: "p99 at most twice nginx's",
    measured: latencyToNginx,
    kept: (measured) => measured <= 2,
    unit: 'ratio',
  },
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
    const rows = scenarios.find(({ name }) => name === target.scenario)?.rows ?? []
    const measured = target.measured((row, key) => {
      const value = rows.find((candidate) => candidate.name === row)?.[key]
      return typeof value === 'number' ? value : undefined
    })
    if (measured === undefined) return []
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
