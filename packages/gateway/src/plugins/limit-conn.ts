/**
 * At most `conn` requests of a key at the same time. Up to `burst` more are let in after a delay; others are refused.
 *
 * ```yaml
 * plugins:
 *   limit-conn: { conn: 10, burst: 5, default_conn_delay: 0.1, key: remote_addr, rejected_code: 429 }
 * ```
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"               # takes half a second for this request
 *     plugins:
 *       limit-conn: { conn: 1, burst: 0, default_conn_delay: 0.1, key: remote_addr, rejected_code: 429 }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/delay/500 &    # 200
 * curl -i http://127.0.0.1:8080/             # 429, no upstream
 * ```
 *
 * While an address has ten requests in flight, five more wait 0.1 s before they go on, and the next one gets a 429. A request is in
 * flight until its last byte has left or its client is gone.
 *
 * - The delay follows how long requests take, as in APISIX, starting from `default_conn_delay` seconds: it is the longer, the slower they
 *   are and the more of them there are. With `only_use_default_delay` it is always `default_conn_delay`.
 * - `rules` are several limits at once. One whose key has no variable with a value does not apply; when none applies the request is
 *   refused with a 500. A request waits as long as the strictest of them wants.
 * - Counts are exact across all workers. They belong to the resource this plugin stands on and start anew when this configuration changes.
 * - A number can come from the request: `conn: ${http_x_conn ?? 10}`. When that makes no whole number the answer is 500.
 * - With `policy: redis` (or `redis-cluster`, `redis-sentinel`) all nodes count together: see [rate limits](../rate-limits.md).
 * - On a stream route connections are counted, and refused above `conn`: `burst` must be 0, and `key` a variable that sessions have.
 *
 * Cost: about 0.5 µs a request that does not wait, a timer for one that does; 16 bytes and 8 for each worker for a live key.
 */
import type { Concurrency } from '@sekisho/proxy'
import { type Static, Type } from '../schema/type.ts'
import { notBoth } from '../resources/constraints.ts'
import { STREAM_VARIABLES, streamVariable } from '../stream/stream-variables.ts'
import { defaulted } from './defaulted.ts'
import { type ConfigProblem, definePlugin } from './definition.ts'
import { LimitFailure, rejection } from './limits/answers.ts'
import { checkLimit, checkPolicy } from './limits/check-limit.ts'
import { dueGates, gatesOf, latencyS } from './limits/gates.ts'
import { KeyType } from './limits/key.ts'
import { redisGates } from './limits/redis-gates.ts'
import { limitOptions, limitOrRules } from './limits/schema.ts'
import { wholeNumber } from './limits/whole-number.ts'
import { MIN_PAUSE_SECONDS, pause } from './pause.ts'

const conn = wholeNumber(1, 'requests in flight that are not delayed')
const burst = wholeNumber(0, 'requests above "conn" that are let in after a delay')

const Rule = Type.Object(
  {
    conn,
    burst,
    key: Type.String({ description: 'text with variables; without a value for any of them the rule does not apply' }),
  },
  { additionalProperties: false },
)

const schema = Type.Object(
  {
    conn: Type.Optional(conn),
    burst: Type.Optional(burst),
    default_conn_delay: Type.Number({
      exclusiveMinimum: 0,
      description: 'seconds; the delay until latencies are known',
    }),
    only_use_default_delay: defaulted(
      Type.Boolean({
        default: false,
        description: 'delay by "default_conn_delay" always, instead of by what requests take',
      }),
    ),
    key: Type.Optional(Type.String({ description: 'what requests are counted by; the address where it has no value' })),
    key_type: defaulted(KeyType),
    rules: Type.Optional(
      Type.Array(Rule, { minItems: 1, description: 'several limits at once, instead of "conn", "burst" and "key"' }),
    ),
    ...limitOptions,
    key_ttl: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'with a Redis: seconds after which the requests in flight of a node that died are forgotten; 3600 unless given',
      }),
    ),
  },
  {
    additionalProperties: false,
    allOf: [
      limitOrRules('limit-conn', ['conn', 'burst', 'key']),
      notBoth('limit-conn', 'conn', 'rules'),
      notBoth('limit-conn', 'burst', 'rules'),
    ],
  },
)

