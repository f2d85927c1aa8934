import { Concurrency } from '@sekisho/proxy'
import type { GatewaySession } from '../../session.ts'
import type { PluginContext } from '../context.ts'
import { keyReader, warnOfKey } from './key.ts'
import { withoutRedis } from './redis-place.ts'
import { compileLimitText, type LimitText } from './text.ts'
import { type NumberReader, numberReader } from './whole-number.ts'

/** The options of limit-conn that say what is counted. */
export interface GateOptions {
  readonly conn?: number | string | undefined
  readonly burst?: number | string | undefined
  readonly key?: string | undefined
  readonly key_type: 'var' | 'var_combination'
  readonly rules?:
    | readonly { readonly conn: number | string; readonly burst: number | string; readonly key: string }[]
    | undefined
}

/** One limit made ready. */
export interface Gate {
  /** undefined: the rule does not apply. */
  readonly key: LimitText
  readonly conn: NumberReader
  readonly burst: NumberReader
  readonly limiter: Concurrency
  /** What this limit is called in all nodes. */
  readonly scope: string
}

/** A limit that applies to a request, read before any is entered. */
export interface Due {
  readonly gate: Gate
  readonly key: string
  readonly conn: number
  readonly burst: number
}

export function gatesOf(config: GateOptions, { scope, logger, inFlight, workerIndex }: PluginContext): Gate[] {
  const ownScope = `limit-conn\0${scope}\0${JSON.stringify(withoutRedis(config))}`
  if (config.rules !== undefined) {
    return config.rules.map((rule, index) => ({
      key: compileLimitText(rule.key),
      conn: numberReader(rule.conn, 1),
      burst: numberReader(rule.burst, 0),
      limiter: new Concurrency(inFlight, `${ownScope}\0${index}`, workerIndex),
      scope: `${ownScope}\0${index}`,
    }))
  }
  const { key = '', key_type: type } = config
  warnOfKey('limit-conn', key, type, scope, logger)
  return [
    {
      key: keyReader(key, type),
      conn: numberReader(config.conn as number | string, 1),
      burst: numberReader(config.burst as number | string, 0),
      limiter: new Concurrency(inFlight, ownScope, workerIndex),
      scope: ownScope,
    },
  ]
}

/** The limits that apply, or why the request cannot be counted: a number that cannot be used must not switch a limit off. */
export function dueGates(gates: readonly Gate[], { ctx }: GatewaySession): Due[] | string {
  const due: Due[] = []
  for (const gate of gates) {
    const key = gate.key(ctx)
    if (key === undefined) continue
    const most = gate.conn(ctx)
    const more = gate.burst(ctx)
    if (!(most > 0 && more >= 0)) return 'conn or burst of a request is no whole number'
    due.push({ gate, key, conn: most, burst: more })
  }
  return due.length === 0 ? 'no rule applies to a request' : due
}

/** How long the request took, as APISIX reckons: the upstream's part, or all of it less the delay where no upstream was asked. */
export function latencyS({ sentAt, startedAt, finishedAt }: GatewaySession, delayS: number): number {
  const tookS = sentAt > 0 ? (finishedAt - sentAt) / 1_000 : (finishedAt - startedAt) / 1_000 - delayS
  return Math.max(0, tookS)
}
