// npm run bench:plugins [-- NAME… --rounds 60 --core 0 --output FILE]
// What each plugin adds to a request, in µs of CPU time: bench/README.md. Two seconds a plugin.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { builtInNames } from '../../packages/gateway/dist/plugins/built-in.js'
import { describeMachine } from '../harness/machine.js'
import { versionOf } from '../harness/programs.js'
import { median } from '../report/statistics.js'
import { CASES, LIMIT_MICROS } from './cases.js'

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '60' },
    core: { type: 'string', default: '0' },
    output: { type: 'string' },
  },
})
const MEASURE = fileURLToPath(new URL('measure.js', import.meta.url))
const RESULTS = fileURLToPath(new URL('../results/plugins.md', import.meta.url))
const IDLE_RUNS = 7
const pinned = versionOf('taskset', ['--version']) !== undefined

const wanted = positionals.length > 0 ? positionals : builtInNames()
const unknown = wanted.filter((name) => !builtInNames().includes(name))
if (unknown.length > 0) {
  console.error(`no such plugin: ${unknown.join(', ')}`)
  process.exit(1)
}

/** @type {{ name: string, adds: number, spread: number, note: string, common: boolean }[]} */
const rows = []
/** @type {string[]} */
const unmeasured = []
for (const name of wanted) {
  const one = CASES[name]
  if (one === undefined || one.unmeasured !== undefined) {
    unmeasured.push(`- ${name}: ${one?.unmeasured ?? 'bench/plugins/cases.js has no case for it'}`)
    continue
  }
  const { adds, spread, failure } = run([name, given.rounds])
  if (failure !== undefined) unmeasured.push(`- ${name}: its case in bench/plugins/cases.js does not work: ${failure}`)
  else rows.push({ name, adds, spread, note: one.note ?? '', common: one.common === true })
  process.stderr.write(`${name.padEnd(24)} ${failure ?? `${adds.toFixed(2)} ± ${spread.toFixed(2)} µs`}\n`)
}

const idle = positionals.length > 0 ? undefined : measureIdle()
const text = report()
process.stdout.write(text)
if (given.output !== undefined || positionals.length === 0) writeFileSync(given.output ?? RESULTS, text)
const slow = rows.filter(({ common, adds }) => common && adds > LIMIT_MICROS)
if (slow.length > 0) {
  console.error(`above ${LIMIT_MICROS} µs: ${slow.map(({ name }) => name).join(', ')}`)
  process.exitCode = 1
}

/** @param {string[]} args */
function run(args) {
  const command = [process.execPath, MEASURE, ...args]
  const [program = '', ...rest] = pinned ? ['taskset', '-c', given.core, ...command] : command
  const { stdout, stderr, status } = spawnSync(program, rest, {
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  })
  if (status !== 0)
    return { failure: stderr.split('\n').find((line) => /Error|sekisho\.yaml/.test(line)) ?? stderr.slice(0, 200) }
  return JSON.parse(stdout)
}

/** The plain route without and with all plugins loaded, in turn, each time in a new process. */
function measureIdle() {
  const none = []
  const all = []
  for (let round = 0; round < IDLE_RUNS; round++) {
    none.push(run(['--idle', 'none', given.rounds]).plain)
    all.push(run(['--idle', 'all', given.rounds]).plain)
  }
  return { none: median(none), all: median(all) }
}

function report() {
  const machine = describeMachine()
  const missing = Object.entries(CASES).flatMap(([name, { common }]) =>
    common && !builtInNames().includes(name) ? [name] : [],
  )
  const line = (/** @type {(typeof rows)[number]} */ { name, adds, spread, note }) =>
    `| ${name} | ${adds.toFixed(2)} | ± ${spread.toFixed(2)} | ${note} |`
  const table = (/** @type {boolean} */ common) => [
    '| Plugin | adds, µs | | |',
    '| --- | ---: | --- | --- |',
    ...rows.filter((row) => row.common === common).map(line),
  ]
  const parts = [
    '# What plugins cost',
    `CPU time that a plugin adds to a request in its common case, µs: a route with it against the same route without, measured in turn in one process, the median of ${given.rounds} pairs of 2,000 requests. Clients, upstreams and other services are in memory: what is measured is the gateway from the bytes of a request's head to the bytes of the response's. Made by \`npm run bench:plugins\`.`,
    `${machine.cpu}, Linux ${machine.kernel}, Node.js ${machine.node}.`,
    `## The twenty commonest\n\nNone may add more than ${LIMIT_MICROS} µs.`,
    table(true).join('\n'),
  ]
  if (missing.length > 0) parts.push(`Not there: ${missing.join(', ')}.`)
  if (rows.some(({ common }) => !common)) parts.push('## Others', table(false).join('\n'))
  if (idle !== undefined)
    parts.push(
      '## Plugins that nobody uses',
      `A plain request takes ${idle.none.toFixed(2)} µs in a gateway that has loaded no plugin, and ${idle.all.toFixed(2)} µs in one that has loaded all ${builtInNames().length}: medians of ${IDLE_RUNS} processes each, in turn.`,
    )
  if (unmeasured.length > 0) parts.push('## Not measured', unmeasured.join('\n'))
  return `${parts.join('\n\n')}\n`
}
