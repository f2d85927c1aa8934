// limit-count on Redis from three gateway processes: node scripts/redis-limits.mjs [--rate 10000] [--rounds 4] [--parts added,limit,away] [--output FILE]
// Whether no more than the limit passes, what it adds to a request, and whether the gateways go on while Redis is killed and frozen. Real
// redis-server, gateways and the client on this machine's cores; needs a build. Takes 40 seconds.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { cpus, loadavg, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Histogram } from '../bench/load/histogram.js'
import { RawConnection } from '../bench/load/raw-connection.js'

const { values: given } = parseArgs({
  options: {
    rate: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '4' },
    parts: { type: 'string', default: 'added,limit,away' },
    output: { type: 'string' },
  },
})
/** Requests a second, to all gateways together. */
const RATE = Number(given.rate)
const ROUNDS = Number(given.rounds)
const PARTS = given.parts.split(',')
const GATEWAYS = 3
const CONNECTIONS = 32
const REDIS_TIMEOUT_MS = 300
/** What issue and documentation promise. */
const TARGETS = { over: 0.01, addedMs: 0.3 }

const REDIS = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find(existsSync)
const SEKISHO = fileURLToPath(new URL('../packages/cli/bin/sekisho.js', import.meta.url))

/** In place of an upstream, which would take the cores that are measured. */
const ANSWER = `import { definePlugin, Type } from '@sekisho/gateway'
export default definePlugin({
  name: 'answer', priority: 1, schema: Type.Object({}),
  create: () => ({ access: (session) => session.respond(200, 'answered') }),
})
`

if (REDIS === undefined) {
  console.error('redis-server is not installed: apt-get install redis-server')
  process.exit(1)
}

const folder = mkdtempSync(join(tmpdir(), 'sekisho-redis-limits-'))
const children = []
process.once('SIGINT', () => process.exit(1))
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const redisPort = await freePort()
let redis = await startRedis()
const LIMIT = RATE * 4
const place = `policy: redis, redis_host: 127.0.0.1, redis_port: ${redisPort}, redis_timeout: ${REDIS_TIMEOUT_MS}`
const much = 'count: 1000000000, time_window: 3600, key_type: constant, key: all'
const routes = {
  without: 'answer: {}',
  local: `limit-count: { ${much} }, answer: {}`,
  exact: `limit-count: { ${much}, ${place} }, answer: {}`,
  shares: `limit-count: { ${much}, ${place}, sync_interval: 0.1 }, answer: {}`,
  'limited-exact': `limit-count: { count: ${LIMIT}, time_window: 600, key_type: constant, key: all, ${place} }, answer: {}`,
  'limited-shares': `limit-count: { count: ${LIMIT}, time_window: 600, key_type: constant, key: all, ${place}, sync_interval: 0.1 }, answer: {}`,
}
const ports = []
for (let at = 0; at < GATEWAYS; at++) ports.push(await startGateway(join(folder, String(at))))

class Client {
  constructor() {
    this.idle = []
    this.connections = ports.flatMap((port) => Array.from({ length: CONNECTIONS }, () => new RawConnection(port, this)))
    // In turn: of the first 96 requests each gateway gets 32.
    this.connections.sort(
      (one, other) => (this.connections.indexOf(one) % CONNECTIONS) - (this.connections.indexOf(other) % CONNECTIONS),
    )
  }

  async open() {
    for (const connection of this.connections) connection.open()
    while (this.idle.length < this.connections.length) await pause(5)
  }

  /**
   * An open loop: latencies count from when a request was due.
   * @param beside so many requests without a limit for each one with it, in between, which have the same time of it otherwise
   * @returns what became of the requests
   */
  async run(path, seconds, { beside = 0 } = {}) {
    const rate = RATE * (1 + beside)
    const text = requestOf(path)
    const other = requestOf('without')
    const result = { sent: 0, passed: 0, refused: 0, failed: 0, latency: new Histogram(), longestBySecond: [] }
    result.otherLatency = new Histogram()
    this.result = result
    const total = Math.round(rate * seconds)
    this.startedAt = performance.now()
    this.pump = () => {
      const now = performance.now()
      while (result.sent < total && this.idle.length > 0) {
        const dueAt = this.startedAt + (result.sent / rate) * 1_000
        if (dueAt > now) return
        const connection = this.idle.shift()
        connection.dueAt = dueAt
        result.sent++
        // Of 11 requests one, when a tenth comes beside the others.
        connection.isOther = beside > 0 && result.sent % Math.round(1 / beside + 1) === 0
        connection.send(connection.isOther ? other : text)
      }
    }
    const isOver = () => result.passed + result.refused + result.failed === total
    const giveUpAt = this.startedAt + seconds * 1_000 + 10_000
    while (!isOver() && performance.now() < giveUpAt) {
      this.pump()
      await pause(1)
    }
    result.failed += total - result.passed - result.refused - result.failed
    this.pump = undefined
    return result
  }

  onIdle(connection) {
    this.idle.push(connection)
    this.pump?.()
  }

  onReply(connection, status) {
    const { result } = this
    if (status === 200) result.passed++
    else if (status === 503) result.refused++
    else result.failed++
    const now = performance.now()
    const latency = connection.isOther ? result.otherLatency : result.latency
    latency.record((now - connection.dueAt) * 1_000)
    const second = Math.floor((connection.dueAt - this.startedAt) / 1_000)
    result.longestBySecond[second] = Math.max(result.longestBySecond[second] ?? 0, now - connection.dueAt)
  }

  onLost() {
    this.result.failed++
  }

  onClosed(connection) {
    this.idle = this.idle.filter((other) => other !== connection)
  }
}

const client = new Client()
await client.open()
// The code is compiled by then.
for (const path of ['without', 'local', 'exact', 'shares']) await client.run(path, 1)

