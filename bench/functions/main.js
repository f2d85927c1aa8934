// npm run bench:functions [-- --cold 100 --calls 20000 --seconds 8 --output FILE --node-options --cpu-prof]
// The function platform over its control API, with the driver `sandbox`: docs/benchmarks.md. Takes three minutes. Engine, functions and load
// share the machine. What else runs on it is printed: more than a little, and the figures are those of another machine.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SandboxDriver } from '../../packages/functions/dist/drivers/sandbox/sandbox-driver.js'
import { TICKS_PER_SECOND } from '../harness/cores.js'
import { describeMachine } from '../harness/machine.js'
import { versionOf } from '../harness/programs.js'
import { percentile } from '../report/statistics.js'
import { renderTable } from '../report/table.js'
import { Engine } from './engine.js'
import { coldStarts, idleCpu, throughput, warmLatency } from './measurements.js'
import { buildRust, nodePackage, rustPackage } from './packages.js'
import { PEERS, TARGETS } from './peers.js'

const { values: given } = parseArgs({
  options: {
    cold: { type: 'string', default: '100' },
    calls: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '8' },
    environments: { type: 'string', default: '200' },
    'node-options': { type: 'string', default: '' },
    output: { type: 'string', default: fileURLToPath(new URL('../results/functions.md', import.meta.url)) },
  },
})
const COLD = Number(given.cold)
const SECONDS = Number(given.seconds)
const ENVIRONMENTS = Number(given.environments)
const IDLE_SECONDS = 10

const missing = (await new SandboxDriver({ dataDirectory: '/nonexistent' }).check()).filter(
  (check) => check.required && !check.fulfilled,
)
if (versionOf('wrk', ['-v']) === undefined)
  missing.push({ what: 'wrk', fulfilled: false, detail: 'apt-get install wrk', required: true })
const rust = buildRust()
if (rust === undefined) missing.push({ what: 'rustc', fulfilled: false, detail: 'not installed', required: true })
if (missing.length > 0 || rust === undefined) {
  console.log(`skipped: ${missing.map(({ what, detail }) => `${what}: ${detail}`).join('; ')}`)
} else {
  try {
    await main(rust)
  } finally {
    rust.remove()
  }
}

/** @param {NonNullable<typeof rust>} rustBuild */
async function main({ bootstrap, file }) {
  const codes = { rust: await rustPackage(bootstrap), node: await nodePackage() }
  const engine = await Engine.start(given['node-options'].split(' ').filter((option) => option !== ''))
  const others = otherWork(engine.pid)
  try {
    const say = (/** @type {string} */ text) => process.stderr.write(`${text}\n`)
    say('cold starts')
    const rustCold = await coldStarts(engine, codes.rust, COLD)
    const nodeCold = await coldStarts(engine, codes.node, Math.ceil(COLD / 2))
    say('warm latency')
    const latency = await warmLatency(engine, codes.rust, file, Number(given.calls))
    say('warm throughput')
    const rustLoads = []
    for (const connections of [1, 4, 16]) {
      rustLoads.push({ connections, ...(await throughput(engine, codes.rust, { connections, seconds: SECONDS })) })
    }
    const nodeLoads = []
    for (const connections of [1, 4, 16]) {
      nodeLoads.push({ connections, ...(await throughput(engine, codes.node, { connections, seconds: SECONDS })) })
    }
    say('idle environments')
    const idle = await idleCpu(engine, codes.rust, { environments: ENVIRONMENTS, seconds: IDLE_SECONDS })
    const report = render({ rustCold, nodeCold, latency, rustLoads, nodeLoads, idle, otherWork: others() })
    console.log(report)
    writeFileSync(given.output, report)
  } finally {
    await engine.stop()
  }
}

/** @typedef {Awaited<ReturnType<typeof coldStarts>>} ColdStarts */
/** @typedef {{ connections: number } & Awaited<ReturnType<typeof throughput>>} Load */

/**
 * @param {object} results
 * @param {ColdStarts} results.rustCold
 * @param {ColdStarts} results.nodeCold
 * @param {Awaited<ReturnType<typeof warmLatency>>} results.latency
 * @param {Load[]} results.rustLoads
 * @param {Load[]} results.nodeLoads
 * @param {Awaited<ReturnType<typeof idleCpu>>} results.idle
 * @param {string} results.otherWork
 */
