// node scripts/kill-functions.mjs [--kills 40] [--seed N] [--driver sandbox|process]: kills a function engine with SIGKILL while it is deployed
// to, invoked and given events, again and again, and looks each time at what is left: every change and every event that was acknowledged, no
// process, and after the next start no control group. Needs a build.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const { values: given } = parseArgs({
  options: {
    kills: { type: 'string', default: '40' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    driver: { type: 'string', default: 'sandbox' },
  },
})
const KILLS = Number(given.kills)
const SEED = Number(given.seed)

const SEKISHO = fileURLToPath(new URL('../packages/cli/bin/sekisho.js', import.meta.url))
const { ZipFile } = createRequire(new URL('../packages/functions/package.json', import.meta.url))('yazl')
const RUNTIME = `nodejs${process.versions.node.split('.', 1)[0]}.x`
const NAMES = ['a', 'b', 'c', 'd']
const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:done'
/** Known by its odd duration among all processes of the machine. */
const LEFT_BEHIND = `sleep 86${process.pid}`
/** From "it answers" to the kill, at the most. */
const MAX_LIFE_MS = 700
/** Before it answers: so many of a hundred. */
const EARLY_PERCENT = 10
/** What is killed with its parent is gone at once; the machine may be busy. */
const ORPHAN_PATIENCE_MS = 3_000
const HALF_PATIENCE_MS = 500
const START_PATIENCE_MS = 20_000
const EVENTS_PATIENCE_MS = 60_000

/** mulberry32. */
function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const next = random(SEED)
const folder = mkdtempSync(join(tmpdir(), 'sekisho-kill-functions-'))
const data = join(folder, 'data')
const done = join(folder, 'done')
const config = join(folder, 'sekisho.json')
/** What each function may be: `v3`, or `absent`. One, unless a change was under way when the engine was killed. */
const model = new Map(NAMES.map((name) => [name, new Set(['absent'])]))
const events = { sent: 0, acknowledged: [] }
/** Process numbers. */
const halves = new Set()
const seen = { halves: 0, kills: 0, early: 0, changes: 0, calls: 0 }
let version = 0
let running
let port = 0

