import type { ImportedCluster } from '../clusters/imported-cluster.ts'
import type { Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'

/** What a consistent hash goes by: said on the route in Envoy, on the upstream here. */
export function readHashPolicy(action: Message, cluster: ImportedCluster): void {
  const [first, ...others] = action.messages('hash_policy')
  if (first === undefined) return
  for (const other of others) other.loseAll('there is one key; the address of the client where it is missing')
  const key = readKey(first)
  first.ignore('terminal')
  if (key === undefined) return
  if (!cluster.hashes) return action.warn('hash_policy', `has no effect: lb_policy of "${cluster.name}" does not hash`)
  const { hashBalanceFactor: factor } = cluster
  const bounded = factor === undefined ? {} : { hash_balance_factor: factor }
  cluster.claim({ type: 'chash', ...key, ...bounded }, action, 'hash_policy')
}

function readKey(policy: Message): Fields | undefined {
  const header = policy.message('header')
  if (header !== undefined) return { hash_on: 'header', key: header.string('header_name') ?? '' }
  const cookie = policy.message('cookie')
  if (cookie !== undefined) {
    cookie.lose('ttl', 'no cookie is made for a client that has none')
    cookie.lose('path', 'no cookie is made for a client that has none')
    return { hash_on: 'cookie', key: cookie.string('name') ?? '' }
  }
  const parameter = policy.message('query_parameter')
  if (parameter !== undefined) return { hash_on: 'vars', key: `arg_${parameter.string('name') ?? ''}` }
  if (policy.message('connection_properties')?.boolean('source_ip') === true)
    return { hash_on: 'vars', key: 'remote_addr' }
  policy.lose('filter_state')
  return undefined
}
