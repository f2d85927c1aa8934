import { launch } from '../harness/children.js'
import { LOAD_CORE } from '../harness/cores.js'
import { parseH2load } from './h2load-output.js'

/**
 * @typedef {object} H2Load
 * @property {number} port
 * @property {string} path
 * @property {number} seconds
 * @property {number} connections
 * @property {number} streams at once on each connection
 * @property {string} [data] file that is posted
 * @property {readonly string[]} [headers] `name: value`
 */

/**
 * A closed loop over HTTP/2 without TLS: every stream is followed by another. One thread, as it has one core.
 * @param {H2Load} load
 */
export async function runH2loadClosed({ port, path, seconds, connections, streams, data, headers = [] }) {
  const body = data === undefined ? [] : ['-d', data]
  const fields = headers.flatMap((header) => ['-H', header])
  const args = ['-t', '1', '-c', String(connections), '-m', String(streams), '-D', String(seconds), ...body, ...fields]
  const child = launch({ core: LOAD_CORE, command: 'h2load', args: [...args, `http://127.0.0.1:${port}${path}`] })
  await child.exited
  return parseH2load(child.output())
}
