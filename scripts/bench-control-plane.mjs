// How long a change takes from the Admin API of one node to every worker of two others, and what it costs them: npm run bench:control-plane
//   [-- --routes 1000,50000 --changes 500 --measured 1000 --seed N --output FILE]
// Real etcd, three gateways of two workers each, all on this machine, and so is what asks them. A change is in force when a request that
// was sent after it is answered by it: each worker of the other nodes is asked over a connection of its own, again and again. Needs a build.
// Takes two minutes. What else the machine did meanwhile is printed: more than a little, and the times are those of another machine.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect, createServer } from 'node:net'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values: given } = parseArgs({
  options: {
    routes: { type: 'string', default: '1000,50000' },
    changes: { type: 'string', default: '500' },
    measured: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    output: { type: 'string', default: fileURLToPath(new URL('../bench/results/control-plane.md', import.meta.url)) },
  },
})
const SIZES = given.routes.split(',').map(Number)
/** Of which the time is taken. */
const CHANGES = Number(given.changes)
/** Of which the CPU time is taken. */
const MEASURED = Number(given.measured)
/** Before anything is measured: the code is compiled by then, as in a gateway that has run for a while. */
const WARM_UP = 200

const CLOCK_TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

const ascending = (a, b) => a - b
const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)]

/** What the documentation promises. */
const TARGETS = { medianMs: 20, p99Ms: 100, growth: 1.5 }

const ETCD = ['/usr/bin/etcd', '/usr/local/bin/etcd'].find(existsSync)
const SEKISHO = fileURLToPath(new URL('../packages/cli/bin/sekisho.js', import.meta.url))
const KEY = 'the-key-of-this-benchmark'
const WORKERS = 2
/** Opened at once until each worker has taken one: the first worker to be awake takes all that come one after the other. */
const CONNECTIONS_AT_ONCE = 16
/** For a table of 50,000 routes. */
const MAX_LOAD_MS = 60_000
/** Between two requests to the same worker: what is measured is up to so much too long. */
const BETWEEN_QUESTIONS_MS = 1
/** A change that takes longer is a failure of its own. */
const MAX_WAIT_MS = 10_000

/** Says which worker answers, and by which change. */
const PROBE = `import { threadId } from 'node:worker_threads'
import { definePlugin, Type } from '@sekisho/gateway'
export default definePlugin({
  name: 'probe', priority: 1, schema: Type.Object({ mark: Type.Integer() }),
  create: ({ mark }) => ({ access: (session) => session.respond(200, threadId + ' ' + mark) }),
})
`

/** The cheapest client there is: what it costs is taken from the gateways that are measured. One request at a time. */
class Asker {
  static async connect(node) {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(node.url).port), noDelay: true })
    await once(socket, 'connect')
    return new Asker(socket)
  }

  constructor(socket) {
    this.socket = socket
    this.text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => this.read(chunk))
    socket.on('error', (error) => this.reject?.(error))
    socket.on('close', () => this.reject?.(new Error('a worker closed the connection')))
  }

  get(route) {
    this.socket.write(`GET /r/${route} HTTP/1.1\r\nHost: bench\r\n\r\n`)
    return new Promise((resolve, reject) => Object.assign(this, { resolve, reject }))
  }

  read(chunk) {
    this.text += chunk
    const end = this.text.indexOf('\r\n\r\n') + 4
    if (end < 4) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.text)[1])
    if (this.text.length < end + length) return
    const status = Number(this.text.slice(9, 12))
    const text = this.text.slice(end)
    this.text = ''
    this.resolve({ status, text })
  }

  close() {
    this.reject = undefined
    this.socket.destroy()
  }
}

if (ETCD === undefined) {
  console.error('etcd is not installed: apt-get install etcd-server')
  process.exit(1)
}

const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'))
const children = []
process.once('SIGINT', () => process.exit(1))
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
const random = mulberry32(Number(given.seed))

const results = []
for (const routes of SIZES) results.push(await measure(routes))
process.exit(report(results) ? 0 : 1)

