import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { launch } from '../harness/children.js'
import { PROXY_CORE } from '../harness/cores.js'
import { IDLE_SECONDS, KEEPALIVE, running } from './proxy.js'

/**
 * A proxy that is an npm package under bench/node_modules and a small program here. The program gets
 * `{ port, upstream, keepalive, idleMs }` as JSON.
 * @param {{ name: string, package: string, program: string }} peer
 * @returns {import('./proxy.js').Proxy}
 */
export function nodePeer(peer) {
  const manifest = new URL(`../node_modules/${peer.package}/package.json`, import.meta.url)
  const program = fileURLToPath(new URL(peer.program, import.meta.url))
  return {
    name: peer.name,
    find: () => (existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined),
    start({ port, upstreams }) {
      const settings = { port, upstream: upstreams[0], keepalive: KEEPALIVE, idleMs: IDLE_SECONDS * 1000 }
      const args = [program, JSON.stringify(settings)]
      return running(launch({ core: PROXY_CORE, command: process.execPath, args, env: { NODE_ENV: 'production' } }))
    },
  }
}
