/**
 * At most `count` requests in `time_window` seconds, for each value of a key: an address, a consumer, a header, a combination of them.
 *
 * ```yaml
 * plugins:
 *   limit-count: { count: 100, time_window: 60, key: remote_addr, rejected_code: 429 }
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
 * - A number can come from the request: `count: ${http_x_quota ?? 10}`. When that makes no whole number above 0 the answer is 500.
 *
 * Cost: about 0.3 µs a request, fields included, and 1 µs for each rule; 40 bytes of shared memory for a live key.
 */
import { FixedWindow, SlidingWindow } from '@sekisho/proxy'
import { type Static, Type } from '../schema/type.ts'
import { notBoth } from '../resources/constraints.ts'
import type { PluginContext } from './context.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin, type PluginHooks } from './definition.ts'
import { LimitFailure, rejection } from './limits/answers.ts'
import { checkLimit } from './limits/check-limit.ts'
import { CountKeyType, keyReader, type KeyReader, warnOfKey } from './limits/key.ts'
import { QuotaFields, type QuotaNames, type Spent, writeSpent } from './limits/quota-fields.ts'
import { limitOptions, limitOrRules } from './limits/schema.ts'
import { sharedParts } from './limits/shared-parts.ts'
import { compileLimitText, type LimitText } from './limits/text.ts'
import { type NumberReader, numberReader, wholeNumber } from './limits/whole-number.ts'
import type { GatewaySession } from '../session.ts'

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
        description: 'seconds between exchanges with a shared store; "local" counters have none, so it has no effect',
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

/** One limit made ready. */
interface Quota {
  /** undefined: the rule does not apply. */
  readonly key: LimitText
  readonly count: NumberReader
  readonly windowS: NumberReader
  readonly limiter: FixedWindow | SlidingWindow
  readonly fields: QuotaFields
}

/** A rule that applies to a request, read before any is counted. */
interface Due {
  readonly quota: Quota
  readonly key: string
  readonly limit: number
  readonly windowS: number
}

const BAD_NUMBER = 'the count or the time window of a request is no whole number above 0'

export default definePlugin({
  name: 'limit-count',
  priority: 1002,
  schema,
  metadataSchema,
  check: (config) =>
    checkLimit(config, [
      ['count', 1],
      ['time_window', 1],
    ]),
  create(config, context) {
    const failure = new LimitFailure('limit-count', context.scope, config, context.logger)
    const shown = config.show_limit_quota_header
    if (config.rules !== undefined)
      return new RuleLimits(ruleQuotas(config, context), failure, rejection(config), shown)
    return new SingleLimit(singleQuota(config, context), failure, rejection(config), shown)
  },
})

type Reject = ReturnType<typeof rejection>

/**
 * One limit in one place. A class with its parts in it, and not closures over them: of a thousand routes each has one, and a request
 * that comes to a route for the first time in a while waits for every object it touches (40 less here: 2 µs).
 */
class SingleLimit implements PluginHooks {
  private readonly quota: Quota
  private readonly reject: Reject
  private readonly failure: LimitFailure
  readonly headerFilter: PluginHooks['headerFilter']

  constructor(quota: Quota, failure: LimitFailure, reject: Reject, shown: boolean) {
    this.quota = quota
    this.failure = failure
    this.reject = reject
    this.headerFilter = shown ? writeFields : undefined
  }

  access(session: GatewaySession): void {
    const { quota } = this
    const { ctx } = session
    const limit = quota.count(ctx)
    const windowS = quota.windowS(ctx)
    if (!(limit > 0 && windowS > 0)) this.failure.answer(session, BAD_NUMBER)
    else if (!spend(session, quota, quota.key(ctx) as string, limit, windowS, this.headerFilter !== undefined))
      this.reject(session)
  }
}

/** Several limits at once: all are counted, up to the first that refuses. */
class RuleLimits implements PluginHooks {
  private readonly quotas: readonly Quota[]
  private readonly reject: Reject
  private readonly failure: LimitFailure
  readonly headerFilter: PluginHooks['headerFilter']

  constructor(quotas: readonly Quota[], failure: LimitFailure, reject: Reject, shown: boolean) {
    this.quotas = quotas
    this.failure = failure
    this.reject = reject
    this.headerFilter = shown ? writeFields : undefined
  }

