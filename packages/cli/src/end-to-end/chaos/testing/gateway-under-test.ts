import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ask, type CurlAnswer } from '../../../testing/curl.ts'
import { eventually } from '../../../testing/eventually.ts'
import { freePort } from '../../../testing/free-port.ts'
import { Sekisho } from '../../../testing/sekisho.ts'
import type { Cable, Network } from './network.ts'
import type { ChaosNode } from './node.ts'
import { GRACE_MS, READ_TIMEOUT_MS } from './rules.ts'

/** A gateway that does not start, or says so in words that are not known here, is ended after so long. */
const START_MS = 60_000
/** A cable is out for some seconds. */
const ATTEMPTS = 40
const ATTEMPT_MS = 250
const KEY = 'the-key-of-this-run'
/** More than any run asks for. */
const UNLIMITED = 1_000_000_000

/** Says which worker answers, and does to it what the path says. */
const PLUGIN = `import { definePlugin, Type } from '@sekisho/gateway'
import { threadId } from 'node:worker_threads'

const worker = process.pid + '/' + threadId + '/'
const deeds = {
  '/chaos/who': () => {},
  '/chaos/exit': () => process.exit(9),
  '/chaos/throw': () => { throw new Error('thrown by the chaos run') },
  '/chaos/freeze': (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
}

export default definePlugin({
  name: 'chaos', priority: 30000,
  schema: Type.Object({}),
  create: () => ({
    access(session) {
      const deed = deeds[session.ctx.path]
      if (deed === undefined) return
      session.respond(200, worker)
      setTimeout(deed, 20, Number(session.ctx.variable('arg_ms')))
    },
    headerFilter: (session) => void session.response.headers.set('x-worker', worker),
  }),
})
`

export interface Surroundings {
  readonly folder: string
  /** The script of the build that runs. */
  readonly command: string
  /** Where logs, the disk cache and the last good configuration are. */
  readonly disk: string
  readonly nodes: readonly ChaosNode[]
  /** URL of etcd; left out: the configuration is a file. */
  readonly etcd: string | undefined
  /** `HOST:PORT` of Redis. */
  readonly redis: string | undefined
  readonly network: Network
  /** Its way to its clients. */
  readonly cable: Cable
  readonly clock: string
}

/** The gateway of a run: its command, its configuration, and what can be asked of it. */
export class GatewayUnderTest {
  readonly sekisho: Sekisho
  readonly port: number
  private readonly around: Surroundings
  private readonly metricsPort: number
  private readonly adminPort: number
  private version = 0

  private constructor(around: Surroundings, sekisho: Sekisho, port: number, ports: { metrics: number; admin: number }) {
    this.around = around
    this.sekisho = sekisho
    this.port = port
    this.metricsPort = ports.metrics
    this.adminPort = ports.admin
  }

  static async start(around: Surroundings): Promise<GatewayUnderTest> {
    const ports = { metrics: await freePort(), admin: await freePort() }
    mkdirSync(join(around.folder, 'plugins'), { recursive: true })
    writeFileSync(join(around.folder, 'plugins', 'chaos.mjs'), PLUGIN)
    write(around, ports, 0)
    const clock = new URL('skewed-clock.mjs', import.meta.url).href
    const sekisho = new Sekisho(['start'], {
      cwd: around.folder,
      command: around.command,
      prefix: around.network.prefix,
      env: { NODE_OPTIONS: `--import=${clock}`, SKEWED_CLOCK: around.clock },
    })
    const late = setTimeout(() => sekisho.child.kill('SIGKILL'), START_MS)
    try {
      const [, port] = await sekisho.printed(/^serving .*? on http:\/\/(?:\*|[\d.]+):(\d+)/m)
      const gateway = new GatewayUnderTest(around, sekisho, Number(port), ports)
      await gateway.configure()
      return gateway
    } catch (error) {
      await sekisho.stop()
      throw new Error(`${(error as Error).message}\n${sekisho.stdout}\n${sekisho.stderr}`, { cause: error })
    } finally {
      clearTimeout(late)
    }
  }

  get host(): string {
    return this.around.cable.inside
  }

