import { fileURLToPath } from 'node:url'
import { LOAD_CORE } from '../harness/cores.js'
import { launch } from '../harness/children.js'
import { freePorts } from '../harness/ports.js'
import { waitUntilReady } from '../harness/readiness.js'
import { runWrk } from '../load/wrk.js'
import { medians } from '../report/statistics.js'
import { interleaved } from './rounds.js'
import { NAME } from './scenario.js'
import { withProxy } from './with-proxy.js'

const FAST_MS = 5
const NODES = 4
const CLIENTS = 32
const WARM_SECONDS = 1
const WAYS = ['roundrobin', 'ewma', 'least_conn', 'peak_ewma']

const delayed = fileURLToPath(new URL('../upstream/delayed-main.js', import.meta.url))

/** @type {readonly import('../report/table.js').Column[]} */
const COLUMNS = [
  { ...NAME, title: 'type' },
  { key: 'requestsPerSecond', title: 'requests/s', unit: 'count' },
  { key: 'p50Ms', title: 'p50', unit: 'millis' },
  { key: 'p99Ms', title: 'p99', unit: 'millis' },
  { key: 'errors', title: 'errors', unit: 'count' },
]

/** @type {import('./scenario.js').Scenario} */
export const slowNode = {
  name: 'slow-node',
  title: 'one node ten times slower',
  summary: `${CLIENTS} keep-alive connections, ${NODES} nodes that work on 4 requests at once: ${FAST_MS} ms each, and one of them ${10 * FAST_MS} ms. By the ways of ours to balance.`,
  proxies: ['ours'],
  run,
}

/**
 * @param {import('./scenario.js').Bench} bench
 * @returns {Promise<import('./scenario.js').Outcome>}
 */
async function run(bench) {
  const [{ proxy, version }] = bench.candidates
  const ports = await freePorts(NODES)
  const delays = ports.map((port, index) => [port, index === 0 ? 10 * FAST_MS : FAST_MS])
  const child = launch({ core: LOAD_CORE, command: process.execPath, args: [delayed, JSON.stringify(delays)] })
  try {
    await Promise.all(ports.map((port) => waitUntilReady(child, port, '/')))
    const candidates = WAYS.map((type) => ({ proxy: { ...proxy, name: type }, version }))
    const { samples, notes } = await interleaved(
      { ...bench, candidates },
      ({ proxy: { name: type } }) =>
        withProxy(bench, proxy, { connections: CLIENTS, balanced: { type, ports } }, async (_, port) => {
          const load = { port, path: '/', connections: CLIENTS }
          await runWrk({ ...load, seconds: WARM_SECONDS })
          return await runWrk({ ...load, seconds: bench.seconds })
        }),
      (sample) => `p99 ${sample.p99Ms} ms`,
    )
    return { columns: COLUMNS, rows: [...samples].map(([name, list]) => ({ name, ...medians(list) })), notes }
  } finally {
    await child.stop()
  }
}