async function measure(routes) {
  const etcd = await startEtcd(join(folder, `etcd-${routes}`))
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => startNode(join(folder, `${name}-${routes}`), etcd.url)))
  const [a, b, c] = nodes
  const others = [b, c]
  const marks = Array.from({ length: routes }, () => 0)
  const loading = performance.now()
  await ask(a, 'POST', '/admin/transaction', {
    upstreams: [{ id: 'up', nodes: { '127.0.0.1:1': 1 } }],
    routes: marks.map((mark, at) => routeOf(at, mark)),
  })
  const workers = (await Promise.all(others.map((node) => connectToWorkers(node, routes - 1)))).flat()
  const loadMs = performance.now() - loading
  const change = async () => {
    const at = Math.floor(random() * routes)
    const mark = ++marks[at]
    await ask(a, 'PUT', `/apisix/admin/routes/${at}`, routeOf(at, mark))
    return { at, mark }
  }
  const last = { at: 0, mark: 0 }
  for (let left = WARM_UP; left > 0; left--) Object.assign(last, await change())
  await Promise.all(workers.map((worker) => untilInForce(worker, last.at, last.mark)))

  const processes = [process.pid, etcd.child.pid, ...nodes.flatMap(({ pid, child }) => [pid, child.pid])]
  const others0 = othersMs(processes)
  const timing = performance.now()
  const times = []
  const answered = []
  for (let left = CHANGES; left > 0; left--) {
    const started = performance.now()
    const at = Math.floor(random() * routes)
    const mark = ++marks[at]
    // The others are asked from the moment on at which the change is sent.
    const reached = Promise.all(workers.map((worker) => untilInForce(worker, at, mark)))
    await ask(a, 'PUT', `/apisix/admin/routes/${at}`, routeOf(at, mark))
    answered.push(performance.now() - started)
    const done = await reached
    times.push(Math.max(...done) - started)
  }

  const disturbed = Math.max((othersMs(processes) - others0) / (performance.now() - timing), 0)

  // Without the requests, which would cost CPU time, too.
  await pause(1_000)
  const before = cpuMs(b.pid)
  const started = performance.now()
  for (let left = MEASURED; left > 0; left--) Object.assign(last, await change())
  await Promise.all(workers.map((worker) => untilInForce(worker, last.at, last.mark)))
  // What is put off by design, like the last good configuration, belongs to it.
  await pause(1_000)
  const cpu = (cpuMs(b.pid) - before) / MEASURED
  const perSecond = MEASURED / ((performance.now() - started - 1_000) / 1_000)

  const memory = nodes.map(
    ({ pid }) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024,
  )
  for (const worker of workers) worker.close()
  await Promise.all([...nodes.map(({ child }) => stop(child, 'SIGTERM')), stop(etcd.child, 'SIGKILL')])
  return {
    routes,
    loadMs,
    times: times.sort(ascending),
    answered: answered.sort(ascending),
    cpu,
    perSecond,
    disturbed,
    rss: Math.max(...memory),
  }
}

function report(results) {
  const ms = (value) => `${value.toFixed(1)} ms`
  const rows = [
    ['in force, median', ({ times }) => ms(quantile(times, 0.5))],
    ['in force, p90', ({ times }) => ms(quantile(times, 0.9))],
    ['in force, p99', ({ times }) => ms(quantile(times, 0.99))],
    ['in force, longest', ({ times }) => ms(times.at(-1))],
    ['answered by A, median', ({ answered }) => ms(quantile(answered, 0.5))],
    ['CPU time of B per change', ({ cpu }) => `${cpu.toFixed(2)} ms`],
    ['changes/s, one after the other', ({ perSecond }) => perSecond.toFixed(0)],
    ['all routes in one change, until in force', ({ loadMs }) => `${(loadMs / 1000).toFixed(1)} s`],
    ['memory of a node', ({ rss }) => `${rss.toFixed(0)} MiB`],
    ['other work on the machine', ({ disturbed }) => `${(disturbed * 100).toFixed(0)} % of a core`],
  ].map(([name, cell]) => [name, ...results.map(cell)])
  const table = [['', ...results.map(({ routes }) => `${routes.toLocaleString('en')} routes`)], ...rows]
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)))
  const line = (row) =>
    `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join(' | ')} |`
  const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  const growth = results.at(-1).cpu / results[0].cpu
  const failed = results.flatMap(({ routes, times }) => [
    ...(quantile(times, 0.5) > TARGETS.medianMs ? [`median at ${routes} routes above ${TARGETS.medianMs} ms`] : []),
    ...(quantile(times, 0.99) > TARGETS.p99Ms ? [`p99 at ${routes} routes above ${TARGETS.p99Ms} ms`] : []),
  ])
  if (growth > TARGETS.growth) failed.push(`CPU time per change grows more than ${TARGETS.growth} times`)
  const text = `# Changes through etcd

${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Linux ${release()}, Node.js ${process.versions.node}, ${etcdVersion()}.
Three gateways of ${WORKERS} workers, etcd, and what asks them share these cores. A PUT of one route to the Admin API of A; in force when each
worker of B and C has answered a request by it. ${CHANGES} changes were timed, and ${MEASURED} more for CPU time and throughput.

${[line(table[0]), rule, ...table.slice(1).map(line)].join('\n')}

CPU time per change at ${results.at(-1).routes.toLocaleString('en')} routes is ${growth.toFixed(2)} times that at ${results[0].routes.toLocaleString('en')}.
Promised: median ${TARGETS.medianMs} ms, p99 ${TARGETS.p99Ms} ms, ${TARGETS.growth} times. ${failed.length === 0 ? 'All of it is kept.' : `Missed: ${failed.join('; ')}.`}

${new Date().toISOString()}; node scripts/bench-control-plane.mjs --routes ${given.routes} --changes ${CHANGES} --measured ${MEASURED} --seed ${given.seed}
`
  console.log(text)
  writeFileSync(given.output, text)
  return failed.length === 0
}

