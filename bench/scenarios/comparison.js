import { PROXY_CORE, busySeconds } from '../harness/cores.js'
import { sampleTree } from '../harness/process-tree.js'
import { median, medians } from '../report/statistics.js'
import { interleaved } from './rounds.js'
import { NAME } from './scenario.js'
import { withProxy } from './with-proxy.js'

/** Long enough for the optimising compilers and for the pools to fill. wrk takes whole seconds only. */
const WARM_SECONDS = 2

/** A core that the proxy leaves idle so much was not its limit: then the load was, and CPU per request tells more. */
const BUSY_PART = 0.93

/** Others on the proxy's core above this part spoil a measurement. */
const FOREIGN_PART = 0.05

/**
 * @typedef {object} Comparison
 * @property {(port: number, seconds: number) => Promise<import('../load/load-result.js').LoadResult>} load as fast as the
 *   proxy goes
 * @property {(port: number) => Promise<void>} [check] throws what is wrong with an answer: a proxy that gives a wrong one
 *   is not measured
 * @property {boolean} [bytes] bytes/s matter more than requests/s
 * @property {boolean} [latency] false: the load knows no percentiles
 * @property {import('../proxies/proxy.js').Setup} setup
 *
 * @typedef {object} Sample
 * @property {number} requestsPerSecond
 * @property {number} bytesPerSecond
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} cpuMicros per request
 * @property {number} perCore requests/s, or bytes/s where these matter more, of a core that the proxy has to itself
 * @property {number} rss bytes, after the load
 * @property {number} busy part of its core that the proxy used
 * @property {number} foreign part of its core that others used
 * @property {number} errors
 */

/**
 * Measures every proxy under the same load.
 * @param {import('./scenario.js').Bench} bench
 * @param {Comparison} comparison
 * @returns {Promise<import('./scenario.js').Outcome>}
 */
export async function compare(bench, { load, check, bytes = false, latency = true, setup }) {
  const key = bytes ? 'bytesPerSecond' : 'requestsPerSecond'
  const { samples, notes } = await interleaved(
    bench,
    ({ proxy }) =>
      withProxy(bench, proxy, setup, async ({ pid }, port) => {
        if (check !== undefined) await supported(check(port))
        await load(port, WARM_SECONDS)
        return await measure(pid, key, () => load(port, bench.seconds))
      }),
    (sample) => `${Math.round(sample.requestsPerSecond)} requests/s`,
  )
  const anchor = samples.get('nginx')
  const rows = [...samples].map(([name, list]) => ({
    name,
    ...medians(list),
    errors: list.reduce((sum, sample) => sum + sample.errors, 0),
    // Round by round, so that what slowed the machine down for one round cancels out.
    toNginx: anchor === undefined ? undefined : median(list.map((sample, round) => sample[key] / anchor[round][key])),
  }))
  return { columns: columnsFor(bytes, latency), rows, notes: [...notes, ...warnings(rows)] }
}

/** @param {Promise<void>} check */
async function supported(check) {
  try {
    await check
  } catch (error) {
    throw new Error(`not supported: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/**
 * @param {number} pid
 * @param {'bytesPerSecond' | 'requestsPerSecond'} key
 * @param {() => Promise<import('../load/load-result.js').LoadResult>} load
 * @returns {Promise<Sample>}
 */
async function measure(pid, key, load) {
  const before = { tree: sampleTree(pid), core: busySeconds(PROXY_CORE), at: performance.now() }
  const result = await load()
  const after = { tree: sampleTree(pid), core: busySeconds(PROXY_CORE), at: performance.now() }
  const elapsed = (after.at - before.at) / 1000
  const cpu = after.tree.cpuSeconds - before.tree.cpuSeconds
  return {
    requestsPerSecond: result.requestsPerSecond,
    bytesPerSecond: result.bytesPerSecond,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    cpuMicros: (cpu * 1e6) / result.requests,
    perCore: (result[key] * result.seconds) / cpu,
    rss: after.tree.rssBytes,
    busy: cpu / elapsed,
    foreign: Math.max(0, (after.core - before.core - cpu) / elapsed),
    errors: result.errors,
  }
}

/**
 * @param {boolean} bytes
 * @param {boolean} latency
 * @returns {import('../report/table.js').Column[]}
 */
function columnsFor(bytes, latency) {
  return [
    NAME,
    { key: 'requestsPerSecond', title: 'requests/s', unit: 'count' },
    ...(bytes ? [/** @type {const} */ ({ key: 'bytesPerSecond', title: 'bytes/s', unit: 'bytesPerSecond' })] : []),
    ...(latency ? LATENCY : []),
    { key: 'cpuMicros', title: 'CPU/request', unit: 'micros' },
    { key: 'rss', title: 'RSS', unit: 'bytes' },
    { key: 'busy', title: 'core used', unit: 'part' },
    { key: 'errors', title: 'errors', unit: 'count' },
    { key: 'toNginx', title: 'to nginx', unit: 'ratio' },
  ]
}

/** @type {readonly import('../report/table.js').Column[]} */
const LATENCY = [
  { key: 'p50Ms', title: 'p50', unit: 'millis' },
  { key: 'p99Ms', title: 'p99', unit: 'millis' },
]

/**
 * What a reader must know before believing the table.
 * @param {readonly { name: string, busy: number, foreign: number }[]} rows
 */
function warnings(rows) {
  const idle = rows.filter((row) => row.busy + row.foreign < BUSY_PART).map((row) => row.name)
  const disturbed = rows.filter((row) => row.foreign > FOREIGN_PART)
  return [
    ...(idle.length === 0
      ? []
      : [`The load was the limit, not the proxy, for ${idle.join(', ')}: compare CPU/request.`]),
    ...(disturbed.length === 0
      ? []
      : [
          `Other programs used the proxy's core meanwhile (${disturbed
            .map((row) => `${row.name} ${Math.round(row.foreign * 100)} %`)
            .join(', ')}): the figures are rough.`,
        ]),
  ]
}
