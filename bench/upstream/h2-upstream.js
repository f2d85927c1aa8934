import { fileURLToPath } from 'node:url'
import { launch } from '../harness/children.js'
import { LOAD_CORE } from '../harness/cores.js'
import { freePorts } from '../harness/ports.js'
import { waitUntilListening } from '../harness/readiness.js'
import { LARGE_BODIES } from './bodies.js'

const program = fileURLToPath(new URL('h2-upstream-main.js', import.meta.url))

/**
 * @typedef {object} H2Upstream
 * @property {number} grpc port that answers every request with a gRPC message
 * @property {Map<string, number>} large ports by the name of the body that they answer
 * @property {() => Promise<void>} stop
 */

/**
 * Raw frames in Node.js. nginx would answer gRPC too, with a file and `add_trailer`, but takes a POST to a file for an
 * error that has to be turned into an answer first.
 * @returns {Promise<H2Upstream>}
 */
export async function startH2Upstream() {
  const ports = await freePorts(1 + LARGE_BODIES.length)
  const child = launch({ core: LOAD_CORE, command: process.execPath, args: [program, JSON.stringify(ports)] })
  await Promise.all(ports.map((port) => waitUntilListening(child, port)))
  const [grpc, ...rest] = ports
  return { grpc, large: new Map(LARGE_BODIES.map(([name], index) => [name, rest[index]])), stop: child.stop }
}
