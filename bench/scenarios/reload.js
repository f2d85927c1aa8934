import { setTimeout as delay } from 'node:timers/promises'
import { ask } from '../harness/readiness.js'
import { startOpenLoop } from '../load/open-loop.js'
import { median, percentile } from '../report/statistics.js'
import { LETTERS } from '../upstream/bodies.js'
import { interleaved } from './rounds.js'
import { NAME } from './scenario.js'
import { withProxy } from './with-proxy.js'

const ROUTES = 10_000
const RELOADS = 50

/** Moderate: what is counted is whether requests fail, and how long they wait meanwhile. */
const RATE = 5_000
const CONNECTIONS = 64
const WARM_SECONDS = 1

/** A configuration that is not in force after this is taken for refused. */
const IN_FORCE_TIMEOUT_MS = 15_000
const POLL_INTERVAL_MS = 5

/** Ends the load by itself if nobody else does: 50 reloads that take 3 s each. */
const LONGEST_SECONDS = 150

/** Even paths lead to the first upstream, odd ones to the second, in every generation. */
const routes = Array.from({ length: ROUTES }, (_, index) => ({ path: `/r/${index}`, upstream: index % 2 }))

/** @type {readonly import('../report/table.js').Column[]} */
const COLUMNS = [
  NAME,
  { key: 'answered', title: 'requests', unit: 'count' },
  { key: 'failed', title: 'failed', unit: 'count' },
  { key: 'refused', title: 'not 200', unit: 'count' },
  { key: 'misrouted', title: 'misrouted', unit: 'count' },
  { key: 'reconnects', title: 'connections closed', unit: 'count' },
  { key: 'inForceMs', title: 'in force after', unit: 'millis' },
  { key: 'slowestInForceMs', title: 'at most', unit: 'millis' },
  { key: 'p50Micros', title: 'p50', unit: 'micros' },
  { key: 'p99Micros', title: 'p99', unit: 'micros' },
  { key: 'maxMicros', title: 'slowest', unit: 'micros' },
]

/** @type {import('./scenario.js').Scenario} */
export const reload = {
  name: 'reload',
  title: '10,000 routes rewritten 50 times under load',
  summary: `${RATE.toLocaleString('en-US')} requests/s to 10,000 routes in turn, half of them to one upstream and half to another; the answer shows which. Meanwhile the whole configuration is replaced, again as soon as the last one is in force, which one more route shows. CPU that a reload takes is taken from the same core.`,
  proxies: ['ours', 'nginx'],
  run,
}

/**
 * One round: 50 reloads are rounds enough.
 * @param {import('./scenario.js').Bench} bench
 * @returns {Promise<import('./scenario.js').Outcome>}
 */
async function run(bench) {
  const { samples, notes } = await interleaved(
    { ...bench, rounds: 1 },
    ({ proxy }) => measure(bench, proxy),
    (sample) => `${sample.wrong} of ${sample.answered} requests went wrong`,
  )
  const rows = [...samples].flatMap(([name, list]) => list.map((sample) => ({ name, ...sample })))
  return { columns: COLUMNS, rows, notes }
}

/**
 * @param {import('./scenario.js').Bench} bench
 * @param {import('../proxies/proxy.js').Proxy} proxy
 */
async function measure(bench, proxy) {
  const setup = { connections: CONNECTIONS + 64, routes, livePath: 0 }
  return await withProxy(bench, proxy, setup, async (running, port) => {
    const replace = running.reload
    if (replace === undefined) throw new Error('it cannot be reloaded')
    const load = startOpenLoop({
      port,
      rate: RATE,
      seconds: LONGEST_SECONDS,
      warmSeconds: WARM_SECONDS,
      connections: CONNECTIONS,
      paths: ROUTES,
      lettered: true,
    })
    await delay(WARM_SECONDS * 1000)
    const durations = []
    try {
      for (let generation = 1; generation <= RELOADS; generation++) {
        if (generation % 10 === 0) bench.progress.say(`${proxy.name}: reload ${generation}/${RELOADS}`)
        const livePath = generation % 2
        const startedAt = performance.now()
        replace({ ...setup, livePath })
        await inForce(port, LETTERS[livePath])
        durations.push(performance.now() - startedAt)
      }
    } finally {
      load.finish()
    }
    const result = await load.result
    return {
      ...result,
      wrong: result.failed + result.refused + result.misrouted,
      inForceMs: median(durations),
      slowestInForceMs: percentile(durations, 1),
    }
  })
}

/**
 * Asks /live on a new connection each time, as an old one may stay with the old configuration by design.
 * @param {number} port
 * @param {string} letter
 */
async function inForce(port, letter) {
  const deadline = performance.now() + IN_FORCE_TIMEOUT_MS
  while (performance.now() < deadline) {
    const { body } = await ask(port, '/live')
    if (body.startsWith(letter)) return
    await delay(POLL_INTERVAL_MS)
  }
  throw new Error(`a new configuration was not in force after ${IN_FORCE_TIMEOUT_MS / 1000} s`)
}
