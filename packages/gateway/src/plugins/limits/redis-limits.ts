import type { GatewaySession } from '../../session.ts'
import type { PluginHooks } from '../definition.ts'
import type { LimitFailure, rejection } from './answers.ts'
import { BAD_NUMBER, type Due, dueRules, keepSpent, NO_RULE, type Quota, spend, writeFields } from './quota.ts'
import type { Verdict } from './redis-window.ts'
import type { Uncounted } from './uncounted.ts'

interface RedisLimitsOptions {
  readonly failure: LimitFailure
  readonly reject: ReturnType<typeof rejection>
  readonly uncounted: Uncounted
  readonly isShown: boolean
}

/** The limits of one place, counted by all nodes together: one after the other, up to the first that refuses. */
export class RedisLimits {
  readonly headerFilter: PluginHooks['headerFilter']
  private readonly quotas: readonly Quota[]
  private readonly options: RedisLimitsOptions

  constructor(quotas: readonly Quota[], options: RedisLimitsOptions) {
    this.quotas = quotas
    this.options = options
    this.headerFilter = options.isShown ? writeFields : undefined
  }

  access(session: GatewaySession): void | Promise<void> {
    const due = dueRules(this.quotas, session)
    if (due === undefined) this.options.failure.answer(session, BAD_NUMBER)
    else if (due.length === 0) this.options.failure.answer(session, NO_RULE)
    else return this.count(session, due, 0)
    return undefined
  }

  /** Does not wait when all of them know without asking. */
  private count(session: GatewaySession, due: readonly Due[], from: number): void | Promise<void> {
    for (let at = from; at < due.length; at++) {
      const { quota, key, limit, windowS } = due[at]
      const verdict = quota.shared?.take(key, limit, windowS * 1_000)
      if (verdict instanceof Promise)
        return verdict.then((late) =>
          this.goesOn(session, due[at], late) ? this.count(session, due, at + 1) : undefined,
        )
      if (!this.goesOn(session, due[at], verdict)) return undefined
    }
    return undefined
  }

  private goesOn(session: GatewaySession, due: Due, verdict: Verdict | undefined): boolean {
    // Gone while it waited.
    if (session.finishedAt !== 0) return false
    const { uncounted, reject, isShown } = this.options
    const { quota, key, limit, windowS } = due
    let isLetIn = true
    if (verdict !== undefined) {
      isLetIn = verdict.remaining >= 0
      if (isShown) keepSpent(session, quota, limit, verdict.remaining, verdict.resetMs)
    } else if (!uncounted.answer(session)) return false
    else if (uncounted.isLocal) isLetIn = spend(session, quota, key, limit, windowS, isShown)
    if (!isLetIn) reject(session)
    return isLetIn
  }
}
