import type { Plugins } from '../output/draft.ts'
import { readFraction } from '../reader/fraction.ts'
import type { Message } from '../reader/message.ts'

/**
 * Reads a LocalRateLimit where one of our limits does exactly the same: a bucket that is filled whole is `limit-count`, a
 * bucket that gets one token at a time is `limit-req`.
 */
export function readLocalRateLimit(limit: Message): Plugins | undefined {
  limit.ignore('stat_prefix')
  const enabled = readFraction(limit.message('filter_enabled'))
  const enforced = readFraction(limit.message('filter_enforced'))
  if (enabled === 0 || enforced === 0) {
    limit.settle()
    limit.warn(undefined, 'refuses nothing in Envoy without filter_enabled and filter_enforced. It is left out')
    return undefined
  }
  if (enabled < 100 || enforced < 100) return lost(limit, 'limits hold for all requests')
  const bucket = limit.message('token_bucket')
  const tokens = bucket?.number('max_tokens')
  const fill = bucket?.number('tokens_per_fill') ?? 1
  const interval = bucket?.duration('fill_interval')
  if (tokens === undefined || interval === undefined) return lost(limit, 'has no token_bucket')
  const code = limit.message('status')?.enumeration('code')
  const status = code === undefined ? 429 : (STATUSES[code] ?? Number(code))
  if (Number.isNaN(status)) return lost(limit, `the status ${code} is not known`)
  const common = { key: 'all', key_type: 'constant', rejected_code: status }
  if (tokens === fill && Number.isInteger(interval))
    return { 'limit-count': { count: tokens, time_window: interval, ...common, show_limit_quota_header: false } }
  if (fill === 1) {
    const rate = Math.round((1 / interval) * 1_000_000) / 1_000_000
    return { 'limit-req': { rate, burst: tokens - 1, key: ONE_KEY, nodelay: true, rejected_code: status } }
  }
  return lost(limit, 'no limit here fills its bucket in such steps: see limit-req and limit-count')
}

/** limit-req knows no constant key: the name of this machine is the same for all requests. */
const ONE_KEY = 'hostname'

const STATUSES: Readonly<Record<string, number>> = {
  TOOMANYREQUESTS: 429,
  SERVICEUNAVAILABLE: 503,
  FORBIDDEN: 403,
}

function lost(limit: Message, reason: string): undefined {
  limit.loseAll(reason)
}
