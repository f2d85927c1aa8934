import { fileURLToPath } from 'node:url'
import { LOAD_CORE } from '../harness/cores.js'
import { launch } from '../harness/children.js'
import { parseWrk } from './wrk-output.js'

/**
 * @typedef {object} WrkLoad
 * @property {number} port
 * @property {string} path
 * @property {number} seconds
 * @property {number} connections
 * @property {string} [script] a file in wrk-scripts/
 * @property {boolean} [tls]
 */

/**
 * A closed loop: every connection asks again as soon as it was answered. One thread, as it has one core.
 * @param {WrkLoad} load
 */
export async function runWrk({ port, path, seconds, connections, script, tls = false }) {
  const scripted = script === undefined ? [] : ['-s', fileURLToPath(new URL(`wrk-scripts/${script}`, import.meta.url))]
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '10s', ...scripted]
  const child = launch({
    core: LOAD_CORE,
    command: 'wrk',
    args: [...args, `${tls ? 'https' : 'http'}://127.0.0.1:${port}${path}`],
  })
  await child.exited
  return parseWrk(child.output())
}
