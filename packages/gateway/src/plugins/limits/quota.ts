import type { FixedWindow, SlidingWindow } from '@sekisho/proxy'
import type { GatewaySession } from '../../session.ts'
import type { LeasedWindow } from './leased-window.ts'
import type { RedisWindow } from './redis-window.ts'
import { type QuotaFields, type Spent, writeSpent } from './quota-fields.ts'
import type { LimitText } from './text.ts'
import type { NumberReader } from './whole-number.ts'

/** One limit made ready. */
export interface Quota {
  /** undefined: the rule does not apply. */
  readonly key: LimitText
  readonly count: NumberReader
  readonly windowS: NumberReader
  readonly limiter: FixedWindow | SlidingWindow
  /** Where all nodes count together; undefined: `limiter` is all. */
  readonly shared: RedisWindow | LeasedWindow | undefined
  readonly fields: QuotaFields
}

/** A rule that applies to a request, read before any is counted. */
export interface Due {
  readonly quota: Quota
  readonly key: string
  readonly limit: number
  readonly windowS: number
}

export const BAD_NUMBER = 'the count or the time window of a request is no whole number above 0'
export const NO_RULE = 'no rule applies to a request'

/** Counts a request against one limit; what remains is kept for the response. Returns whether it fits. */
export function spend(
  session: GatewaySession,
  quota: Quota,
  key: string,
  limit: number,
  windowS: number,
  shown: boolean,
): boolean {
  const { limiter } = quota
  const remaining = limiter.take(key, 1, limit, windowS * 1_000, Date.now())
  if (shown) keepSpent(session, quota, limit, remaining, limiter.resetMs)
  return remaining >= 0
}

/** What remains is kept for the response. */
export function keepSpent(
  { ctx }: GatewaySession,
  { fields }: Quota,
  limit: number,
  remaining: number,
  resetMs: number,
): void {
  const before = ctx.getState<Spent>(STATE)
  ctx.setState(STATE, { fields, limit, remaining: Math.max(0, remaining), resetMs, before })
}

/** What the limits of a request said, of all places in which it met one. */
const STATE = 'limit-count'

/** Once for all places: of two places with the same names of fields, the one that was asked last stays. */
export function writeFields(session: GatewaySession): void {
  const { ctx, response } = session
  if (response === undefined) return
  writeSpent(response.headers, ctx.getState<Spent>(STATE))
  ctx.setState(STATE, undefined)
}

/** The rules that apply; undefined when a number of one of them cannot be used, which must not switch the limit off. */
export function dueRules(quotas: readonly Quota[], { ctx }: GatewaySession): Due[] | undefined {
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
