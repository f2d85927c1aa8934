// Run by main.js in a process of its own: `node measure.js NAME` measures a plugin, `node measure.js --idle none|all` the plain route.
// Prints JSON.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { builtInNames } from '../../packages/gateway/dist/plugins/built-in.js'
import { WorkerUnderTest } from '../../packages/gateway/dist/testing-kit/worker-under-test.js'
import { median } from '../report/statistics.js'
import { CASES } from './cases.js'
import { BenchUpstreams, headText, sendMany } from './memory.js'

const WARM_UP = 30_000
/** Requests of a block: some 10 ms, long enough for the clock, and short enough to fall between two disturbances. */
const BLOCK = 2_000

const [, , name = '', idle = '', rounds = '60'] = process.argv
const result =
  name === '--idle' ? await measureIdle(idle, Number(rounds)) : await measurePlugin(name, Number(idle || '60'))
process.stdout.write(JSON.stringify(result))
process.exit()

/**
 * The difference between a route with the plugin and one without, measured in turn.
 * @param {string} plugin
 * @param {number} count
 */
async function measurePlugin(plugin, count) {
  const one = CASES[plugin]
  if (one === undefined) throw new Error(`cases.js has no ${plugin}`)
  const { beside = {}, upstream = {} } = one
  const port = one.sink === undefined ? 0 : await startSink(one.sink)
  const given = (/** @type {any} */ value) => (typeof value === 'function' ? value(port) : (value ?? {}))
  const [config, document, request] = [given(one.config), given(one.document), given(one.request)]
  const route = (/** @type {string} */ host, /** @type {object} */ plugins) => ({
    id: host,
    host,
    uri: '/*',
    upstream_id: 'u',
    plugins,
  })
  const under = await start(
    {
      ...document,
      upstreams: [{ id: 'u', nodes: { '127.0.0.1:1': 1 } }],
      routes: [route('plain.example', beside), route('plugin.example', { ...beside, [plugin]: config })],
    },
    [],
    upstream,
  )
  const head = (/** @type {string} */ host) => headText({ ...request, headers: { ...request.headers, Host: host } })
  const [plain, mounted] = [head('plain.example'), head('plugin.example')]
  const { proxy } = under.worker
  const status = await sendMany(proxy, mounted, request.body, WARM_UP)
  await sendMany(proxy, plain, request.body, WARM_UP)
  if (status !== (one.status ?? 200)) return { failure: `answers ${status}`, logs: under.logs.slice(0, 3) }
  const differences = []
  const plains = []
  for (let round = 0; round < count; round++) {
    // Who goes first changes.
    const order = round % 2 === 0 ? [plain, mounted] : [mounted, plain]
    const first = await micros(proxy, order[0], request.body)
    const second = await micros(proxy, order[1], request.body)
    const [without, withPlugin] = round % 2 === 0 ? [first, second] : [second, first]
    differences.push(withPlugin - without)
    plains.push(without)
  }
  return { adds: median(differences), spread: spread(differences), plain: median(plains) }
}

/**
 * The plain route: `none`: no module of a plugin is loaded; `all`: all are, and none is on a route.
 * @param {string} what
 * @param {number} count
 */
async function measureIdle(what, count) {
  const route = { id: 'plain', host: 'plain.example', uri: '/*', upstream_id: 'u' }
  const document = { upstreams: [{ id: 'u', nodes: { '127.0.0.1:1': 1 } }], routes: [route] }
  const under = await start(document, what === 'all' ? builtInNames() : [], {})
  const text = headText({ headers: { Host: 'plain.example' } })
  await sendMany(under.worker.proxy, text, undefined, WARM_UP)
  const plains = []
  for (let round = 0; round < count; round++) plains.push(await micros(under.worker.proxy, text, undefined))
  return { plain: median(plains) }
}

/** @param {string} kind @returns {Promise<number>} its port */
function startSink(kind) {
  const child = fork(fileURLToPath(new URL('sink.js', import.meta.url)), [kind], { stdio: 'inherit' })
  return new Promise((resolve) => child.once('message', (port) => resolve(Number(port))))
}

/** @param {object} document @param {string[]} builtIn @param {import('./memory.js').BenchAnswer} answer */
function start(document, builtIn, answer) {
  return WorkerUnderTest.start(document, { builtIn, environment: {}, proxy: { pools: new BenchUpstreams(answer) } })
}

/**
 * CPU time of a request, µs: of the whole process, garbage collection and compilation too.
 * @param {any} proxy @param {string} text @param {string | undefined} body
 */
async function micros(proxy, text, body) {
  const before = process.cpuUsage()
  await sendMany(proxy, text, body, BLOCK)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / BLOCK
}

/** Half of the distance in which the middle half lies, by the root of their number: how sure the median is. @param {number[]} values */
function spread(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const quarter = (/** @type {number} */ part) => sorted[Math.floor(sorted.length * part)] ?? 0
  return ((quarter(0.75) - quarter(0.25)) / 1.35 / Math.sqrt(values.length)) * 1.25 * 2
}
