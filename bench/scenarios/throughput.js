import { runWrk } from '../load/wrk.js'
import { compare } from './comparison.js'

/** Clients at once. */
export const CLIENTS = 32

/**
 * @typedef {object} ThroughputLoad
 * @property {string} [path]
 * @property {string} [script] of wrk
 * @property {boolean} [bytes] bytes/s matter more than requests/s
 * @property {import('../proxies/proxy.js').Setup} [setup]
 */

/**
 * wrk as fast as the proxy goes.
 * @param {ThroughputLoad} load
 * @returns {(bench: import('./scenario.js').Bench) => Promise<import('./scenario.js').Outcome>}
 */
export function throughput({ path = '/', script, bytes = false, setup = { connections: CLIENTS } }) {
  const plan = { path, connections: CLIENTS, ...(script === undefined ? {} : { script }) }
  return (bench) => compare(bench, { load: (port, seconds) => runWrk({ ...plan, port, seconds }), bytes, setup })
}
