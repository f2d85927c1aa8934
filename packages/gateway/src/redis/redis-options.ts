import { Type } from '../schema/type.ts'
import { parseAddress, type RedisServer, type RedisTls } from './redis-server.ts'

const DEFAULT_PORT = 6_379
const DEFAULT_TIMEOUT_MS = 1_000

const KEPT = 'has no effect: each worker keeps one connection, on which all requests share'

const milliseconds = (description: string) => Type.Optional(Type.Integer({ minimum: 1, description }))
const flag = (description: string) => Type.Optional(Type.Boolean({ description }))
const name = (description: string) => Type.Optional(Type.String({ minLength: 1, description }))
const password = (description: string) => Type.Optional(Type.String({ description }))

/** The options of a Redis, named as in APISIX. They have no defaults in the schema: it is told which were written. */
export const redisOptions = {
  redis_host: Type.Optional(
    Type.String({ minLength: 2, description: 'policy redis: the name or address of the server' }),
  ),
  redis_port: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 65_535, description: `policy redis: its port, ${DEFAULT_PORT} unless given` }),
  ),
  redis_username: name('the user of an ACL'),
  redis_password: password('the password of that user, or of "requirepass"; encrypted in a store, never shown'),
  redis_database: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: 'policies redis and redis-sentinel: the number of the database, 0 unless given',
    }),
  ),
  redis_ssl: flag('policy redis: TLS'),
  redis_ssl_verify: flag('policy redis: its certificate is verified'),
  redis_timeout: milliseconds(
    `policies redis and redis-cluster: milliseconds to connect, and to answer; ${DEFAULT_TIMEOUT_MS} unless given`,
  ),
  redis_keepalive_timeout: Type.Optional(Type.Integer({ minimum: 1, description: KEPT })),
  redis_keepalive_pool: Type.Optional(Type.Integer({ minimum: 1, description: KEPT })),
  redis_cluster_nodes: Type.Optional(
    Type.Array(Type.String({ minLength: 2, maxLength: 100 }), {
      minItems: 1,
      description: 'policy redis-cluster: some of its nodes, as host:port',
    }),
  ),
  redis_cluster_name: name('policy redis-cluster: its name in logs and metrics'),
  redis_cluster_ssl: flag('policy redis-cluster: TLS'),
  redis_cluster_ssl_verify: flag('policy redis-cluster: its certificates are verified'),
  redis_sentinels: Type.Optional(
    Type.Array(
      Type.Object(
        { host: Type.String({ minLength: 2 }), port: Type.Integer({ minimum: 1, maximum: 65_535 }) },
        { additionalProperties: false },
      ),
      { minItems: 1, description: 'policy redis-sentinel: the sentinels, each with host and port' },
    ),
  ),
  redis_master_name: name('policy redis-sentinel: the name of the master, as the sentinels know it'),
  redis_role: Type.Optional(
    Type.Enum(['master', 'slave'], { description: 'policy redis-sentinel: "master"; what counts has to write' }),
  ),
  redis_connect_timeout: milliseconds(
    `policy redis-sentinel: milliseconds to connect; ${DEFAULT_TIMEOUT_MS} unless given`,
  ),
  redis_read_timeout: milliseconds(`policy redis-sentinel: milliseconds to answer; ${DEFAULT_TIMEOUT_MS} unless given`),
  sentinel_username: name('policy redis-sentinel: the user at the sentinels'),
  sentinel_password: password(
    'policy redis-sentinel: the password at the sentinels; encrypted in a store, never shown',
  ),
}

export const REDIS_POLICIES = ['redis', 'redis-cluster', 'redis-sentinel'] as const
export type RedisPolicy = (typeof REDIS_POLICIES)[number]

type OptionName = keyof typeof redisOptions

const COMMON: readonly OptionName[] = [
  'redis_username',
  'redis_password',
  'redis_keepalive_timeout',
  'redis_keepalive_pool',
]

const OF_POLICY: Readonly<Record<RedisPolicy, readonly OptionName[]>> = {
  redis: [...COMMON, 'redis_host', 'redis_port', 'redis_database', 'redis_ssl', 'redis_ssl_verify', 'redis_timeout'],
  'redis-cluster': [
    ...COMMON,
    'redis_cluster_nodes',
    'redis_cluster_name',
    'redis_cluster_ssl',
    'redis_cluster_ssl_verify',
    'redis_timeout',
  ],
  'redis-sentinel': [
    ...COMMON,
    'redis_sentinels',
    'redis_master_name',
    'redis_role',
    'redis_database',
    'redis_connect_timeout',
    'redis_read_timeout',
    'sentinel_username',
    'sentinel_password',
  ],
}

const NEEDED: Readonly<Record<RedisPolicy, readonly OptionName[]>> = {
  redis: ['redis_host'],
  'redis-cluster': ['redis_cluster_nodes', 'redis_cluster_name'],
  'redis-sentinel': ['redis_sentinels', 'redis_master_name'],
}

