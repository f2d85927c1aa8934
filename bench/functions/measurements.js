import { setTimeout as pause } from 'node:timers/promises'
import { ControlApi, invocation } from './control-api.js'
import { callDirectly } from './direct.js'
import { HttpConnection } from './http-connection.js'
import { invokeByWrk } from './wrk.js'

/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {import('./control-api.js').Package} Package */

const EVENT = { do: 'echo', text: 'a small event' }
/** The engine makes ready for the next one meanwhile. */
const BETWEEN_COLD_STARTS_MS = 150
/** Compiled code and caches are as in an engine that has run for a while. */
const COLD_WARM_UP = 10
const WARM_UP_CALLS = 5_000
const WARM_UP_SECONDS = 2

/**
 * First calls of functions that were never called.
 * @param {Engine} engine
 * @param {Package} code
 * @param {number} count
 */
export async function coldStarts(engine, code, count) {
  const api = await ControlApi.open(engine.port)
  const names = Array.from({ length: count + COLD_WARM_UP }, (_, index) => `cold-${index}`)
  for (const name of names) await api.deploy(name, code)
  const callMs = []
  const initMs = []
  for (const name of names) {
    await pause(BETWEEN_COLD_STARTS_MS)
    const before = performance.now()
    const { initMs: init } = await api.invoke(name, EVENT)
    callMs.push(performance.now() - before)
    initMs.push(init ?? Number.NaN)
  }
  for (const name of names) await api.remove(name)
  api.close()
  return { callMs: callMs.slice(COLD_WARM_UP), initMs: initMs.slice(COLD_WARM_UP) }
}

/**
 * One call after the other, over the control API and without it.
 * @param {Engine} engine
 * @param {Package} code
 * @param {string} bootstrap file of the same program
 * @param {number} count
 */
export async function warmLatency(engine, code, bootstrap, count) {
  const api = await ControlApi.open(engine.port)
  await api.deploy('latency', code)
  const connection = await HttpConnection.open(engine.port)
  const request = invocation('latency', EVENT)
  const throughMs = []
  for (let index = 0; index < WARM_UP_CALLS + count; index++) {
    const before = performance.now()
    const { status } = await connection.ask(request)
    throughMs.push(performance.now() - before)
    if (status !== 200) throw new Error(`an invocation was answered ${status}`)
  }
  connection.close()
  await api.remove('latency')
  api.close()
  const directMs = await callDirectly(bootstrap, JSON.stringify(EVENT), WARM_UP_CALLS + count)
  return { throughMs: throughMs.slice(WARM_UP_CALLS), directMs: directMs.slice(WARM_UP_CALLS) }
}

/**
 * @param {Engine} engine
 * @param {Package} code
 * @param {{ connections: number, seconds: number }} load
 */
export async function throughput(engine, code, { connections, seconds }) {
  const api = await ControlApi.open(engine.port)
  await api.deploy('throughput', code)
  const load = { port: engine.port, name: 'throughput', event: EVENT, connections }
  await invokeByWrk({ ...load, seconds: WARM_UP_SECONDS })
  const before = engine.cpu()
  const result = await invokeByWrk({ ...load, seconds })
  const after = engine.cpu()
  await api.remove('throughput')
  api.close()
  if (result.errors > 0) throw new Error(`${result.errors} of ${result.requests} invocations failed`)
  return {
    perSecond: result.requestsPerSecond,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    engineCpuUs: ((after.engine - before.engine) * 1e6) / result.requests,
    functionCpuUs: ((after.all - after.engine - before.all + before.engine) * 1e6) / result.requests,
  }
}

/**
 * CPU of environments that wait for work, and of the engine meanwhile: parts of one core.
 * @param {Engine} engine
 * @param {Package} code
 * @param {{ environments: number, seconds: number }} options
 */
export async function idleCpu(engine, code, { environments, seconds }) {
  const api = await ControlApi.open(engine.port)
  await api.deploy('idle', code, { MemorySize: 128 })
  const connections = await Promise.all(Array.from({ length: environments }, () => HttpConnection.open(engine.port)))
  const began = performance.now()
  const request = invocation('idle', { do: 'sleep', ms: 8_000 })
  const answers = await Promise.all(connections.map((connection) => connection.ask(request)))
  const failed = answers.filter(({ status, head }) => status !== 200 || /x-amz-function-error/i.test(head))
  if (failed.length > 0) throw new Error(`${failed.length} of ${environments} calls failed: ${failed[0].body}`)
  const startedMs = performance.now() - began - 8_000
  for (const connection of connections) connection.close()
  await pause(1_000)
  const before = engine.cpu()
  await pause(seconds * 1_000)
  const after = engine.cpu()
  await api.remove('idle')
  api.close()
  return {
    startedMs,
    engine: (after.engine - before.engine) / seconds,
    all: (after.all - before.all) / seconds,
  }
}