function render({ rustCold, nodeCold, latency, rustLoads, nodeLoads, idle, otherWork: other }) {
  const machine = describeMachine()
  const addedMs = percentile(latency.throughMs, 0.5) - percentile(latency.directMs, 0.5)
  const addedP99Ms = percentile(latency.throughMs, 0.99) - percentile(latency.directMs, 0.99)
  const best = (/** @type {Load[]} */ loads) => Math.max(...loads.map(({ perSecond }) => perSecond))
  const coldRow = (/** @type {string} */ what, /** @type {ColdStarts} */ { callMs, initMs }) => ({
    what,
    p50: percentile(callMs, 0.5),
    p95: percentile(callMs, 0.95),
    init50: percentile(initMs, 0.5),
    init95: percentile(initMs, 0.95),
  })
  const verdict = (/** @type {boolean} */ kept) => (kept ? 'kept' : 'missed')
  const promises = [
    { what: 'first call, Rust, p50', is: percentile(rustCold.callMs, 0.5), target: TARGETS.rustColdMs, most: true, unit: 'ms' },
    { what: 'first call, Node.js, p50', is: percentile(nodeCold.callMs, 0.5), target: TARGETS.nodeColdMs, most: true, unit: 'ms' },
    { what: 'added to a warm call, p50', is: addedMs, target: TARGETS.addedMs, most: true, unit: 'ms' },
    { what: 'invocations/s, Rust', is: best(rustLoads), target: TARGETS.rustPerSecond, most: false, unit: '' },
    { what: 'invocations/s, Node.js', is: best(nodeLoads), target: TARGETS.nodePerSecond, most: false, unit: '' },
    { what: `CPU of ${ENVIRONMENTS} idle environments and the engine`, is: idle.all * 100, target: TARGETS.idleCpu * 100, most: true, unit: '% of a core' },
  ] // prettier-ignore
  return `# Functions

${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node.js ${machine.node}, wrk ${machine.wrk}.
Over the control API on loopback, driver \`sandbox\`, an echo of a small event. Engine, functions and load share the cores;
other work on the machine: ${other}.

## Promises

${renderTable({
  columns: [
    { key: 'what', title: '', unit: 'text' },
    { key: 'is', title: 'measured', unit: 'text' },
    { key: 'target', title: 'promised', unit: 'text' },
    { key: 'kept', title: '', unit: 'text' },
  ],
  rows: promises.map(({ what, is, target, most, unit }) => ({
    what,
    is: `${figure(is)} ${unit}`,
    target: `${most ? 'at most' : 'at least'} ${figure(target)} ${unit}`,
    kept: verdict(most ? is <= target : is >= target),
  })),
})}

## Cold starts

The first call of a function that was never called, as its caller sees it, and the init in it. ${rustCold.callMs.length} of Rust, ${nodeCold.callMs.length} of Node.js.

${renderTable({
  columns: [
    { key: 'what', title: '', unit: 'text' },
    { key: 'p50', title: 'call p50', unit: 'millis' },
    { key: 'p95', title: 'call p95', unit: 'millis' },
    { key: 'init50', title: 'init p50', unit: 'millis' },
    { key: 'init95', title: 'init p95', unit: 'millis' },
  ],
  rows: [coldRow('Rust (standard library)', rustCold), coldRow('Node.js handler', nodeCold)],
})}

What others publish about themselves, on other machines and with other functions:

${renderTable({
  columns: [
    { key: 'who', title: '', unit: 'text' },
    { key: 'cold', title: 'cold', unit: 'text' },
    { key: 'warm', title: 'warm', unit: 'text' },
    { key: 'source', title: 'source', unit: 'text' },
  ],
  rows: [...PEERS],
})}

## Warm calls

One after the other, of the Rust echo; directly means by the smallest Runtime API that can be, without a sandbox.

${renderTable({
  columns: [
    { key: 'what', title: '', unit: 'text' },
    { key: 'p50', title: 'p50', unit: 'millis' },
    { key: 'p99', title: 'p99', unit: 'millis' },
  ],
  rows: [
    { what: 'over the control API', p50: percentile(latency.throughMs, 0.5), p99: percentile(latency.throughMs, 0.99) },
    { what: 'directly', p50: percentile(latency.directMs, 0.5), p99: percentile(latency.directMs, 0.99) },
    { what: 'added', p50: addedMs, p99: addedP99Ms },
  ],
})}

As many at a time as there are connections, each with an environment of its own:

${renderTable({
  columns: [
    { key: 'what', title: '', unit: 'text' },
    { key: 'connections', title: 'connections', unit: 'count' },
    { key: 'perSecond', title: 'invocations/s', unit: 'count' },
    { key: 'p50Ms', title: 'p50', unit: 'millis' },
    { key: 'p99Ms', title: 'p99', unit: 'millis' },
    { key: 'engineCpuUs', title: 'engine CPU', unit: 'micros' },
    { key: 'functionCpuUs', title: 'function CPU', unit: 'micros' },
  ],
  rows: [
    ...rustLoads.map((load) => ({ what: 'Rust', ...load })),
    ...nodeLoads.map((load) => ({ what: 'Node.js', ...load })),
  ],
})}

## Idle

${ENVIRONMENTS} environments were started at once, which took ${figure(idle.startedMs / 1_000)} s. In ${IDLE_SECONDS} s without a call the engine used ${figure(idle.engine * 100)} % of a core, the environments ${figure((idle.all - idle.engine) * 100)} %.

${new Date().toISOString()}; npm run bench:functions
`
}

/** @param {number} value */
function figure(value) {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}

/** CPU that neither this process nor its children use, while something is measured. @param {number} engine process */
function otherWork(engine) {
  const before = busySeconds() - ownSeconds(engine)
  const since = performance.now()
  return () => {
    const seconds = (performance.now() - since) / 1_000
    return `${Math.round(((busySeconds() - ownSeconds(engine) - before) / seconds) * 100)} % of a core`
  }
}

/** Of all processors, in seconds: proc_stat(5). */
function busySeconds() {
  const fields = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0].split(/\s+/).slice(1).map(Number)
  const [user, nice, system, , , irq, softirq] = fields
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND
}

/** Of this process, the engine, and what either has seen the end of. Sandboxes that live count when they have ended. @param {number} engine process */
function ownSeconds(engine) {
  const ticks = [process.pid, engine].map((pid) => {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
    return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  })
  return (ticks[0] + ticks[1]) / TICKS_PER_SECOND
}
