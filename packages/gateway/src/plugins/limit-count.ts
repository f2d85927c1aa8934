/**
 * At most `count` requests in `time_window` seconds, for each value of a key: an address, a consumer, a header, a combination of them.
 *
 * ```yaml
 * plugins:
 *   limit-count: { count: 100, time_window: 60, key: remote_addr, rejected_code: 429 }
 * ```
 *
 * ```yaml
 * plugins:
 *   limit-count: { count: 2, time_window: 60, key: http_x_api_key, rejected_code: 429, rejected_msg: that was enough }
 * ```
 *
 * ```sh
 * curl -i -H 'X-API-Key: a' http://127.0.0.1:8080/    # 200, X-RateLimit-Limit: 2, X-RateLimit-Remaining: 1
 * curl -i -H 'X-API-Key: a' http://127.0.0.1:8080/    # 200, X-RateLimit-Remaining: 0
 * curl -i -H 'X-API-Key: a' http://127.0.0.1:8080/    # 429, body: that was enough, no upstream
 * curl -i -H 'X-API-Key: b' http://127.0.0.1:8080/    # 200, X-RateLimit-Remaining: 1
 * ```
 *
 * The 101st request of an address within a minute gets a 429. Every response tells where its client stands: `X-RateLimit-Limit: 100`,
 * `X-RateLimit-Remaining: 42`, `X-RateLimit-Reset: 17` (seconds).
 *
 * - A window begins with the first request of a key (`window_type: fixed`), or slides: the requests of the window before count by the
 *   part of it that is less than `time_window` ago.
 * - `rules` are several limits at once. One whose key has no variable with a value does not apply; when none applies the request is
 *   refused with a 500. Each rule tells of itself in fields with its `header_prefix` or its number: `X-1-RateLimit-Limit`.
 * - Counts are exact across all workers. They belong to the resource this plugin stands on and start anew when this configuration
 *   changes, not when something else does. Places with the same `group` count together, each against its own `count`: give them all
 *   the same configuration, for no place can see the others'.
 * - With `policy: redis` (or `redis-cluster`, `redis-sentinel`) all nodes count together, exactly; with `sync_interval: 0.1` requests do not
 *   wait for it: see [rate limits](../rate-limits.md).
 * - A number can come from the request: `count: ${http_x_quota ?? 10}`. When that makes no whole number above 0 the answer is 500.
 *
 * Cost: about 0.3 µs a request, fields included, and 1 µs for each rule; 40 bytes of shared memory for a live key.
 */
import { type Static, Type } from '../schema/type.ts'
import { notBoth } from '../resources/constraints.ts'
import type { PluginContext } from './context.ts'
import { defaulted } from './defaulted.ts'
import { type ConfigProblem, definePlugin, type PluginHooks } from './definition.ts'
import { LimitFailure, rejection } from './limits/answers.ts'
import { checkLimit, checkPolicy } from './limits/check-limit.ts'
import { ruleQuotas, type Share, singleQuota } from './limits/configured-quotas.ts'
import { CountKeyType } from './limits/key.ts'
import { LeasedWindow } from './limits/leased-window.ts'
import { RuleLimits, SingleLimit } from './limits/local-limits.ts'
import type { QuotaNames } from './limits/quota-fields.ts'
import { RedisLimits } from './limits/redis-limits.ts'
import { type RedisPlace, redisPlace } from './limits/redis-place.ts'
import { RedisWindow } from './limits/redis-window.ts'
import { limitOptions, limitOrRules } from './limits/schema.ts'
import { Uncounted } from './limits/uncounted.ts'
import { wholeNumber } from './limits/whole-number.ts'

const TOKEN = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
const NOT_A_NAME = 'may hold letters, digits and "-", as it is a part of a header name'

const count = wholeNumber(1, 'requests allowed in a window')
const timeWindow = wholeNumber(1, 'length of a window in seconds')

const Rule = Type.Object(
  {
    count,
    time_window: timeWindow,
    key: Type.String({ description: 'text with variables; without a value for any of them the rule does not apply' }),
    header_prefix: Type.Optional(
      Type.String({
        pattern: TOKEN,
        patternErrorMessage: NOT_A_NAME,
        description: 'stands before "RateLimit-"; the number of the rule unless given',
      }),
    ),
  },
  { additionalProperties: false },
)

