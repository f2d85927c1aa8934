// Compares Sekisho with other proxies: each is started on one core, with the load and the upstream on another.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { HELP, choose, parseArguments } from './arguments.js'
import { killAll, stopAll } from './harness/children.js'
import { LOAD_CORE, requireTwoCores } from './harness/cores.js'
import { describeMachine } from './harness/machine.js'
import { versionOf } from './harness/programs.js'
import { Progress } from './harness/progress.js'
import { Workspace } from './harness/workspace.js'
import { installPeers } from './installation.js'
import { proxies } from './proxies/all.js'
import { renderScenario, store } from './report/results.js'
import { judge } from './report/targets.js'
import { scenarios } from './scenarios/all.js'
import { startUpstream } from './upstream/upstream.js'

/** @typedef {import('./scenarios/scenario.js').Candidate} Candidate */

const results = fileURLToPath(new URL('results', import.meta.url))

try {
  const options = parseArguments(process.argv.slice(2))
  if (options.help) process.stdout.write(HELP)
  else if (options.list) await list()
  else await bench(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

/** @param {import('./arguments.js').Options} options */
async function bench(options) {
  const chosen = choose('scenario', scenarios, ({ name }) => name, options.scenarios)
  const wanted = choose('proxy', proxies, ({ name }) => name, options.only)
  requireTools()
  installPeers()
  const found = await installed(wanted)
  const workspace = new Workspace()
  const progress = new Progress()
  endWith(workspace, options.limitMinutes)
  // Not on the proxy's core. Children inherit this, and are pinned where they belong.
  spawnSync('taskset', ['-apc', String(LOAD_CORE), String(process.pid)])
  try {
    const upstream = await startUpstream(workspace.folder('upstream'))
    const measured = []
    for (const scenario of chosen) {
      const candidates = found.filter(
        ({ proxy }) => scenario.proxies?.includes(proxy.name) ?? proxy.onlyByName !== true,
      )
      if (candidates.length === 0 && scenario.proxies?.length !== 0) continue
      progress.enter(scenario.name)
      const { rounds, seconds } = options
      const outcome = await scenario.run({ candidates, rounds, seconds, upstream, workspace, progress })
      const result = { ...describe(scenario, options, candidates), ...outcome }
      measured.push(result)
      progress.clear()
      console.log(`${renderScenario(result)}\n`)
    }
    for (const verdict of judge(measured)) console.log(verdict)
    const order = scenarios.map(({ name }) => name)
    const file = store({ machine: describeMachine(), scenarios: measured }, results, order, options.only.length > 0)
    console.log(`Stored in ${file}`)
  } finally {
    await stopAll()
    workspace.remove()
  }
}

/**
 * @param {import('./scenarios/scenario.js').Scenario} scenario
 * @param {import('./arguments.js').Options} options
 * @param {readonly Candidate[]} candidates
 */
function describe({ name, title, summary }, { rounds, seconds }, candidates) {
  const versions = Object.fromEntries(candidates.map(({ proxy, version }) => [proxy.name, version]))
  return { name, title, summary, measuredAt: new Date().toISOString(), rounds, seconds, versions }
}

async function list() {
  console.log('Scenarios:')
  for (const { name, title } of scenarios) console.log(`  ${name.padEnd(14)}${title}`)
  console.log('\nProxies:')
  for (const proxy of proxies) console.log(`  ${proxy.name.padEnd(14)}${(await proxy.find()) ?? 'not found'}`)
}

/** @param {readonly import('./proxies/proxy.js').Proxy[]} wanted */
async function installed(wanted) {
  /** @type {Candidate[]} */
  const found = []
  for (const proxy of wanted) {
    const version = await proxy.find()
    if (version === undefined) console.error(`${proxy.name}: not found, left out`)
    else found.push({ proxy, version })
  }
  return found
}

function requireTools() {
  if (process.platform !== 'linux') throw new Error('The benchmark needs Linux: it pins cores and reads /proc.')
  requireTwoCores()
  for (const tool of ['taskset', 'wrk']) {
    if (versionOf(tool, ['--version']) !== undefined) continue
    throw new Error(
      `${tool} is not installed. On Debian: apt-get install util-linux wrk nginx haproxy caddy nghttp2-client openssl`,
    )
  }
}

/**
 * Whatever ends the benchmark ends what it started.
 * @param {Workspace} workspace
 * @param {number} limitMinutes
 */
function endWith(workspace, limitMinutes) {
  /** @type {(reason: string, status: number) => void} */
  const end = (reason, status) => {
    console.error(`\n${reason}: ending everything`)
    process.exitCode = status
    const last = () => process.exit(status)
    stopAll().then(last, last)
  }
  process.once('SIGINT', () => end('interrupted', 130))
  process.once('SIGTERM', () => end('terminated', 143))
  setTimeout(() => end(`the limit of ${limitMinutes} minutes is over`, 1), limitMinutes * 60_000).unref()
  process.on('exit', () => {
    killAll()
    workspace.remove()
  })
}
