import { launch } from '../harness/children.js'
import { LOAD_CORE } from '../harness/cores.js'

/** So many clients that each connect, shake hands and close, again and again: enough that the proxy never waits. */
const CLIENTS = 4

/**
 * New TLS connections without resumption, by `openssl s_time`. wrk would resume sessions, as often as it got tickets.
 * @param {{ port: number, seconds: number }} plan
 * @returns {Promise<number>} how many there were
 */
export async function countHandshakes({ port, seconds }) {
  const args = ['s_time', '-connect', `127.0.0.1:${port}`, '-new', '-time', String(seconds), '-tls1_3']
  const children = Array.from({ length: CLIENTS }, () => launch({ core: LOAD_CORE, command: 'openssl', args }))
  await Promise.all(children.map((child) => child.exited))
  return children.reduce((sum, child) => sum + parseHandshakes(child.output()), 0)
}

/**
 * @param {string} output `4532 connections in 2 real seconds, 0 bytes read per connection`
 */
export function parseHandshakes(output) {
  const match = /(\d+) connections in \d+ real seconds/.exec(output)
  if (match === null) throw new Error(`openssl s_time did not print a number of connections:\n${output}`)
  return Number(match[1])
}
