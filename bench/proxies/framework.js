import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { launch } from '../harness/children.js'
import { PROXY_CORE } from '../harness/cores.js'
import { running } from './proxy.js'

const program = fileURLToPath(new URL('framework-main.js', import.meta.url))
const manifest = new URL('../../packages/proxy/package.json', import.meta.url)

/**
 * A program of one callback on @sekisho/proxy: what the gateway costs on top is the difference to ours.
 * @type {import('./proxy.js').Proxy}
 */
export const framework = {
  name: 'framework',
  find: async () => ((await isBuilt()) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined),
  start({ port, upstreams }) {
    const args = [program, JSON.stringify({ port, upstream: upstreams[0] })]
    return running(launch({ core: PROXY_CORE, command: process.execPath, args, env: { NODE_ENV: 'production' } }))
  },
}

async function isBuilt() {
  const library = new URL('../../packages/proxy/dist/index.js', import.meta.url).href
  try {
    const exported = await import(library)
    return 'httpProxy' in exported && 'Server' in exported
  } catch {
    return false
  }
}