const names = {
  local: 'policy local',
  exact: 'policy redis',
  shares: 'policy redis, sync_interval 0.1',
}
const lines = []
const missed = []
const say = (line) => {
  lines.push(line)
  console.log(line)
}
say(`# Rate limits over Redis

${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Linux ${release()}, Node.js ${process.versions.node}; load ${loadavg()[0].toFixed(1)} before.
${GATEWAYS} gateway processes of one worker, Redis and the client share these cores; ${RATE.toLocaleString('en')} requests/s in all, an open loop.`)
if (PARTS.includes('added')) await added()
if (PARTS.includes('limit')) await limited()
if (PARTS.includes('away')) await away()
const verdict = missed.length === 0 ? 'All of it is kept.' : `Missed: ${missed.join('; ')}.`
say(`
Promised: the limit and at most 1 % more, less than ${TARGETS.addedMs} ms at the median, no failed request. ${verdict}

${new Date().toISOString()}; node scripts/redis-limits.mjs --rate ${RATE} --rounds ${ROUNDS} --parts ${PARTS.join()}`)
if (given.output !== undefined) writeFileSync(given.output, `${lines.join('\n')}\n`)
process.exit(missed.length === 0 ? 0 : 1)

function requestOf(path) {
  return `GET /${path} HTTP/1.1\r\nHost: bench\r\n\r\n`
}

async function added() {
  say(`
| What it adds | median | p90 | p99 |
| --- | ---: | ---: | ---: |`)
  // In turn, several times: what else the machine does falls on all of them.
  const modes = { local: [], exact: [], shares: [] }
  for (let round = 0; round < ROUNDS; round++)
    for (const [path, results] of Object.entries(modes)) results.push(await client.run(path, 1, { beside: 0.1 }))
  const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] / 1_000
  const ms = (path, part) =>
    middle(modes[path].map(({ latency, otherLatency }) => latency.percentile(part) - otherLatency.percentile(part)))
  const row = (name, value) =>
    say(`| ${name} | ${[0.5, 0.9, 0.99].map((part) => `${value(part).toFixed(3)} ms`).join(' | ')} |`)
  row('no limit (the whole of it)', (part) =>
    middle(modes.local.map(({ otherLatency }) => otherLatency.percentile(part))),
  )
  for (const path of Object.keys(modes)) row(names[path], (part) => ms(path, part))
  for (const path of ['exact', 'shares'])
    if (ms(path, 0.5) >= TARGETS.addedMs) missed.push(`${names[path]} adds ${TARGETS.addedMs} ms or more`)
}

async function limited() {
  say(`
| A limit of ${LIMIT.toLocaleString('en')} | sent | let through | of the limit |
| --- | ---: | ---: | ---: |`)
  for (const path of ['exact', 'shares']) {
    const { sent, passed, failed } = await client.run(`limited-${path}`, 6)
    say(
      `| ${names[path]} | ${sent.toLocaleString('en')} | ${passed.toLocaleString('en')} | ${((passed / LIMIT) * 100).toFixed(2)} % |`,
    )
    if (failed > 0) missed.push(`${failed} requests failed with ${names[path]}`)
    if (passed > LIMIT * (1 + TARGETS.over)) missed.push(`${names[path]} let more than 1 % too many through`)
    if (passed < LIMIT) missed.push(`${names[path]} let less than the limit through`)
  }
}

async function away() {
  say(`
| Redis, after a second | policy | requests | passed | failed | longest, by second |
| --- | --- | ---: | ---: | ---: | --- |`)
  for (const path of ['exact', 'shares']) {
    await disturbed('killed', path, () => redis.kill('SIGKILL'))
    redis = await startRedis()
    await pause(2_000)
    await disturbed('frozen', path, () => redis.kill('SIGSTOP'))
    redis.kill('SIGCONT')
    await pause(2_000)
  }
}

/** Something happens to Redis a second after the start; requests go on for two more. */
async function disturbed(what, path, disturb) {
  const timer = setTimeout(() => disturb(), 1_000)
  const { sent, passed, refused, failed, longestBySecond } = await client.run(path, 3)
  clearTimeout(timer)
  const longest = longestBySecond.map((value) => `${value.toFixed(0)} ms`).join(', ')
  say(`| ${what} | ${names[path]} | ${sent} | ${passed} | ${failed + refused} | ${longest} |`)
  if (failed + refused > 0) missed.push(`${failed + refused} requests failed while Redis was ${what}`)
}

async function startRedis() {
  const args = ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--dir', folder]
  const child = spawn(REDIS, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  await printed(child, child.stdout, /Ready to accept connections/)
  return child
}

async function startGateway(cwd) {
  mkdirSync(join(cwd, 'plugins'), { recursive: true })
  writeFileSync(join(cwd, 'plugins/answer.ts'), ANSWER)
  const port = await freePort()
  const list = Object.entries(routes).map(([id, plugins]) => `  - { id: ${id}, uri: /${id}, plugins: { ${plugins} } }`)
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    `listen: ["127.0.0.1:${port}"]
workers: 1
metrics: { address: "127.0.0.1:${await freePort()}" }
error_log: { path: ./error.log, level: warn }
routes:
${list.join('\n')}
`,
  )
  const child = spawn(process.execPath, [SEKISHO, 'start'], { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  await printed(child, child.stderr, /^serving /m)
  return port
}

async function printed(child, stream, pattern) {
  let text = ''
  const ended = once(child, 'exit').then(() => {
    throw new Error(`it ended: ${text}`)
  })
  ended.catch(() => undefined)
  const seen = new Promise((resolve) => {
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
      const match = pattern.exec(text)
      if (match !== null) resolve(match)
    })
  })
  return Promise.race([seen, ended])
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
