import type { ImportedCluster } from '../clusters/imported-cluster.ts'
import type { Message } from '../reader/message.ts'

/** What is tried again here: what failed before the upstream can have carried anything out. */
const DONE_HERE = new Set(['connect-failure', 'refused-stream', 'reset-before-request'])
/** The same, for methods that may be repeated. */
const FOR_SAFE_METHODS = 'reset'

/**
 * Retries are a matter of the upstream here, and of what failed: those that could carry something out twice are not
 * made, whatever is configured.
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
  const others = conditions.filter((condition) => !DONE_HERE.has(condition) && condition !== FOR_SAFE_METHODS)
  if (others.length > 0)
    policy.lose('retry_on', `no retry after ${others.join(', ')}: a response has come, or may have`)
  if (conditions.includes(FOR_SAFE_METHODS))
    policy.warn('retry_on', 'after a reset, only requests whose method allows it are repeated')
  const retries = policy.number('num_retries') ?? 1
  if (others.length < conditions.length) cluster.claim({ retries }, policy, 'num_retries')
  policy.lose('per_try_timeout', 'each attempt has the time limits of the route')
  // A node that failed is not picked again for the same request.
  policy.ignore('retry_host_predicate', 'host_selection_retry_max_attempts')
}