type Config = Static<typeof schema>

/** What a request holds of one limit until it ends. */
interface Entry {
  readonly limiter: Concurrency
  readonly key: string
  readonly delayS: number
  readonly before: Entry | undefined
}

export default definePlugin({
  name: 'limit-conn',
  priority: 1003,
  schema,
  streams: true,
  check: (config) =>
    checkLimit(config, [
      ['conn', 1],
      ['burst', 0],
    ]) ??
    checkPolicy(config) ??
    checkTtl(config),
  checkStream,
  create(config, context) {
    if (config.policy !== 'local') return redisGates(config, context)
    const gates = gatesOf(config, context)
    const failure = new LimitFailure('limit-conn', context.scope, config, context.logger)
    const reject = rejection(config)
    const { default_conn_delay: defaultDelayS, only_use_default_delay: onlyDefault } = config
    const state = `limit-conn ${context.scope}`
    const streamKey = streamVariable(config.key ?? '')
    return {
      access(session) {
        // The client went away while an earlier plugin waited: `log` has run, and nobody would leave.
        if (session.finishedAt !== 0) return undefined
        const due = dueGates(gates, session)
        if (typeof due === 'string') {
          failure.answer(session, due)
          return undefined
        }
        let longestS = 0
        let before: Entry | undefined
        for (const { gate, key, conn: most, burst: more } of due) {
          let delayS = gate.limiter.enter(key, most, more, defaultDelayS, Date.now())
          if (delayS < 0) {
            reject(session)
            return undefined
          }
          if (delayS > 0 && onlyDefault) delayS = defaultDelayS
          if (delayS > longestS) longestS = delayS
          before = { limiter: gate.limiter, key, delayS, before }
          session.ctx.setState(state, before)
        }
        return longestS >= MIN_PAUSE_SECONDS ? pause(longestS) : undefined
      },
      log(session) {
        for (let entry = session.ctx.getState<Entry>(state); entry !== undefined; entry = entry.before) {
          entry.limiter.leave(entry.key, Date.now(), onlyDefault ? undefined : latencyS(session, entry.delayS))
        }
      },
      stream(session) {
        const key = streamKey?.(session) ?? session.client.remoteAddress
        session.ctx.setState(state, key)
        return gates[0].limiter.enter(key, Number(config.conn), 0, defaultDelayS, Date.now()) >= 0
      },
      streamEnd(session) {
        gates[0].limiter.leave(session.ctx.getState<string>(state) ?? '', Date.now())
      },
    }
  },
})

function checkTtl({ policy, key_ttl: ttl }: Config): ConfigProblem | undefined {
  if (policy !== 'local' || ttl === undefined) return undefined
  return { path: '/key_ttl', message: 'has no effect with policy "local"; leave it out' }
}

/** A connection is not delayed, and has nothing that a text could be made of. */
function checkStream({ policy, conn, burst, key, key_type: type, rules }: Config): ConfigProblem | undefined {
  if (policy !== 'local')
    return { path: '/policy', message: 'must be "local" on a stream route: connections do not wait for a Redis' }
  if (rules !== undefined)
    return { path: '/rules', message: 'do not work on a stream route; write "conn", "burst" and "key"' }
  if (Number.isNaN(Number(conn))) return { path: '/conn', message: 'must be a number on a stream route; write as 10' }
  if (Number(burst) !== 0)
    return { path: '/burst', message: 'must be 0 on a stream route: connections are not delayed; write burst: 0' }
  if (type !== 'var')
    return { path: '/key_type', message: 'must be "var" on a stream route; write one variable as "key"' }
  if (streamVariable(key ?? '') !== undefined) return undefined
  return {
    path: '/key',
    message: `must name a variable that sessions have; write one of ${STREAM_VARIABLES.join(', ')}`,
  }
}
