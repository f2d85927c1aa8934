import { setTimeout as delay } from 'node:timers/promises'
import { openFileLimit } from '../harness/machine.js'
import { sampleTree } from '../harness/process-tree.js'
import { openIdleConnections } from '../load/idle-connections.js'
import { runWrk } from '../load/wrk.js'
import { medians } from '../report/statistics.js'
import { interleaved } from './rounds.js'
import { NAME } from './scenario.js'
import { CLIENTS } from './throughput.js'
import { withProxy } from './with-proxy.js'

const CONNECTIONS = 10_000

/** "Idle" is what a gateway is some time after its start: V8 gives back what the start took when nothing has happened for some 8 s. */
const SETTLE_MS = 12_000

/** What a process needs besides: its upstream connections, listeners, files, Node.js itself. */
const OTHER_FILES = 1_024

/** Memory is read when it has not moved by more than 0.5 % between two looks, 250 ms apart, or after 5 s. */
const STEADY_PART = 0.005
const LOOK_INTERVAL_MS = 250
const LOOKS = 20

/** @type {readonly import('../report/table.js').Column[]} */
const COLUMNS = [
  NAME,
  { key: 'startRss', title: 'RSS idle', unit: 'bytes' },
  { key: 'beforeRss', title: 'after a little load', unit: 'bytes' },
  { key: 'afterRss', title: 'with the connections', unit: 'bytes' },
  { key: 'perConnection', title: 'per connection', unit: 'bytes' },
  { key: 'lost', title: 'lost', unit: 'count' },
]

/** @type {import('./scenario.js').Scenario} */
export const idle = {
  name: 'idle',
  // Reading memory takes half a minute each: those that a choice is between.
  proxies: ['ours', 'nginx', 'haproxy', 'undici'],
  title: '10,000 idle connections',
  summary:
    'RSS idle is read 12 s after the start, of all processes of a proxy together. Each connection has one request answered and is then left alone. The little load beforehand (2 s) lets the heap and the pools reach their size, so that they are not counted as connections.',
  run,
}

/**
 * @param {import('./scenario.js').Bench} bench
 * @returns {Promise<import('./scenario.js').Outcome>}
 */
async function run(bench) {
  const count = Math.min(CONNECTIONS, openFileLimit() - OTHER_FILES)
  const { samples, notes } = await interleaved(
    bench,
    ({ proxy }) =>
      withProxy(bench, proxy, { connections: count + CLIENTS }, async ({ pid }, port) => {
        await delay(SETTLE_MS)
        const startRss = await steadyMemory(pid)
        await runWrk({ port, path: '/', connections: CLIENTS, seconds: 2 })
        const beforeRss = await steadyMemory(pid)
        const { lost, close } = await openIdleConnections({ port, count })
        const afterRss = await steadyMemory(pid)
        await close()
        return { startRss, beforeRss, afterRss, perConnection: (afterRss - beforeRss) / count, lost }
      }),
    (sample) => `${Math.round(sample.perConnection)} bytes a connection`,
  )
  const rows = [...samples].map(([name, list]) => ({ name, ...medians(list) }))
  const limited = `Only ${count} connections: this machine allows ${openFileLimit()} open files for a process.`
  return { columns: COLUMNS, rows, notes: count < CONNECTIONS ? [limited, ...notes] : notes }
}

/** @param {number} pid */
async function steadyMemory(pid) {
  let last = sampleTree(pid).rssBytes
  for (let look = 0; look < LOOKS; look++) {
    await delay(LOOK_INTERVAL_MS)
    const { rssBytes } = sampleTree(pid)
    if (Math.abs(rssBytes - last) <= last * STEADY_PART) return rssBytes
    last = rssBytes
  }
  return last
}
