import type { GatewaySession } from '../../session.ts'
import type { PluginContext } from '../context.ts'
import type { PluginHooks } from '../definition.ts'
import { MIN_PAUSE_SECONDS, pause } from '../pause.ts'
import type { RedisSettings } from '../../redis/index.ts'
import { type AnswerOptions, LimitFailure, rejection } from './answers.ts'
import { dueGates, type Due, type Gate, type GateOptions, gatesOf, latencyS } from './gates.ts'
import { RedisConcurrency } from './redis-concurrency.ts'
import { redisPlace } from './redis-place.ts'
import { Uncounted, type UncountedOptions } from './uncounted.ts'

/** As long as in APISIX. */
const DEFAULT_KEY_TTL_S = 3_600

/** The options of limit-conn, with a Redis. */
export interface RedisGateOptions extends GateOptions, RedisSettings, AnswerOptions, UncountedOptions {
  readonly policy: string
  readonly default_conn_delay: number
  readonly only_use_default_delay: boolean
  readonly key_ttl?: number | undefined
}

/** What a request holds of one limit until it ends. */
interface Entry {
  readonly shared: RedisConcurrency
  readonly gate: Gate
  readonly key: string
  /** Counted by this node too, as Redis was away. */
  readonly isLocal: boolean
  readonly delayS: number
  readonly before: Entry | undefined
}

/** limit-conn with the requests of all nodes in a Redis. */
export function redisGates(config: RedisGateOptions, context: PluginContext): PluginHooks {
  const gates = gatesOf(config, context)
  const failure = new LimitFailure('limit-conn', context.scope, config, context.logger)
  const reject = rejection(config)
  const uncounted = new Uncounted('limit-conn', config, context)
  const ttlMs = (config.key_ttl ?? DEFAULT_KEY_TTL_S) * 1_000
  const sharedOf = new Map(
    gates.map((gate) => {
      const { link, prefix, release } = redisPlace('limit-conn', gate.scope, config, context)
      return [gate, new RedisConcurrency(link, prefix, ttlMs, release)] as const
    }),
  )
  const { default_conn_delay: defaultDelayS, only_use_default_delay: onlyDefault } = config
  const state = `limit-conn ${context.scope}`

  /** @returns the seconds to wait; -1 when the request was answered, or is gone */
  const enter = async (session: GatewaySession, { gate, key, conn, burst }: Due): Promise<number> => {
    const shared = sharedOf.get(gate) as RedisConcurrency
    let delayS = await shared.enter(key, conn, burst, defaultDelayS)
    if (delayS === -1) {
      reject(session)
      return -1
    }
    const isUncounted = delayS === undefined
    const isGone = session.finishedAt !== 0
    if (isGone || (isUncounted && !uncounted.answer(session))) {
      shared.leave(key)
      return -1
    }
    const isLocal = isUncounted && uncounted.isLocal
    if (isLocal) delayS = gate.limiter.enter(key, conn, burst, defaultDelayS, Date.now())
    if (delayS !== undefined && delayS < 0) {
      shared.leave(key)
      reject(session)
      return -1
    }
    const waitS = delayS === undefined ? 0 : delayS > 0 && onlyDefault ? defaultDelayS : delayS
    const before = session.ctx.getState<Entry>(state)
    session.ctx.setState(state, { shared, gate, key, isLocal, delayS: waitS, before } satisfies Entry)
    return waitS
  }

  return {
    async access(session) {
      if (session.finishedAt !== 0) return
      const due = dueGates(gates, session)
      if (typeof due === 'string') {
        failure.answer(session, due)
        return
      }
      let longestS = 0
      for (const one of due) {
        const delayS = await enter(session, one)
        if (delayS < 0) return
        longestS = Math.max(longestS, delayS)
      }
      if (longestS >= MIN_PAUSE_SECONDS) await pause(longestS)
    },
    log(session) {
      for (let entry = session.ctx.getState<Entry>(state); entry !== undefined; entry = entry.before) {
        const tookS = onlyDefault ? undefined : latencyS(session, entry.delayS)
        entry.shared.leave(entry.key, tookS)
        if (entry.isLocal) entry.gate.limiter.leave(entry.key, Date.now(), tookS)
      }
    },
    dispose() {
      for (const shared of sharedOf.values()) shared.dispose()
    },
  }
}