const schema = Type.Object(
  {
    count: Type.Optional(count),
    time_window: Type.Optional(timeWindow),
    key: defaulted(
      Type.String({
        default: 'remote_addr',
        description: 'what requests are counted by; the address where it has no value',
      }),
    ),
    key_type: defaulted(CountKeyType),
    rules: Type.Optional(
      Type.Array(Rule, { minItems: 1, description: 'several limits at once, instead of "count" and "time_window"' }),
    ),
    group: Type.Optional(Type.String({ minLength: 1, description: 'places of the same group share their counts' })),
    window_type: defaulted(
      Type.Enum(['fixed', 'sliding'], {
        default: 'fixed',
        description: 'a window begins with a request, or slides with the clock',
      }),
    ),
    show_limit_quota_header: defaulted(
      Type.Boolean({ default: true, description: 'tell clients where they stand, in X-RateLimit-* fields' }),
    ),
    sync_interval: defaulted(
      Type.Number({
        default: -1,
        description:
          'with a Redis: above 0 each worker takes shares of the limit for so many seconds ahead, and requests do not wait; else Redis is asked for each',
      }),
    ),
    ...limitOptions,
  },
  {
    additionalProperties: false,
    allOf: [
      limitOrRules('limit-count', ['count', 'time_window']),
      notBoth('limit-count', 'count', 'rules'),
      notBoth('limit-count', 'time_window', 'rules'),
      notBoth('limit-count', 'group', 'rules'),
    ],
  },
)

const headerName = (name: string, description: string) =>
  defaulted(Type.String({ default: name, pattern: TOKEN, patternErrorMessage: NOT_A_NAME, description }))

const metadataSchema = Type.Object(
  {
    limit_header: headerName('X-RateLimit-Limit', 'name of the field that tells the limit'),
    remaining_header: headerName('X-RateLimit-Remaining', 'name of the field that tells what is left'),
    reset_header: headerName('X-RateLimit-Reset', 'name of the field that tells when the window ends'),
  },
  { additionalProperties: false },
)

type Config = Static<typeof schema>

export default definePlugin({
  name: 'limit-count',
  priority: 1002,
  schema,
  metadataSchema,
  check: (config) =>
    checkLimit(config, [
      ['count', 1],
      ['time_window', 1],
    ]) ??
    checkPolicy(config) ??
    checkSync(config),
  create(config, context) {
    const failure = new LimitFailure('limit-count', context.scope, config, context.logger)
    const shown = config.show_limit_quota_header
    if (config.policy !== 'local') return redisLimits(config, context, failure)
    if (config.rules !== undefined)
      return new RuleLimits(ruleQuotas(config, context), failure, rejection(config), shown)
    return new SingleLimit(singleQuota(config, context), failure, rejection(config), shown)
  },
})

/** Shares of longer than the window would be those of windows to come. */
function checkSync({ policy, sync_interval: seconds, time_window: windowS, rules }: Config): ConfigProblem | undefined {
  if (policy === 'local' || !(seconds > 0)) return undefined
  const windows = rules === undefined ? [windowS] : rules.map((rule) => rule.time_window)
  if (!windows.some((window) => seconds >= Number(window))) return undefined
  return {
    path: '/sync_interval',
    message: 'must be less than the time window; write 0.1, say, or -1 to ask for each request',
  }
}

/** The limits of a place whose counters are in a Redis. */
function redisLimits(config: Config, context: PluginContext<unknown, QuotaNames>, failure: LimitFailure): PluginHooks {
  const places: RedisPlace[] = []
  const leased: LeasedWindow[] = []
  const isSliding = config.window_type === 'sliding'
  const share: Share = (scope) => {
    const place = redisPlace('limit-count', scope, config, context)
    places.push(place)
    if (!(config.sync_interval > 0)) return new RedisWindow(place.link, place.prefix, isSliding)
    const made = new LeasedWindow(place.link, place.prefix, isSliding, config.sync_interval * 1_000)
    leased.push(made)
    return made
  }
  const quotas = config.rules === undefined ? [singleQuota(config, context, share)] : ruleQuotas(config, context, share)
  const hooks = new RedisLimits(quotas, {
    failure,
    reject: rejection(config),
    uncounted: new Uncounted('limit-count', config, context),
    isShown: config.show_limit_quota_header,
  })
  return {
    access: (session) => hooks.access(session),
    headerFilter: hooks.headerFilter,
    dispose() {
      for (const window of leased) window.dispose()
      for (const place of places) place.release()
    },
  }
}
