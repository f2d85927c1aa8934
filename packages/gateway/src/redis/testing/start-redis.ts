import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { freePort } from '../../testing/free-port.ts'

/** The program of Debian's `redis-server`; undefined: tests that need it are skipped. */
export const redisServer = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find((path) => existsSync(path))

export interface TestRedis {
  readonly port: number
  kill(): Promise<void>
  /** On the same port, empty. */
  restart(): Promise<void>
  /** It accepts connections and answers nothing, as a machine that hangs. */
  freeze(): void
  resume(): void
  /** A client that the test may use. */
  client(options?: { readonly password: string; readonly db: number }): Redis
}

/** A Redis of this test, which ends with it. */
export async function startRedis(options: readonly string[] = []): Promise<TestRedis> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-redis-'))
  let server = await launch(port, folder, options)
  const clients: Redis[] = []
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
  }
  onTestFinished(async () => {
    for (const client of clients) client.disconnect()
    await kill()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    port,
    kill,
    async restart() {
      await kill()
      server = await launch(port, folder, options)
    },
    freeze: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    client(options) {
      const client = new Redis({ host: '127.0.0.1', port, ...options })
      client.on('error', () => undefined)
      clients.push(client)
      return client
    },
  }
}

/** Three masters that share the slots. */
export async function startCluster(): Promise<readonly TestRedis[]> {
  const nodes: TestRedis[] = []
  const buses: number[] = []
  for (let at = 0; at < 3; at++) {
    const bus = await freePort()
    buses.push(bus)
    const node = ['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-node-timeout', '2000']
    nodes.push(await startRedis([...node, '--cluster-require-full-coverage', 'no']))
  }
  const clients = nodes.map((node) => node.client())
  await clients[0].cluster('ADDSLOTSRANGE', 0, 5_460)
  await clients[1].cluster('ADDSLOTSRANGE', 5_461, 10_922)
  await clients[2].cluster('ADDSLOTSRANGE', 10_923, 16_383)
  for (const at of [1, 2]) await clients[0].call('CLUSTER', 'MEET', '127.0.0.1', nodes[at].port, buses[at])
  for (const client of clients) {
    await until(async () => {
      const info = await client.cluster('INFO')
      return /cluster_state:ok/.test(String(info)) && /cluster_known_nodes:3/.test(String(info))
    })
  }
  return nodes
}

/** A master, its replica, and one sentinel that watches them as `name`. */
export async function startSentinel(name: string) {
  const master = await startRedis()
  const replica = await startRedis(['--replicaof', '127.0.0.1', String(master.port)])
  const replicaClient = replica.client()
  await until(async () => /master_link_status:up/.test(await replicaClient.info('replication')))
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-sentinel-'))
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor ${name} 127.0.0.1 ${master.port} 1`,
    `sentinel down-after-milliseconds ${name} 500`,
    `sentinel failover-timeout ${name} 2000`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const server = spawn(redisServer as string, [file, '--sentinel'], { stdio: ['ignore', 'ignore', 'ignore'] })
  const watcher = new Redis({ host: '127.0.0.1', port })
  watcher.on('error', () => undefined)
  onTestFinished(async () => {
    watcher.disconnect()
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  await until(async () => ((await watcher.call('SENTINEL', 'REPLICAS', name)) as unknown[]).length === 1)
  return { port, master, replica }
}

/** Waits for what no event tells, ten seconds at most. */
export async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const untilMs = Date.now() + 10_000
  while (!(await isTrue())) {
    if (Date.now() > untilMs) throw new Error('it did not come true within 10 s')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function launch(port: number, folder: string, options: readonly string[]): Promise<ChildProcess> {
  const all = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--dir',
    folder,
    '--loglevel',
    'notice',
    ...options,
  ]
  const server = spawn(redisServer as string, all, { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  for await (const chunk of server.stdout) {
    text += String(chunk)
    if (text.includes('Ready to accept connections')) break
  }
  if (!text.includes('Ready to accept connections')) throw new Error(`redis-server did not start: ${text}`)
  return server
}
