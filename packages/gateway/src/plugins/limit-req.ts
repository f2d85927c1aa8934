/**
 * Evens out the requests of each key to `rate` a second (the leaky bucket of nginx's `limit_req`): what comes faster waits, and is refused
 * when more than `burst` requests would be waiting.
 *
 * ```yaml
 * plugins:
 *   limit-req: { rate: 10, burst: 5, key: remote_addr, rejected_code: 429 }
 * ```
 *
 * ```yaml
 * plugins:
 *   limit-req: { rate: 0.1, burst: 1, nodelay: true, key: remote_addr, rejected_code: 429 }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/    # 200
 * curl -i http://127.0.0.1:8080/    # 200
 * curl -i http://127.0.0.1:8080/    # 429, no upstream
 * ```
 *
 * Of 20 requests that an address sends at once the first passes, five wait 0.1 s, 0.2 s, … 0.5 s, and the others get a 429. With
 * `nodelay: true` the five pass at once. Both numbers may be fractions: `rate: 0.5` is one request in two seconds.
 *
 * With `policy: redis` (or `redis-cluster`, `redis-sentinel`) there is one bucket for all nodes: see [rate limits](../rate-limits.md).
 *
 * The rate is exact across all workers. It belongs to the resource this plugin stands on, and starts anew when this configuration changes.
 *
 * Cost: about 0.2 µs a request that does not wait, a timer for one that does; 40 bytes of shared memory for a live key.
 */
import { LeakyBucket } from '@sekisho/proxy'
import { type Static, Type } from '../schema/type.ts'
import type { PluginContext } from './context.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin, type PluginHooks } from './definition.ts'
import { rejection } from './limits/answers.ts'
import { checkPolicy } from './limits/check-limit.ts'
import { keyReader, KeyType, warnOfKey } from './limits/key.ts'
import { RedisBucket } from './limits/redis-bucket.ts'
import { redisPlace, withoutRedis } from './limits/redis-place.ts'
import { limitOptions } from './limits/schema.ts'
import { Uncounted } from './limits/uncounted.ts'
import { MIN_PAUSE_SECONDS, pause } from './pause.ts'

const schema = Type.Object(
  {
    rate: Type.Number({ exclusiveMinimum: 0, description: 'requests a second that pass without waiting' }),
    burst: Type.Number({ minimum: 0, description: 'requests above the rate that may wait; more are refused' }),
    key: Type.String({ description: 'what requests are counted by; the address where it has no value' }),
    key_type: defaulted(KeyType),
    nodelay: defaulted(Type.Boolean({ default: false, description: 'requests within the burst do not wait' })),
    ...limitOptions,
  },
  { additionalProperties: false },
)

type Config = Static<typeof schema>

export default definePlugin({
  name: 'limit-req',
  priority: 1001,
  schema,
  check: checkPolicy,
  create(config, context) {
    if (config.policy !== 'local') return redisHooks(config, context)
    const { rate, burst, key, key_type: type, nodelay } = config
    const { scope, logger } = context
    warnOfKey('limit-req', key, type, scope, logger)
    const bucket = new LeakyBucket(context.counters, ownScope(config, scope))
    const readKey = keyReader(key, type)
    const reject = rejection(config)
    return {
      access(session) {
        const seconds = bucket.take(readKey(session.ctx), rate, burst, Date.now())
        if (seconds < 0) reject(session)
        else if (seconds >= MIN_PAUSE_SECONDS && !nodelay) return pause(seconds)
        return undefined
      },
    }
  },
})

/** One bucket of each key for all nodes. */
function redisHooks(config: Config, context: PluginContext): PluginHooks {
  const { rate, burst, key, key_type: type, nodelay } = config
  const { scope, logger, counters } = context
  warnOfKey('limit-req', key, type, scope, logger)
  const place = redisPlace('limit-req', ownScope(config, scope), config, context)
  const shared = new RedisBucket(place.link, place.prefix, rate, burst)
  const local = new LeakyBucket(counters, ownScope(config, scope))
  const uncounted = new Uncounted('limit-req', config, context)
  const readKey = keyReader(key, type)
  const reject = rejection(config)
  return {
    async access(session) {
      const value = readKey(session.ctx)
      let seconds = await shared.take(value)
      if (session.finishedAt !== 0) return
      if (seconds === undefined) {
        if (!uncounted.answer(session)) return
        seconds = uncounted.isLocal ? local.take(value, rate, burst, Date.now()) : 0
      }
      if (seconds < 0) reject(session)
      else if (seconds >= MIN_PAUSE_SECONDS && !nodelay) await pause(seconds)
    },
    dispose: () => place.release(),
  }
}

const ownScope = (config: Config, scope: string): string =>
  `limit-req\0${scope}\0${JSON.stringify(withoutRedis(config))}`
