import type { Message } from '../reader/message.ts'

const TYPES: Readonly<Record<string, string | undefined>> = {
  LEAST_REQUEST: 'least_conn',
  RANDOM: 'random',
  // Consistent hashing needs to know what to hash: a hash_policy on a route says it. Without one Envoy picks by lot.
  RING_HASH: 'random',
  MAGLEV: 'random',
}

/** `type` of an upstream; undefined for the default, round robin. */
export function balancerOf(cluster: Message): string | undefined {
  const policy = cluster.enumeration('lb_policy') ?? 'ROUND_ROBIN'
  if (policy === 'ROUND_ROBIN' || Object.hasOwn(TYPES, policy)) return TYPES[policy]
  cluster.lose('lb_policy', 'nodes are picked in turn')
  return undefined
}

/** Whether the cluster hashes, as soon as a route says what. */
export const isHashing = (policy: string | undefined): boolean => policy === 'RING_HASH' || policy === 'MAGLEV'
