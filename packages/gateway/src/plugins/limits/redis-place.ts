import { createHash } from 'node:crypto'
import {
  type RedisLease,
  type RedisPolicy,
  redisLink,
  redisOptions,
  redisServer,
  type RedisSettings,
} from '../../redis/index.ts'
import type { PluginContext } from '../context.ts'

/** Longer keys are named by their hash: clients choose them, and Redis keeps them. */
const MAX_KEY_CHARACTERS = 64

/** Where the counters of one limit are: a Redis, and how their keys begin there. */
export interface RedisPlace extends RedisLease {
  readonly prefix: string
}

/**
 * @param scope what counts together, in all nodes the same text. Only its hash leaves the node
 */
export function redisPlace(
  plugin: string,
  scope: string,
  config: RedisSettings & { readonly policy: string },
  { metrics, logger }: Pick<PluginContext, 'metrics' | 'logger'>,
): RedisPlace {
  const { link, release } = redisLink(redisServer(config.policy as RedisPolicy, config), metrics, logger)
  return { link, release, prefix: `sekisho:${plugin}:${hash(scope).slice(0, 16)}:` }
}

/** A configuration without what says where Redis is: another password is not another limit. */
export const withoutRedis = (config: object): object =>
  Object.fromEntries(Object.entries(config).filter(([name]) => !(name in redisOptions)))

/** The name of a key in Redis. What begins as a hash does is hashed too, so that no client can name the counter of another. */
export const keyName = (prefix: string, key: string): string =>
  key.length <= MAX_KEY_CHARACTERS && !key.startsWith('#') ? prefix + key : `${prefix}#${hash(key)}`

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url')