console.log(`${KILLS} kills, seed ${SEED}, driver ${given.driver}`)
try {
  await main()
} finally {
  running?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

async function main() {
  port = await freePort()
  const functions = { address: `127.0.0.1:${port}`, path: data, driver: given.driver, queues: { [QUEUE]: pathToFileURL(done).href } } // prettier-ignore
  writeFileSync(config, JSON.stringify({ functions }))
  while (seen.kills < KILLS) {
    const engine = start()
    if (next() * 100 < EARLY_PERCENT && seen.kills > 0) {
      seen.early++
      await pause(next() * 600)
    } else {
      await ready(engine)
      await check()
      const work = [changes(), calls(), sendEvents()]
      await pause(next() * MAX_LIFE_MS)
      engine.kill('SIGKILL')
      await Promise.all(work)
    }
    await kill(engine)
  }
  const last = start()
  await ready(last)
  await check()
  await eventsArrive()
  last.kill('SIGTERM')
  await once(last, 'exit')
  await noOrphans('a stop')
  console.log(
    `${seen.changes} changes and ${events.acknowledged.length} events were acknowledged, ${seen.calls} calls answered; all is there, after ` +
      `${seen.kills} kills (${seen.early} of them while the engine started; ${seen.halves} times a bubblewrap waited for the next start)`,
  )
}

function start() {
  const log = openSync(join(folder, 'log'), 'a')
  running = spawn(process.execPath, [SEKISHO, 'fn', 'engine', '-c', config], { stdio: ['ignore', log, log] })
  closeSync(log)
  return running
}

async function ready(engine) {
  for (const since = Date.now(); Date.now() - since < START_PATIENCE_MS; await pause(20)) {
    assert(
      engine.exitCode === null,
      `the engine ended with ${engine.exitCode}: ${read(join(folder, 'log')).slice(-2_000)}`,
    )
    const answer = await fetch(`http://127.0.0.1:${port}/2015-03-31/functions`).catch(() => undefined)
    if (answer?.status === 200) return noHalves()
  }
  throw new Error('the engine does not start')
}

async function kill(engine) {
  engine.kill('SIGKILL')
  if (engine.exitCode === null && engine.signalCode === null) await once(engine, 'exit')
  seen.kills++
  await noOrphans(`kill ${seen.kills}`)
}

/** One change after the other, until the engine is gone. */
async function changes() {
  for (;;) {
    const name = NAMES[Math.floor(next() * NAMES.length)]
    const possible = model.get(name)
    const before = [...possible][0]
    const removes = before !== 'absent' && next() < 0.2
    const value = removes ? 'absent' : `v${++version}`
    possible.add(value)
    const change = removes
      ? call('DELETE', `/2015-03-31/functions/${name}`)
      : before === 'absent'
        ? call('POST', '/2015-03-31/functions', { ...configuration(name), Code: { ZipFile: await codeOf(value) } })
        : call('PUT', `/2015-03-31/functions/${name}/code`, { ZipFile: await codeOf(value) })
    const answer = await change
    if (answer === undefined) return
    if (answer.status === 409) {
      // What came before is not settled yet: nothing was changed.
      possible.delete(value)
      continue
    }
    assert(answer.status < 300, `${name} became ${value}: ${answer.status} ${answer.text}`)
    seen.changes++
    model.set(name, new Set([value]))
  }
}

async function calls() {
  for (;;) {
    const name = NAMES[Math.floor(next() * NAMES.length)]
    const answer = await call('POST', `/2015-03-31/functions/${name}/invocations`, { leave: next() < 0.5 })
    if (answer === undefined) return
    if (answer.status === 200) seen.calls++
    else await pause(5)
  }
}

async function sendEvents() {
  if ((await call('GET', '/2015-03-31/functions/events')) === undefined) return
  for (;;) {
    const number = ++events.sent
    const answer = await call('POST', '/2015-03-31/functions/events/invocations', { number }, { 'x-amz-invocation-type': 'Event' }) // prettier-ignore
    if (answer === undefined) return
    assert(answer.status === 202, `an event was answered ${answer.status} ${answer.text}`)
    events.acknowledged.push(number)
    await pause(2)
  }
}

/** What was acknowledged is there: in words, and in what it answers. */
async function check() {
  await deployEvents()
  for (const [name, possible] of model) {
    const shown = await call('GET', `/2015-03-31/functions/${name}/configuration`)
    if (shown.status === 404) {
      assert(possible.has('absent'), `${name} is gone; it was ${[...possible].join(' or ')}`)
      model.set(name, new Set(['absent']))
      continue
    }
    let answer = await call('POST', `/2015-03-31/functions/${name}/invocations`, {})
    for (const since = Date.now(); answer.status === 409 && Date.now() - since < START_PATIENCE_MS;) {
      await pause(20)
      answer = await call('POST', `/2015-03-31/functions/${name}/invocations`, {})
    }
    const { value } = JSON.parse(answer.text)
    assert(possible.has(value), `${name} answers ${answer.status} ${answer.text}; it was ${[...possible].join(' or ')}`)
    model.set(name, new Set([value]))
  }
}

async function deployEvents() {
  if ((await call('GET', '/2015-03-31/functions/events')).status !== 200) {
    const Code = { ZipFile: await codeOf('events') }
    const created = await call('POST', '/2015-03-31/functions', { ...configuration('events'), Code })
    assert(created.status === 201, `events: ${created.status} ${created.text}`)
  }
  const DestinationConfig = { OnSuccess: { Destination: QUEUE }, OnFailure: { Destination: QUEUE } }
  const path = '/2019-09-25/functions/events/event-invoke-config'
  const configured = await call('PUT', path, { DestinationConfig })
  assert(configured.status === 200, `events: ${configured.status} ${configured.text}`)
}

/** At least once each. */
async function eventsArrive() {
  let missing = events.acknowledged
  for (const since = Date.now(); missing.length > 0 && Date.now() - since < EVENTS_PATIENCE_MS; await pause(100)) {
    const lines = existsSync(done) ? readFileSync(done, 'utf8').split('\n') : []
    const arrived = new Set(lines.flatMap((line) => /\\?"number\\?":(\d+)/.exec(line)?.[1] ?? []).map(Number))
    missing = missing.filter((number) => !arrived.has(number))
  }
  assert(missing.length === 0, `of ${events.acknowledged.length} acknowledged events these were lost: ${missing.slice(0, 20).join(' ')}`) // prettier-ignore
}

/**
 * Nothing runs that names the folder, or is in a group of the engine's. One thing may until the next start: a bubblewrap whose other half was
 * killed in the millisecond between fork(2) and its first word waits for it, and has run nothing of a function.
 */
async function noOrphans(after) {
  let left = orphans()
  for (const since = Date.now(); left.length > 0 && Date.now() - since < ORPHAN_PATIENCE_MS; left = orphans()) {
    if (left.every(isHalf) && Date.now() - since > HALF_PATIENCE_MS) break
    await pause(20)
  }
  assert(left.every(isHalf), `after ${after} these processes run: ${left.join('; ')}`)
  for (const text of left) halves.add(text.split(' ', 1)[0])
}

function isHalf(text) {
  const pid = text.split(' ', 1)[0]
  return /^\d+ \S*bwrap /.test(text) && descriptorsOf(pid).some((target) => target.includes('eventfd'))
}

function descriptorsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((name) => readlinkSync(`/proc/${pid}/fd/${name}`))
  } catch {
    return []
  }
}

