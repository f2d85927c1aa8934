import { fileURLToPath } from 'node:url'
import { launch } from '../harness/children.js'
import { PROXY_CORE } from '../harness/cores.js'
import { running } from './proxy.js'

const program = fileURLToPath(new URL('node-http2-main.js', import.meta.url))

/**
 * Node.js's own HTTP/2 on both sides. @type {import('./proxy.js').Proxy}
 */
export const nodeHttp2 = {
  name: 'node-http2',
  onlyByName: true,
  find: () => process.versions.node,
  start({ port, upstreams }) {
    const args = [program, JSON.stringify({ port, upstream: upstreams[0] })]
    return running(launch({ core: PROXY_CORE, command: process.execPath, args, env: { NODE_ENV: 'production' } }))
  },
}
