import { spawnSync } from 'node:child_process'
import { runH2load } from '../load/h2load.js'
import { startOpenLoop } from '../load/open-loop.js'
import { runWrk } from '../load/wrk.js'
import { median, medians } from '../report/statistics.js'
import { LATE_MICROS } from '../report/targets.js'
import { interleaved } from './rounds.js'
import { NAME } from './scenario.js'
import { CLIENTS } from './throughput.js'
import { withProxy } from './with-proxy.js'

/** The part of our maximum at which latencies are compared. */
const LOAD_PART = 0.7

/** More than the closed loop's 32: at 50,000 a second and 1 ms each, 50 are busy on average. */
const CONNECTIONS = 128

const WARM_SECONDS = 2

/** Compiling what a fresh process runs takes threads of its own, which share the one core here. */
const H2LOAD_WARM_SECONDS = 6

/**
 * The part of what the generator can do at most that it is asked for: p99 on a core that is full is that core's own.
 * What it can do is tried out through the proxy. Without one it does 74,000 a second, with one 41,000 to 48,000: for
 * every request it then has to wake the other core, and is woken by it.
 */
const GENERATOR_PART = 0.8

const PLAN = { warmSeconds: WARM_SECONDS, connections: CONNECTIONS, paths: 1, lettered: false }

/** The row without a proxy: the floor that the generator and the upstream set. */
const DIRECT = 'no proxy'

/** @type {readonly import('../report/table.js').Column[]} */
const COLUMNS = [
  NAME,
  { key: 'answeredPerSecond', title: 'requests/s', unit: 'count' },
  { key: 'p50Micros', title: 'p50', unit: 'micros' },
  { key: 'p99Micros', title: 'p99', unit: 'micros' },
  { key: 'p999Micros', title: 'p99.9', unit: 'micros' },
  { key: 'maxMicros', title: 'slowest', unit: 'micros' },
  { key: 'lateP99Micros', title: 'generator late p99', unit: 'micros' },
  { key: 'failed', title: 'failed', unit: 'count' },
  { key: 'toNginx', title: 'p99 to nginx', unit: 'ratio' },
]

/** @type {import('./scenario.js').Scenario} */
export const latency70 = {
  name: 'latency-70',
  title: 'latency at 70 % of our maximum',
  summary:
    'Requests at a fixed rate, the same for all: 70 % of what the first proxy of the table does at most. By h2load, where it is installed; else by our own generator, which counts from when a request was due but needs more of the core.',
  proxies: ['ours', 'nginx', 'haproxy'],
  run,
}

/**
 * @param {import('./scenario.js').Bench} bench
 * @returns {Promise<import('./scenario.js').Outcome>}
 */
async function run(bench) {
  const subject = bench.candidates[0].proxy
  const most = await maximum(bench, subject)
  const byH2load = spawnSync('h2load', ['--version']).status === 0
  const rate = byH2load ? Math.round(LOAD_PART * most) : await attainable(bench, subject, most)
  const plan = { ...PLAN, rate, seconds: bench.seconds }
  const measure = (/** @type {number} */ port) =>
    byH2load
      ? runH2load({ port, rate, seconds: bench.seconds, warmSeconds: H2LOAD_WARM_SECONDS })
      : startOpenLoop({ ...plan, port }).result
  const setup = { connections: CONNECTIONS }
  const { samples, notes } = await interleaved(
    bench,
    ({ proxy }) => withProxy(bench, proxy, setup, (_, port) => measure(port)),
    (sample) => `p99 ${sample.p99Micros} µs`,
  )
  bench.progress.say(`${DIRECT} ...`)
  const floor = await measure(bench.upstream.ports[0])
  const anchor = samples.get('nginx')
  const rows = [...samples, /** @type {const} */ ([DIRECT, [floor]])].map(([name, list]) => ({
    name,
    ...medians(list),
    loadPart: rate / most,
    toNginx:
      anchor === undefined || name === DIRECT
        ? undefined
        : median(list.map((sample, round) => sample.p99Micros / anchor[round].p99Micros)),
  }))
  const late = rows.filter((row) => row.lateP99Micros > LATE_MICROS).map((row) => row.name)
  return {
    columns: COLUMNS,
    rows,
    notes: [
      `${rate.toLocaleString('en-US')} requests/s: ${Math.round((100 * rate) / most)} % of the ${Math.round(most).toLocaleString('en-US')} that ${subject.name} does at most${rate < Math.floor(LOAD_PART * most) ? '; the generator beside the upstream cannot do more' : ''}.`,
      ...notes,
      ...(late.length === 0 ? [] : [`Requests left late, so latency is overstated, for ${late.join(', ')}.`]),
    ],
  }
}

/**
 * The rate, or as much of it as the generator can do beside the upstream on one core, with something to spare.
 * @param {import('./scenario.js').Bench} bench
 * @param {import('../proxies/proxy.js').Proxy} proxy
 * @param {number} most what the proxy does at most: more than this is not asked for
 */
async function attainable(bench, proxy, most) {
  bench.progress.say('what the generator can do ...')
  const plan = { ...PLAN, rate: Math.round(most), seconds: 2 }
  const { answeredPerSecond } = await withProxy(
    bench,
    proxy,
    { connections: CONNECTIONS },
    (_, port) => startOpenLoop({ ...plan, port }).result,
  )
  return Math.round(Math.min(LOAD_PART * most, GENERATOR_PART * answeredPerSecond))
}

/**
 * Requests a second as the plain GET scenario measures them, the middle one of three.
 * @param {import('./scenario.js').Bench} bench
 * @param {import('../proxies/proxy.js').Proxy} proxy
 */
async function maximum(bench, proxy) {
  bench.progress.say(`the most that ${proxy.name} does ...`)
  return await withProxy(bench, proxy, { connections: CLIENTS }, async (_, port) => {
    const load = { port, path: '/', connections: CLIENTS }
    await runWrk({ ...load, seconds: WARM_SECONDS })
    const rates = []
    for (let time = 0; time < 3; time++) rates.push((await runWrk({ ...load, seconds: 2 })).requestsPerSecond)
    return median(rates)
  })
}