/** The start of an engine ends what one before it left. */
function noHalves() {
  const left = [...halves].filter((pid) => read(`/proc/${pid}/cmdline`).includes(folder))
  assert(left.length === 0, `a new engine has started, and these run from before: ${left.join(' ')}`)
  seen.halves += halves.size
  halves.clear()
}

function orphans() {
  const members = new Set(groups().flatMap((group) => processesIn(group)))
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const [text, state] = [read(`/proc/${pid}/cmdline`), /^State:\s+(\S)/m.exec(read(`/proc/${pid}/status`))?.[1]]
      const words = text.replaceAll('\0', ' ')
      const ours = words.includes(folder) || words.includes(LEFT_BEHIND) || members.has(pid)
      return ours && state !== undefined && state !== 'Z' ? [`${pid} ${words.slice(0, 80)}`] : []
    })
}

/** Folders of the engine that runs, or ran last. */
function groups() {
  const record = read(join(data, given.driver, 'engine.json'))
  if (record === '') return []
  const { cgroups } = JSON.parse(record)
  return cgroups === undefined ? [] : ['memory', 'cpu', 'pids', 'freezer'].map((name) => cgroups[name])
}

function processesIn(group) {
  if (!existsSync(group)) return []
  const folders = [group, ...readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => join(group, name))] // prettier-ignore
  return folders.flatMap((path) => read(join(path, 'cgroup.procs')).split('\n').filter(Boolean))
}

function configuration(name) {
  return {
    FunctionName: name,
    Role: 'arn:aws:iam::000000000000:role/r',
    Runtime: RUNTIME,
    Handler: 'index.handler',
    Timeout: 20,
  }
}

/** Some calls leave a process behind that left its session. */
async function codeOf(value) {
  const zip = new ZipFile()
  const leave = `require('node:child_process').spawn('setsid', ['sh', '-c', 'exec ${LEFT_BEHIND}'], { stdio: 'ignore', detached: true }).unref()`
  const code = `exports.handler = async (event) => { if (event.leave) ${leave}; return { value: '${value}', number: event.number } }`
  zip.addBuffer(Buffer.from(code), 'index.js')
  zip.end()
  return (await buffer(zip.outputStream)).toString('base64')
}

/** @returns undefined: the engine is gone, and whether it did it is not known */
async function call(method, path, body, headers = {}) {
  const request = { method, headers: { 'content-type': 'application/json', ...headers } }
  if (body !== undefined) request.body = JSON.stringify(body)
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, request)
    return { status: answer.status, text: await answer.text() }
  } catch {
    return undefined
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: free } = server.address()
  server.close()
  await once(server, 'close')
  return free
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function assert(holds, message) {
  if (!holds) throw new Error(`${message} (seed ${SEED})`)
}
