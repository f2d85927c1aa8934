import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch } from '../harness/children.js'
import { PROXY_CORE } from '../harness/cores.js'
import { freePorts } from '../harness/ports.js'
import { API_KEY, IDLE_SECONDS, UNLIMITED_REQUESTS, certificateOf, keepAlive, running } from './proxy.js'

const command = fileURLToPath(new URL('../../packages/cli/bin/sekisho.js', import.meta.url))
const built = new URL('../../packages/cli/dist/main.js', import.meta.url)
const manifest = new URL('../../packages/cli/package.json', import.meta.url)

/** An entry that is built but does nothing yet has a few bytes. */
const SMALLEST_PROGRAM_BYTES = 200

/** Sekisho as its users start it: a configuration file and `sekisho start`. @type {import('./proxy.js').Proxy} */
export const ours = {
  name: 'ours',
  find() {
    if (!existsSync(built) || statSync(built).size < SMALLEST_PROGRAM_BYTES) return undefined
    return JSON.parse(readFileSync(manifest, 'utf8')).version
  },
  async start(options) {
    const file = join(options.dir, 'sekisho.yaml')
    const [admin, metrics] = await freePorts(2)
    /** @param {import('./proxy.js').Setup} scenario */
    const write = (scenario) => {
      writeFileSync(`${file}.new`, configuration({ ...options, scenario }, admin, metrics))
      renameSync(`${file}.new`, file)
    }
    write(options.scenario)
    const args = [command, 'start', '-c', file]
    const env = { NODE_ENV: 'production' }
    const child = launch({ core: PROXY_CORE, command: process.execPath, args, cwd: options.dir, env })
    return running(child, write)
  },
}

/**
 * @param {import('./proxy.js').StartOptions} options
 * @param {number} admin
 * @param {number} metrics
 */
function configuration({ port, upstreams, scenario }, admin, metrics) {
  const plugins = scenario.policies === true ? POLICIES : scenario.cache === true ? CACHE : undefined
  const routes = [...routesOf(scenario)].map((route, index) => ({
    id: `r${index}`,
    uri: route.path,
    upstream_id: `u${route.upstream}`,
    // Turns with every generation, so that a reload changes every single route and not only /live.
    ...(scenario.livePath === undefined ? {} : { priority: scenario.livePath }),
    ...(plugins === undefined ? {} : { plugins }),
  }))
  const pool = { size: keepAlive(scenario), idle_timeout: IDLE_SECONDS, requests: UNLIMITED_REQUESTS }
  const nodes = upstreams.map((upstream, index) => ({
    id: `u${index}`,
    type: index === 0 && scenario.balanced !== undefined ? scenario.balanced.type : 'roundrobin',
    ...(scenario.back === undefined ? {} : { scheme: 'grpc' }),
    nodes: Object.fromEntries(nodesOf(index, upstream, scenario).map((node) => [`127.0.0.1:${node}`, 1])),
    keepalive_pool: pool,
  }))
  return `
listen: [${listener(port, scenario)}]
workers: 1
admin: { address: "127.0.0.1:${admin}" }
metrics: { address: "127.0.0.1:${metrics}" }
store: { type: file }
limits: { keepalive_timeout: ${IDLE_SECONDS}, max_requests_per_connection: 0 }
upstreams:
${list(nodes)}
routes:
${list(routes)}
${plugins !== POLICIES ? '' : `consumers:\n${list([CONSUMER])}`}
`
}

/**
 * HTTP/2 without TLS needs no setting: it is told by its first bytes.
 * @param {number} port
 * @param {import('./proxy.js').Setup} scenario
 */
function listener(port, scenario) {
  const address = `127.0.0.1:${port}`
  if (scenario.front !== 'tls') return JSON.stringify(address)
  const { cert, key } = certificateOf(scenario)
  return JSON.stringify({ address, tls: { cert, key } })
}

const CONSUMER = { username: 'bench', plugins: { 'key-auth': { key: API_KEY } } }

/** For an hour. */
const CACHE = { 'proxy-cache': { cache_ttl: 3_600 } }

/** A limit that is counted and never reached. */
const POLICIES = {
  'key-auth': {},
  'limit-count': {
    count: UNLIMITED_REQUESTS,
    time_window: IDLE_SECONDS,
    key_type: 'var',
    key: 'remote_addr',
    policy: 'local',
  },
  prometheus: {},
}

/** @param {import('./proxy.js').Setup} scenario */
function routesOf({ routes = [{ path: '/*', upstream: 0 }], livePath }) {
  return livePath === undefined ? routes : [...routes, { path: '/live', upstream: livePath }]
}

/**
 * @param {number} index
 * @param {number} upstream
 * @param {import('./proxy.js').Setup} scenario
 */
const nodesOf = (index, upstream, { balanced }) => (index === 0 && balanced !== undefined ? balanced.ports : [upstream])

/** JSON is YAML. @param {object[]} values */
function list(values) {
  return values.map((value) => `  - ${JSON.stringify(value)}`).join('\n')
}
