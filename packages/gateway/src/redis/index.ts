export type { ScriptArguments } from './redis-connection.ts'
export { type RedisCall, RedisLink } from './redis-link.ts'
export { type RedisLease, redisLink } from './redis-links.ts'
export {
  checkRedis,
  REDIS_POLICIES,
  redisOptions,
  redisOptionsOf,
  type RedisPolicy,
  redisServer,
  type RedisSettings,
} from './redis-options.ts'
export { type RedisScript, redisScript } from './redis-script.ts'
export type { RedisServer } from './redis-server.ts'
