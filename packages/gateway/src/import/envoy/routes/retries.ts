import { RETRY_ON } from '../../../resources/overload.ts'
import type { ImportedCluster } from '../clusters/imported-cluster.ts'
import { defined, type Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'

/** Reasons that have another name here, or none because they are always one. */
const SAME_AS: Readonly<Record<string, string>> = {
  'refused-stream': 'connect-failure',
  'reset-before-request': 'connect-failure',
}
const KNOWN: ReadonlySet<string> = new Set(RETRY_ON)

/**
 * Reads a retry policy of a route. How often is a matter of the upstream here; and requests that may have been carried out are sent again only
 * where their method allows it, which Envoy does not look at.
 */
export function readRetries(policy: Message | undefined, cluster: ImportedCluster, route: Message): void {
  if (policy === undefined) {
    if (cluster.nodeCount < 2 || cluster.fields['retries'] !== undefined) return
    const message = `Envoy would not retry. Sekisho tries another node of "${cluster.id}" when nothing was sent, or the request may be repeated; "retries: 0" on the upstream turns it off`
    return route.warnOnce('retries', undefined, message)
  }
  const conditions = (policy.string('retry_on') ?? '')
    .split(',')
    .map((condition) => condition.trim())
    .filter((condition) => condition !== '')
    .map((condition) => SAME_AS[condition] ?? condition)
  const others = conditions.filter((condition) => !KNOWN.has(condition))
  const reasons = [...new Set(conditions.filter((condition) => KNOWN.has(condition)))]
  if (others.length > 0) policy.lose('retry_on', `there is no such reason here: ${others.join(', ')}`)
  const codes = policy
    .strings('retriable_status_codes')
    .map(Number)
    .filter((code) => code >= 400 && code <= 599)
  const usable = reasons.filter((reason) => reason !== 'retriable-status-codes' || codes.length > 0)
  // A node that failed is not picked again for the same request while there is another.
  policy.ignore('retry_host_predicate', 'host_selection_retry_max_attempts')
  const retries = policy.number('num_retries') ?? 1
  const perTry = policy.duration('per_try_timeout')
  const backOff = readBackOff(policy)
  if (usable.length === 0 || retries === 0) return
  cluster.claim({ retries }, policy, 'num_retries')
  if (usable.some((reason) => reason !== 'connect-failure'))
    policy.warn('retry_on', 'requests that may have been carried out are repeated only where their method allows it')
  const retry = defined({
    retry_on: usable,
    retriable_status_codes: usable.includes('retriable-status-codes') ? codes : undefined,
    per_try_timeout: perTry === undefined || perTry === 0 ? undefined : perTry,
    back_off: backOff,
    budget: cluster.retryBudget,
  })
  cluster.claim({ retry }, policy, 'retry_on')
}

function readBackOff(policy: Message): Fields | undefined {
  const backOff = policy.message('retry_back_off')
  const base = backOff?.duration('base_interval')
  if (backOff === undefined || base === undefined) return undefined
  const most = backOff.duration('max_interval') ?? base * 10
  return { base_interval: Math.max(0.001, base), max_interval: Math.max(0.001, base, most) }
}
