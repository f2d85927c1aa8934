import { createHash } from 'node:crypto'
import { redisLink, redisScript, type RedisLease, type RedisScript, type RedisServer } from '../../redis/index.ts'
import type { PluginContext } from '../context.ts'
import type { RedisSessionConfig } from './session-schema.ts'

/** Nobody knows whether there is a session: Redis is away, slow, or refuses. */
export class SessionsUnavailable extends Error {}

const READ = redisScript(`return redis.call('GET', KEYS[1]) or ''`)
/** ARGV: value, seconds. */
const WRITE = redisScript(`redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) return 'OK'`)
/** The same for one that is there: whoever signed out meanwhile stays so. */
const UPDATE = redisScript(`redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2], 'XX') return 'OK'`)
const REMOVE = redisScript(`redis.call('DEL', KEYS[1]) return 'OK'`)

/** Sessions in a Redis, encrypted, under the hash of what the browser has: who reads the Redis can neither read a session nor use one. */
export class RedisSessions {
  private readonly lease: RedisLease
  private readonly prefix: string

  constructor(config: RedisSessionConfig, { metrics, logger }: Pick<PluginContext, 'metrics' | 'logger'>) {
    this.lease = redisLink(serverOf(config), metrics, logger)
    this.prefix = config.prefix
  }

  /** undefined: there is none. Rejects with SessionsUnavailable. */
  async read(id: string): Promise<string | undefined> {
    const reply = await this.run(READ, id, [])
    return typeof reply === 'string' && reply !== '' ? reply : undefined
  }

  async create(id: string, value: string, seconds: number): Promise<void> {
    await this.run(WRITE, id, [value, seconds])
  }

  async update(id: string, value: string, seconds: number): Promise<void> {
    await this.run(UPDATE, id, [value, seconds])
  }

  async remove(id: string): Promise<void> {
    await this.run(REMOVE, id, [])
  }

  close(): void {
    this.lease.release()
  }

  private run(script: RedisScript, id: string, args: readonly (string | number)[]): Promise<unknown> {
    const key = `${this.prefix}:${createHash('sha256').update(id).digest('base64url')}`
    return new Promise((resolve, reject) => {
      this.lease.link.send({
        script,
        key,
        arguments: () => args,
        done: (reply) => (reply === undefined ? reject(new SessionsUnavailable()) : resolve(reply)),
      })
    })
  }
}

const serverOf = (config: RedisSessionConfig): RedisServer => ({
  kind: 'single',
  host: config.host,
  port: config.port,
  database: config.database,
  username: config.username,
  password: config.password === '' ? undefined : config.password,
  tls: config.ssl ? { verify: config.ssl_verify } : undefined,
  connectTimeoutMs: config.connect_timeout,
  timeoutMs: Math.max(config.read_timeout, config.send_timeout),
})