  access(session: GatewaySession): void {
    const due = dueRules(this.quotas, session)
    if (due === undefined) this.failure.answer(session, BAD_NUMBER)
    else if (due.length === 0) this.failure.answer(session, 'no rule applies to a request')
    else
      for (const { quota, key, limit, windowS } of due) {
        if (spend(session, quota, key, limit, windowS, this.headerFilter !== undefined)) continue
        this.reject(session)
        return
      }
  }
}

/** Counts a request against one limit; what remains is kept for the response. Returns whether it fits. */
function spend(
  session: GatewaySession,
  quota: Quota,
  key: string,
  limit: number,
  windowS: number,
  shown: boolean,
): boolean {
  const { limiter } = quota
  const remaining = limiter.take(key, 1, limit, windowS * 1_000, Date.now())
  if (shown) {
    const { ctx } = session
    const before = ctx.getState<Spent>(STATE)
    ctx.setState(STATE, {
      fields: quota.fields,
      limit,
      remaining: Math.max(0, remaining),
      resetMs: limiter.resetMs,
      before,
    })
  }
  return remaining >= 0
}

/** What the limits of a request said, of all places in which it met one. */
const STATE = 'limit-count'

/** Once for all places: of two places with the same names of fields, the one that was asked last stays. */
function writeFields(session: GatewaySession): void {
  const { ctx, response } = session
  if (response === undefined) return
  writeSpent(response.headers, ctx.getState<Spent>(STATE))
  ctx.setState(STATE, undefined)
}

function singleQuota(config: Config, context: PluginContext<unknown, QuotaNames>): Quota {
  const { key, key_type: type, group } = config
  warnOfKey('limit-count', key, type, context.scope, context.logger)
  const scope = group === undefined ? ownScope(config, context) : `limit-count\0group\0${group}`
  return quotaOf(config, context, {
    key: keys(`${type}\0${key}`, () => keyReader(key, type)),
    count: config.count as number | string,
    windowS: config.time_window as number | string,
    scope,
    prefix: undefined,
  })
}

function ruleQuotas(config: Config, context: PluginContext<unknown, QuotaNames>): Quota[] {
  return (config.rules ?? []).map((rule, index) =>
    quotaOf(config, context, {
      key: compileLimitText(rule.key),
      count: rule.count,
      windowS: rule.time_window,
      // Counters of its own for each rule, so two with the same key (10 a second and 100 a minute) do not count each other's.
      scope: `${ownScope(config, context)}\0${index}`,
      prefix: rule.header_prefix ?? String(index + 1),
    }),
  )
}

interface QuotaParts {
  readonly key: LimitText
  readonly count: number | string
  readonly windowS: number | string
  readonly scope: string
  readonly prefix: string | undefined
}

const keys = sharedParts<KeyReader>()
const numbers = sharedParts<NumberReader>()
const fieldsOf = sharedParts<QuotaFields>()

function quotaOf(config: Config, context: PluginContext<unknown, QuotaNames>, parts: QuotaParts): Quota {
  const isSliding = config.window_type === 'sliding'
  const { counters, metadata } = context
  return {
    key: parts.key,
    count: numbers(String(parts.count), () => numberReader(parts.count, 1)),
    windowS: numbers(String(parts.windowS), () => numberReader(parts.windowS, 1)),
    limiter: isSliding ? new SlidingWindow(counters, parts.scope) : new FixedWindow(counters, parts.scope),
    fields: fieldsOf(
      JSON.stringify([metadata, parts.prefix, isSliding]),
      () => new QuotaFields(metadata, parts.prefix, isSliding),
    ),
  }
}

/** With the configuration in it, as in APISIX: who changes a limit sees the new one from its start. The same text in every worker. */
const ownScope = (config: Config, { scope }: PluginContext<unknown, QuotaNames>): string =>
  `limit-count\0${scope}\0${JSON.stringify(config)}`

/** The rules that apply; undefined when a number of one of them cannot be used, which must not switch the limit off. */
function dueRules(quotas: readonly Quota[], { ctx }: GatewaySession): Due[] | undefined {
  const due: Due[] = []
  for (const quota of quotas) {
    const key = quota.key(ctx)
    if (key === undefined) continue
    const limit = quota.count(ctx)
    const windowS = quota.windowS(ctx)
    if (!(limit > 0 && windowS > 0)) return undefined
    due.push({ quota, key, limit, windowS })
  }
  return due
}