/** What is configured of a Redis. */
export interface RedisSettings {
  readonly redis_host?: string | undefined
  readonly redis_port?: number | undefined
  readonly redis_username?: string | undefined
  readonly redis_password?: string | undefined
  readonly redis_database?: number | undefined
  readonly redis_ssl?: boolean | undefined
  readonly redis_ssl_verify?: boolean | undefined
  readonly redis_timeout?: number | undefined
  readonly redis_cluster_nodes?: readonly string[] | undefined
  readonly redis_cluster_name?: string | undefined
  readonly redis_cluster_ssl?: boolean | undefined
  readonly redis_cluster_ssl_verify?: boolean | undefined
  readonly redis_sentinels?: readonly { readonly host: string; readonly port: number }[] | undefined
  readonly redis_master_name?: string | undefined
  readonly redis_role?: 'master' | 'slave' | undefined
  readonly redis_connect_timeout?: number | undefined
  readonly redis_read_timeout?: number | undefined
  readonly sentinel_username?: string | undefined
  readonly sentinel_password?: string | undefined
}

interface Problem {
  readonly path: string
  readonly message: string
}

const isRedis = (policy: string): policy is RedisPolicy => (REDIS_POLICIES as readonly string[]).includes(policy)

/** What is wrong with the options of a Redis, under a policy; any other policy than those of a Redis has no use for them. */
export function checkRedis(policy: string, config: RedisSettings): Problem | undefined {
  const written = (Object.keys(redisOptions) as OptionName[]).filter((option) => option in config)
  if (!isRedis(policy)) {
    if (written.length === 0) return undefined
    return {
      path: `/${written[0]}`,
      message: `has no effect with policy "${policy}"; write policy: ${usedBy(written[0])}, or leave it out`,
    }
  }
  const missing = NEEDED[policy].find((option) => !(option in config))
  if (missing !== undefined)
    return { path: '/policy', message: `"${policy}" needs "${missing}"; write it beside the policy` }
  const superfluous = written.find((option) => !OF_POLICY[policy].includes(option))
  if (superfluous !== undefined)
    return {
      path: `/${superfluous}`,
      message: `has no effect with policy "${policy}", but with ${usedBy(superfluous)}; leave it out`,
    }
  if (config.redis_role === 'slave')
    return {
      path: '/redis_role',
      message: 'cannot be "slave", as what counts has to write; write "master", or leave it out',
    }
  const wrong = (config.redis_cluster_nodes ?? []).findIndex((node) => parseAddress(node) === undefined)
  if (policy === 'redis-cluster' && wrong >= 0)
    return { path: `/redis_cluster_nodes/${wrong}`, message: 'is not an address; write "10.0.0.1:6379", say' }
  return undefined
}

/** Which of them a policy uses; none when it is not one of a Redis. */
export const redisOptionsOf = (policy: unknown): readonly string[] =>
  typeof policy === 'string' && isRedis(policy) ? OF_POLICY[policy] : []

const usedBy = (option: OptionName): string =>
  REDIS_POLICIES.filter((policy) => OF_POLICY[policy].includes(option)).join(' or ')

/** The Redis of a configuration that `checkRedis` found nothing wrong with. */
export function redisServer(policy: RedisPolicy, config: RedisSettings): RedisServer {
  const { redis_username: username, redis_password: password, redis_database: database = 0 } = config
  const { redis_timeout: timeoutMs = DEFAULT_TIMEOUT_MS } = config
  const common = { username, password }
  switch (policy) {
    case 'redis':
      return {
        kind: 'single',
        host: config.redis_host ?? '',
        port: config.redis_port ?? DEFAULT_PORT,
        database,
        ...common,
        tls: tlsOf(config.redis_ssl, config.redis_ssl_verify),
        connectTimeoutMs: timeoutMs,
        timeoutMs,
      }
    case 'redis-cluster':
      return {
        kind: 'cluster',
        name: config.redis_cluster_name ?? '',
        nodes: (config.redis_cluster_nodes ?? []).map(
          (node) => parseAddress(node) ?? { host: node, port: DEFAULT_PORT },
        ),
        ...common,
        tls: tlsOf(config.redis_cluster_ssl, config.redis_cluster_ssl_verify),
        connectTimeoutMs: timeoutMs,
        timeoutMs,
      }
    case 'redis-sentinel':
      return {
        kind: 'sentinel',
        name: config.redis_master_name ?? '',
        sentinels: config.redis_sentinels ?? [],
        database,
        ...common,
        tls: undefined,
        sentinelUsername: config.sentinel_username,
        sentinelPassword: config.sentinel_password,
        connectTimeoutMs: config.redis_connect_timeout ?? DEFAULT_TIMEOUT_MS,
        timeoutMs: config.redis_read_timeout ?? DEFAULT_TIMEOUT_MS,
      }
  }
}

const tlsOf = (isUsed = false, verify = false): RedisTls | undefined => (isUsed ? { verify } : undefined)
