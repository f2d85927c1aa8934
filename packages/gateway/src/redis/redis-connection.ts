import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { keySlot } from './key-slot.ts'
import type { RedisServer, RedisTls } from './redis-server.ts'

/** How long the slots of a cluster may be wrong when nothing tells: 5 s, as a failover takes that long anyway. */
const SLOTS_REFRESH_MS = 5_000

export type ScriptArguments = readonly (string | number)[]

/** A connection that was made and is ready. It is not repaired: who uses it makes another one. */
export interface RedisConnection {
  /** Runs a script on one key, by its SHA-1 or its text. Rejects when the connection is lost before the answer. */
  evaluate(command: 'evalsha' | 'eval', script: string, key: string, args: ScriptArguments): Promise<unknown>
  /** The part of the server that has a key: the node of a cluster, '' of the others. */
  partOf(key: string): string
  /** What is sent until `uncork` leaves in one write. */
  cork(): void
  uncork(): void
  /** Calls back once when it is lost; not after `close`. */
  onLost(listener: (error: Error) => void): void
  close(): void
}

type Library = Pick<typeof import('ioredis'), 'Redis' | 'Cluster'>

async function loadLibrary(): Promise<Library> {
  try {
    return await import('ioredis')
  } catch (error) {
    throw new Error('Redis needs a library that is not installed: npm install ioredis', { cause: error })
  }
}

/** Connects, within the time limit of the server. Rejects when it is not ready by then. */
export async function openRedis(server: RedisServer): Promise<RedisConnection> {
  const library = await loadLibrary()
  const client = server.kind === 'cluster' ? clusterOf(library, server) : clientOf(library, server)
  let reason: Error | undefined
  // Without a listener it writes to the console. What it says is the reason why the connection ended.
  client.on('error', (error: Error) => (reason = lastOf(error)))
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([
      client.connect(),
      new Promise((_, reject) => {
        timer = setTimeout(() => {
          reject(new Error(`was not ready within ${server.connectTimeoutMs} ms`))
        }, server.connectTimeoutMs)
      }),
    ])
  } catch (error) {
    client.disconnect()
    throw reason ?? error
  } finally {
    clearTimeout(timer)
  }
  return 'slots' in client ? new ClusterConnection(client) : new SingleConnection(client, () => reason)
}

/** A cluster says "failed to refresh slots cache"; what it could not do stands in its last error. */
const lastOf = (error: Error & { lastNodeError?: Error }): Error => error.lastNodeError ?? error

class SingleConnection implements RedisConnection {
  private readonly client: Redis
  private readonly reason: () => Error | undefined
  private isClosed = false

  constructor(client: Redis, reason: () => Error | undefined) {
    this.client = client
    this.reason = reason
  }

  evaluate(command: 'evalsha' | 'eval', script: string, key: string, args: ScriptArguments): Promise<unknown> {
    return this.client[command](script, 1, key, ...args)
  }

  partOf(): string {
    return ''
  }

  cork(): void {
    this.client.stream.cork()
  }

  uncork(): void {
    this.client.stream.uncork()
  }

  onLost(listener: (error: Error) => void): void {
    this.client.once('close', () => {
      if (!this.isClosed) listener(this.reason() ?? new Error('the connection was closed'))
    })
  }

  close(): void {
    this.isClosed = true
    this.client.disconnect()
  }
}

class ClusterConnection implements RedisConnection {
  private readonly client: Cluster
  private isClosed = false

  constructor(client: Cluster) {
    this.client = client
  }

  evaluate(command: 'evalsha' | 'eval', script: string, key: string, args: ScriptArguments): Promise<unknown> {
    return this.client[command](script, 1, key, ...args)
  }

  partOf(key: string): string {
    return this.client.slots[keySlot(key)]?.[0] ?? ''
  }

  /** The commands go to several nodes, each with a write of its own. */
  cork(): void {}

  uncork(): void {}

  onLost(listener: (error: Error) => void): void {
    this.client.once('end', () => {
      if (!this.isClosed) listener(new Error('no node of the cluster can be reached'))
    })
  }

  close(): void {
    this.isClosed = true
    this.client.disconnect()
  }
}

const tlsOptions = (tls: RedisTls | undefined): Pick<RedisOptions, 'tls'> =>
  tls === undefined ? {} : { tls: { rejectUnauthorized: tls.verify } }

/** What all clients have: nothing is sent again and nothing waits, as a count that comes late is a count of another window. */
function commonOptions({ username, password, tls, connectTimeoutMs }: RedisServer) {
  return {
    connectionName: 'sekisho',
    connectTimeout: connectTimeoutMs,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined || password === '' ? {} : { password }),
    ...tlsOptions(tls),
  } satisfies RedisOptions
}

function clientOf({ Redis: Client }: Library, server: Exclude<RedisServer, { kind: 'cluster' }>): Redis {
  const options = {
    ...commonOptions(server),
    db: server.database,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  }
  if (server.kind === 'single') return new Client({ ...options, host: server.host, port: server.port })
  const { sentinelUsername, sentinelPassword } = server
  return new Client({
    ...options,
    name: server.name,
    role: 'master',
    sentinels: server.sentinels.map(({ host, port }) => ({ host, port })),
    sentinelRetryStrategy: () => null,
    sentinelCommandTimeout: server.timeoutMs,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined || sentinelPassword === '' ? {} : { sentinelPassword }),
  })
}

function clusterOf({ Cluster: Client }: Library, server: Extract<RedisServer, { kind: 'cluster' }>): Cluster {
  const options = {
    redisOptions: commonOptions(server),
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: () => null,
    slotsRefreshTimeout: server.connectTimeoutMs,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    // A redirection is followed; whatever else fails is the caller's to answer, at once.
    maxRedirections: 3,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
  }
  return new Client(
    server.nodes.map(({ host, port }) => ({ host, port })),
    options,
  )
}
