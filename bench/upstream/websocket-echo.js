import { fileURLToPath } from 'node:url'
import { launch } from '../harness/children.js'
import { LOAD_CORE } from '../harness/cores.js'
import { freePorts } from '../harness/ports.js'
import { waitUntilReady } from '../harness/readiness.js'

const program = fileURLToPath(new URL('websocket-echo-main.js', import.meta.url))

/** @returns {Promise<{ port: number, stop: () => Promise<void> }>} */
export async function startWebSocketEcho() {
  const [port] = await freePorts(1)
  const child = launch({ core: LOAD_CORE, command: process.execPath, args: [program, String(port)] })
  await waitUntilReady(child, port, '/')
  return { port, stop: child.stop }
}
