import { FixedWindow, SlidingWindow } from '@sekisho/proxy'
import type { Static } from 'typebox'
import type { PluginContext } from '../context.ts'
import { type CountKeyType, keyReader, type KeyReader, warnOfKey } from './key.ts'
import type { LeasedWindow } from './leased-window.ts'
import type { Quota } from './quota.ts'
import { QuotaFields, type QuotaNames } from './quota-fields.ts'
import { withoutRedis } from './redis-place.ts'
import type { RedisWindow } from './redis-window.ts'
import { sharedParts } from './shared-parts.ts'
import { compileLimitText, type LimitText } from './text.ts'
import { type NumberReader, numberReader } from './whole-number.ts'

/** What of the configuration of limit-count quotas are made of: `count` and `time_window`, or `rules`. */
export interface QuotaOptions {
  readonly count?: number | string
  /** Seconds. */
  readonly time_window?: number | string
  readonly key: string
  readonly key_type: Static<typeof CountKeyType>
  readonly group?: string
  readonly window_type: 'fixed' | 'sliding'
  readonly rules?: readonly {
    readonly count: number | string
    readonly time_window: number | string
    readonly key: string
    readonly header_prefix?: string
  }[]
}

/** Makes the shared counters of a limit by its scope. */
export type Share = (scope: string) => RedisWindow | LeasedWindow

export function singleQuota(config: QuotaOptions, context: PluginContext<unknown, QuotaNames>, share?: Share): Quota {
  const { key, key_type: type, group } = config
  warnOfKey('limit-count', key, type, context.scope, context.logger)
  const scope = group === undefined ? ownScope(config, context) : `limit-count\0group\0${group}`
  return quotaOf(config, context, {
    key: keys(`${type}\0${key}`, () => keyReader(key, type)),
    count: config.count as number | string,
    windowS: config.time_window as number | string,
    scope,
    prefix: undefined,
    share,
  })
}

export function ruleQuotas(config: QuotaOptions, context: PluginContext<unknown, QuotaNames>, share?: Share): Quota[] {
  return (config.rules ?? []).map((rule, index) =>
    quotaOf(config, context, {
      key: compileLimitText(rule.key),
      count: rule.count,
      windowS: rule.time_window,
      // Counters of its own for each rule, so two with the same key (10 a second and 100 a minute) do not count each other's.
      scope: `${ownScope(config, context)}\0${index}`,
      prefix: rule.header_prefix ?? String(index + 1),
      share,
    }),
  )
}

interface QuotaParts {
  readonly key: LimitText
  readonly count: number | string
  readonly windowS: number | string
  readonly scope: string
  readonly prefix: string | undefined
  readonly share: Share | undefined
}

const keys = sharedParts<KeyReader>()
const numbers = sharedParts<NumberReader>()
const fieldsOf = sharedParts<QuotaFields>()

function quotaOf(config: QuotaOptions, context: PluginContext<unknown, QuotaNames>, parts: QuotaParts): Quota {
  const isSliding = config.window_type === 'sliding'
  const { counters, metadata } = context
  return {
    key: parts.key,
    count: numbers(String(parts.count), () => numberReader(parts.count, 1)),
    windowS: numbers(String(parts.windowS), () => numberReader(parts.windowS, 1)),
    limiter: isSliding ? new SlidingWindow(counters, parts.scope) : new FixedWindow(counters, parts.scope),
    shared: parts.share?.(parts.scope),
    fields: fieldsOf(
      JSON.stringify([metadata, parts.prefix, isSliding]),
      () => new QuotaFields(metadata, parts.prefix, isSliding),
    ),
  }
}

/** With the configuration in it, as in APISIX: who changes a limit sees the new one from its start. The same text in every worker. */
const ownScope = (config: QuotaOptions, { scope }: PluginContext<unknown, QuotaNames>): string =>
  `limit-count\0${scope}\0${JSON.stringify(withoutRedis(config))}`