function etcdVersion() {
  return `etcd ${/Version: (\S+)/.exec(execFileSync(ETCD, ['--version'], { encoding: 'utf8' }))?.[1] ?? '?'}`
}

function routeOf(at, mark) {
  return { id: String(at), uri: `/r/${at}`, methods: ['GET'], upstream_id: 'up', plugins: { probe: { mark } } }
}

async function startEtcd(data) {
  const [clientPort, peerPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${clientPort}`
  const peer = `http://127.0.0.1:${peerPort}`
  const args = ['--name=m', `--data-dir=${data}`, `--listen-client-urls=${url}`, `--advertise-client-urls=${url}`]
  const peers = [`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`, `--initial-cluster=m=${peer}`]
  const child = spawn(ETCD, [...args, ...peers], { stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  await printed(child, child.stderr, /serving (insecure )?client (requests|traffic)/)
  return { url, child }
}

async function startNode(cwd, etcd) {
  mkdirSync(join(cwd, 'plugins'), { recursive: true })
  writeFileSync(join(cwd, 'plugins/probe.ts'), PROBE)
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
workers: ${WORKERS}
metrics: { address: "127.0.0.1:${await freePort()}" }
admin: { address: "127.0.0.1:${await freePort()}", keys: [{ name: bench, key: ${KEY}, role: admin }] }
error_log: { path: ./error.log, level: warn }
store: { type: etcd, endpoints: ["${etcd}"] }
`,
  )
  const child = spawn(process.execPath, [SEKISHO, 'start'], { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  const [, url, admin, pid] = await printed(
    child,
    child.stderr,
    /^serving .* on (http:\S+?), metrics on \S+, Admin API on (http:\S+?), .*\(process (\d+)/m,
  )
  return { child, url, admin, pid: Number(pid), agent: new Agent({ keepAlive: true, maxSockets: 1 }) }
}

/** One connection to each worker of a node, as soon as each has the last route. */
async function connectToWorkers(node, lastRoute) {
  const deadline = performance.now() + MAX_LOAD_MS
  const found = new Map()
  while (found.size < WORKERS) {
    if (performance.now() > deadline) throw new Error(`only ${found.size} of ${WORKERS} workers took a connection`)
    const some = await Promise.all(Array.from({ length: CONNECTIONS_AT_ONCE }, () => Asker.connect(node)))
    const answers = await Promise.all(some.map((worker) => worker.get(lastRoute)))
    for (const [at, { status, text }] of answers.entries()) {
      const [thread] = text.split(' ')
      if (status === 200 && !found.has(thread)) found.set((some[at].thread = thread), some[at])
      else some[at].close()
    }
    if (found.size < WORKERS) await pause(20)
  }
  return [...found.values()]
}

/** @returns when a request was answered by the change */
async function untilInForce(worker, at, mark) {
  const deadline = performance.now() + MAX_WAIT_MS
  for (;;) {
    const { text } = await worker.get(at)
    const now = performance.now()
    const [answering, seen] = text.split(' ')
    if (answering !== worker.thread) throw new Error('the connection was lost on the way')
    if (Number(seen) === mark) return now
    if (now > deadline) throw new Error(`route ${at} was not in force after ${MAX_WAIT_MS} ms`)
    await pause(BETWEEN_QUESTIONS_MS)
  }
}

function ask(node, method, path, body) {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(MAX_LOAD_MS)
    request(
      `${node.admin}${path}`,
      { method, agent: node.agent, signal, headers: { 'x-api-key': KEY } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
        response.on('end', () =>
          response.statusCode < 300
            ? resolve(text)
            : reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`)),
        )
      },
    )
      .on('error', (error) => reject(new Error(`${method} ${path}: ${error.message}`, { cause: error })))
      .end(JSON.stringify(body))
  })
}

/** What everybody but these processes has used of the processors, since the machine was started. */
function othersMs(pids) {
  const [user, nice, system, , , irq, soft] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  const all = ((user + nice + system + irq + soft) * 1_000) / CLOCK_TICKS
  return pids.reduce((left, pid) => left - cpuMs(pid), all)
}

/** What a process has used of the processors, its threads included. */
function cpuMs(pid) {
  // The name, in brackets, may have blanks in it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / CLOCK_TICKS
}

async function printed(child, stream, pattern) {
  let text = ''
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk) => {
      if (text.length > 1_000_000) return
      text += chunk
      const match = pattern.exec(text)
      if (match !== null) resolve(match)
    })
    child.once('exit', () => reject(new Error(`ended before it was ready:\n${text}`)))
  })
}

async function stop(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await once(server.close(), 'close')
  return port
}

function mulberry32(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
