import { PROXY_CORE, busySeconds } from '../harness/cores.js'
import { sampleTree } from '../harness/process-tree.js'
import { runWrk } from '../load/wrk.js'
import { median, medians } from '../report/statistics.js'
import { interleaved } from './rounds.js'
import { NAME } from './scenario.js'
import { withProxy } from './with-proxy.js'

/** Long enough for the optimising compilers and for the pools to fill. wrk takes whole seconds only. */
const WARM_SECONDS = 2

/** Clients at once. */
export const CLIENTS = 32

/** A core that the proxy leaves idle so much was not its limit: then the load was, and CPU per request tells more. */
const BUSY_PART = 0.93

/** Others on the proxy's core above this part spoil a measurement. */
const FOREIGN_PART = 0.05

/**
 * @typedef {object} ThroughputLoad
 * @property {string} [path]
 * @property {string} [script] of wrk
 * @property {boolean} [bytes] bytes/s matter more than requests/s
 * @property {import('../proxies/proxy.js').Setup} [setup]
 *
 * @typedef {object} Sample
 * @property {number} requestsPerSecond
 * @property {number} bytesPerSecond
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} cpuMicros per request
 * @property {number} rss bytes, after the load
 * @property {number} busy part of its core that the proxy used
 * @property {number} foreign part of its core that others used
 * @property {number} errors
 */

/** @type {readonly import('../report/table.js').Column[]} */
const COLUMNS = [
  { key: 'p50Ms', title: 'p50', unit: 'millis' },
  { key: 'p99Ms', title: 'p99', unit: 'millis' },
  { key: 'cpuMicros', title: 'CPU/request', unit: 'micros' },
  { key: 'rss', title: 'RSS', unit: 'bytes' },
  { key: 'busy', title: 'core used', unit: 'part' },
  { key: 'errors', title: 'errors', unit: 'count' },
  { key: 'toNginx', title: 'to nginx', unit: 'ratio' },
]

/**
 * wrk as fast as the proxy goes.
 * @param {ThroughputLoad} load
 * @returns {(bench: import('./scenario.js').Bench) => Promise<import('./scenario.js').Outcome>}
 */
export function throughput({ path = '/', script, bytes = false, setup = { connections: CLIENTS } }) {
  const load = { path, connections: CLIENTS, ...(script === undefined ? {} : { script }) }
  const key = bytes ? 'bytesPerSecond' : 'requestsPerSecond'
  return async (bench) => {
    const { samples, notes } = await interleaved(
      bench,
      ({ proxy }) =>
        withProxy(bench, proxy, setup, async ({ pid }, port) => {
          await runWrk({ ...load, port, seconds: WARM_SECONDS })
          return await measure(pid, () => runWrk({ ...load, port, seconds: bench.seconds }))
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
    return { columns: columnsFor(bytes), rows, notes: [...notes, ...warnings(rows)] }
  }
}

/**
 * @param {number} pid
 * @param {() => Promise<import('../load/wrk-output.js').WrkResult>} load
 * @returns {Promise<Sample>}
 */
async function measure(pid, load) {
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
    rss: after.tree.rssBytes,
    busy: cpu / elapsed,
    foreign: Math.max(0, (after.core - before.core - cpu) / elapsed),
    errors: result.errors,
  }
}

/** @param {boolean} bytes */
function columnsFor(bytes) {
  /** @type {import('../report/table.js').Column} */
  const requests = { key: 'requestsPerSecond', title: 'requests/s', unit: 'count' }
  /** @type {import('../report/table.js').Column} */
  const transfer = { key: 'bytesPerSecond', title: 'bytes/s', unit: 'bytesPerSecond' }
  return bytes ? [NAME, requests, transfer, ...COLUMNS] : [NAME, requests, ...COLUMNS]
}

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
