/**
 * Evens out the requests of each key to `rate` a second (the leaky bucket of nginx's `limit_req`): what comes faster waits, and is refused
 * when more than `burst` requests would be waiting.
 *
 * ```yaml
 * plugins:
 *   limit-req: { rate: 10, burst: 5, key: remote_addr, rejected_code: 429 }
 * ```
 *
 * Of 20 requests that an address sends at once the first passes, five wait 0.1 s, 0.2 s, … 0.5 s, and the others get a 429. With
 * `nodelay: true` the five pass at once. Both numbers may be fractions: `rate: 0.5` is one request in two seconds.
 *
 * The rate is exact across all workers. It belongs to the resource this plugin stands on, and starts anew when this configuration changes.
 *
 * Cost: about 0.2 µs a request that does not wait, a timer for one that does; 40 bytes of shared memory for a live key.
 */
import { LeakyBucket } from '@sekisho/proxy'
import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { rejection } from './limits/answers.ts'
import { keyReader, KeyType, warnOfKey } from './limits/key.ts'
import { limitOptions } from './limits/schema.ts'
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

export default definePlugin({
  name: 'limit-req',
  priority: 1001,
  schema,
  create(config, context) {
    const { rate, burst, key, key_type: type, nodelay } = config
    const { scope, logger } = context
    warnOfKey('limit-req', key, type, scope, logger)
    const bucket = new LeakyBucket(context.counters, `limit-req\0${scope}\0${JSON.stringify(config)}`)
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
