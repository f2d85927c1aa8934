/** A Redis as it is configured: where it is, who we are there, how long we wait. Two of the same settings share a connection. */
export type RedisServer = SingleRedis | RedisCluster | RedisSentinel

interface AnyRedis {
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: RedisTls | undefined
  /** For a connection to be made and ready. */
  readonly connectTimeoutMs: number
  /** For a command to be answered. */
  readonly timeoutMs: number
}

export interface RedisTls {
  /** Whether the certificate is verified. */
  readonly verify: boolean
}

export interface RedisAddress {
  readonly host: string
  readonly port: number
}

export interface SingleRedis extends AnyRedis, RedisAddress {
  readonly kind: 'single'
  readonly database: number
}

export interface RedisCluster extends AnyRedis {
  readonly kind: 'cluster'
  readonly name: string
  /** Some nodes; the others are learnt from them. */
  readonly nodes: readonly RedisAddress[]
}

export interface RedisSentinel extends AnyRedis {
  readonly kind: 'sentinel'
  /** The master's name, as the sentinels know it. */
  readonly name: string
  readonly sentinels: readonly RedisAddress[]
  readonly database: number
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: string | undefined
}

/** For logs and labels: nothing secret is in it. */
export function serverName(server: RedisServer): string {
  switch (server.kind) {
    case 'single':
      return `${addressText(server)}/${server.database}`
    case 'cluster':
      return `cluster ${server.name}`
    case 'sentinel':
      return `sentinel ${server.name}/${server.database}`
  }
}

export const addressText = ({ host, port }: RedisAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** `host:port` or `[IPv6]:port`; undefined when it is not. */
export function parseAddress(text: string): RedisAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  return match === null || port < 1 || port > 65_535 ? undefined : { host: match[1] ?? match[2], port }
}
