import { fileURLToPath } from 'node:url'
import { launch } from '../harness/children.js'
import { PROXY_CORE } from '../harness/cores.js'

const program = fileURLToPath(new URL('router-main.js', import.meta.url))

const SIZES = [100, 10_000, 100_000]

/** @type {readonly import('../report/table.js').Column[]} */
const COLUMNS = [
  { key: 'name', title: 'routes', unit: 'text' },
  { key: 'exactNanos', title: 'exact', unit: 'nanos' },
  { key: 'prefixNanos', title: 'prefix', unit: 'nanos' },
  { key: 'parameterNanos', title: 'parameter', unit: 'nanos' },
  { key: 'mixedNanos', title: 'mixed', unit: 'nanos' },
  { key: 'insertMicros', title: 'add one', unit: 'micros' },
  { key: 'loadMs', title: 'load all', unit: 'millis' },
  { key: 'heapPerRoute', title: 'heap/route', unit: 'bytes' },
]

/** @type {import('./scenario.js').Scenario} */
export const router = {
  name: 'router',
  title: 'the router alone',
  summary:
    'A third of the routes are exact paths, a third prefixes, a third have a parameter. 12,000 random requests, the best of 30 passes; cutting the path out of a longer text is included.',
  proxies: [],
  run,
}

/**
 * @param {import('./scenario.js').Bench} bench
 * @returns {Promise<import('./scenario.js').Outcome>}
 */
async function run({ progress }) {
  const rows = []
  const notes = []
  for (const size of SIZES) {
    const name = size.toLocaleString('en-US')
    progress.say(`${name} routes`)
    const args = ['--expose-gc', program, String(size)]
    const child = launch({ core: PROXY_CORE, command: process.execPath, args })
    await child.exited
    const output = child.output()
    if (output.startsWith('{')) rows.push({ name, ...JSON.parse(output) })
    else notes.push(`${name} routes were not measured: ${/^\w*Error: .*$/m.exec(output)?.[0] ?? output.trim()}`)
  }
  return { columns: COLUMNS, rows, notes }
}
