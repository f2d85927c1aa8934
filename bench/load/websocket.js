import { fileURLToPath } from 'node:url'
import { launch } from '../harness/children.js'
import { LOAD_CORE } from '../harness/cores.js'

const program = fileURLToPath(new URL('websocket-main.js', import.meta.url))

/**
 * A closed loop over WebSockets, one message in flight on each.
 * @param {{ port: number, seconds: number, connections: number }} plan
 * @returns {Promise<import('./load-result.js').LoadResult>} a message is a request
 */
export async function runWebSocket(plan) {
  const child = launch({ core: LOAD_CORE, command: process.execPath, args: [program, JSON.stringify(plan)] })
  await child.exited
  const output = child.output()
  if (!output.startsWith('{')) throw new Error(`the load generator failed: ${output}`)
  return JSON.parse(output)
}