  /** `PROCESS/THREAD/` of the worker that happens to answer, which then does it. */
  async tellWorker(deed: 'who' | 'exit' | 'throw' | 'freeze', ms = 0): Promise<string> {
    let unreachable: unknown
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        return (await this.ask(`/chaos/${deed}?ms=${ms}`)).body
      } catch (error) {
        // The cable is out, which is another's doing: nobody was told anything yet.
        if ((error as NodeJS.ErrnoException).code !== 'EHOSTUNREACH') throw error
        unreachable = error
        await pause(ATTEMPT_MS)
      }
    }
    throw unreachable
  }

  async processId(): Promise<number> {
    return Number.parseInt(await this.tellWorker('who'), 10)
  }

  /** Another configuration, ordered and not waited for. False: it was refused, as by an etcd that is away. */
  async change(): Promise<boolean> {
    const version = ++this.version
    if (this.around.etcd === undefined) {
      write(this.around, { metrics: this.metricsPort, admin: this.adminPort }, version)
      this.sekisho.child.kill('SIGHUP')
      return true
    }
    return (await this.admin(resources(this.around, version))) === 200
  }

  /** A configuration that must come into force, now that nothing is in its way. */
  async configure(): Promise<void> {
    await eventually(
      () => this.change().catch(() => false),
      (done) => done,
    )
    const wanted = String(this.version)
    await eventually(
      () =>
        this.ask('/chaos/who').then(
          ({ headers }) => headers['x-version'],
          () => undefined,
        ),
      (version) => version === wanted,
    )
  }

  ask(path: string): Promise<CurlAnswer> {
    return ask(`http://${this.host}:${this.port}${path}`)
  }

  /** The text of /metrics. */
  async metrics(): Promise<string> {
    return (await ask(`http://${this.host}:${this.metricsPort}/metrics`)).body
  }

  async ready(): Promise<boolean> {
    return (await ask(`http://${this.host}:${this.metricsPort}/status/ready`)).status === 200
  }

  private admin(body: object): Promise<number> {
    return new Promise((resolve, reject) => {
      const asked = request(`http://${this.host}:${this.adminPort}/admin/transaction`, {
        method: 'POST',
        headers: { 'x-api-key': KEY },
        agent: false,
      })
      asked.on('response', (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
      })
      asked.on('error', reject)
      asked.end(JSON.stringify(body))
    })
  }
}

function write(around: Surroundings, ports: { metrics: number; admin: number }, version: number): void {
  const { folder, disk, etcd, network } = around
  const settings = {
    listen: [`${network.listen}:0`],
    workers: 2,
    metrics: { address: `${network.listen}:${ports.metrics}` },
    access_log: { path: join(disk, 'access.log'), format: 'json' },
    proxy_cache: {
      zones: [
        { name: 'memory', memory_size: '4m' },
        { name: 'disk', disk_path: join(disk, 'cache'), disk_size: '4m', memory_size: '1m' },
      ],
    },
    shutdown: { grace_period: GRACE_MS / 1000 },
  }
  const store = {
    admin: { address: `${network.listen}:${ports.admin}`, keys: [{ name: 'ops', key: KEY, role: 'admin' }] },
    store: { type: 'etcd', endpoints: [etcd], last_good: join(disk, 'last-good') },
  }
  const document = etcd === undefined ? { ...settings, ...resources(around, version) } : { ...settings, ...store }
  // JSON is YAML.
  writeFileSync(join(folder, 'sekisho.yaml'), JSON.stringify(document, undefined, 1))
}

function resources({ nodes, redis }: Surroundings, version: number): object {
  const timeout = { connect: 1, send: READ_TIMEOUT_MS / 1000, read: READ_TIMEOUT_MS / 1000 }
  const addresses = (link: 0 | 1): object =>
    // Their weights change, so that balancers are made anew.
    Object.fromEntries(nodes.map(({ links }, at) => [links[link].address, at === version % 3 ? 2 : 1]))
  const pace = { interval: 0.3 }
  const upstreams = [
    {
      id: 'http',
      nodes: addresses(0),
      timeout,
      checks: {
        active: { http_path: '/health', healthy: pace, unhealthy: pace },
        passive: { unhealthy: { tcp_failures: 3, timeouts: 3 } },
      },
    },
    {
      id: 'grpc',
      scheme: 'grpc',
      nodes: addresses(1),
      checks: { active: { type: 'tcp', healthy: pace, unhealthy: pace } },
    },
  ]
  const counted = { count: UNLIMITED, time_window: 60, key: 'remote_addr' }
  const [redisHost, redisPort] = redis?.split(':') ?? []
  const shared = {
    policy: 'redis',
    redis_host: redisHost,
    redis_port: Number(redisPort),
    redis_timeout: 500,
    allow_degradation: true,
  }
  const cached = (zone: string): object => ({
    id: `cached-${zone}`,
    uri: `/cached/${zone}/*`,
    upstream_id: 'http',
    plugins: { 'proxy-cache': { cache_zone: zone, cache_strategy: zone } },
  })
  return {
    upstreams,
    global_rules: [
      {
        id: 'marks',
        plugins: { chaos: {}, 'response-rewrite': { headers: { set: { 'X-Version': String(version) } } } },
      },
    ],
    routes: [
      { id: 'chaos', uri: '/chaos/*', upstream_id: 'http' },
      { id: 'http', uris: ['/get/*', '/post/*', '/put/*'], upstream_id: 'http' },
      {
        id: 'limited',
        uri: '/limited/*',
        upstream_id: 'http',
        plugins: { 'limit-count': redis === undefined ? counted : { ...counted, ...shared } },
      },
      cached('memory'),
      cached('disk'),
      { id: 'websocket', uri: '/ws/*', upstream_id: 'http', enable_websocket: true },
      { id: 'grpc', uri: '/chaos.Bytes/*', upstream_id: 'grpc' },
      { id: `other-${version}`, uri: `/other/${version}`, upstream: 'http://127.0.0.1:1' },
    ],
  }
}
