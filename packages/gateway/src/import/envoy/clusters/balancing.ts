import type { Message } from '../reader/message.ts'
import type { ImportedNode } from './endpoints.ts'

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

/** Envoy's own, which it has without being told. */
const OVERPROVISIONING = 140

/** `overprovisioning_factor` of an upstream: of nodes with one priority it says nothing. */
export function overprovisioningOf(cluster: Message, nodes: readonly ImportedNode[]): number | undefined {
  const policy = cluster.message('load_assignment')?.message('policy')
  const written = policy?.number('overprovisioning_factor')
  return new Set(nodes.map(({ priority }) => priority)).size < 2 ? undefined : (written ?? OVERPROVISIONING)
}

/** Percent; 0 is off. Has a meaning when a route says what is hashed. */
export function hashBalanceOf(cluster: Message): number | undefined {
  const factor = cluster
    .message('common_lb_config')
    ?.message('consistent_hashing_lb_config')
    ?.number('hash_balance_factor')
  return factor === undefined || factor === 0 ? undefined : Math.max(factor, LEAST_HASH_BALANCE)
}

/** Whether nodes of the own zone are preferred. Envoy does so as soon as it knows the cluster it is in; here it is said. */
export function isZoneAware(cluster: Message, nodes: readonly ImportedNode[]): boolean | undefined {
  cluster.lose('lb_subset_config', 'write "subset" on the upstream, and the labels into the "metadata" of its nodes')
  const common = cluster.message('common_lb_config')
  if (common?.has('zone_aware_lb_config') !== true) return undefined
  if (nodes.every(({ zone }) => zone === undefined)) return undefined
  common.warn('zone_aware_lb_config', 'the zone of this gateway is the setting "zone": write it')
  common.ignore('zone_aware_lb_config')
  return true
}

/** At 100 all nodes would have to be equally busy. */
const LEAST_HASH_BALANCE = 101

/** Whether the cluster hashes, as soon as a route says what. */
export const isHashing = (policy: string | undefined): boolean => policy === 'RING_HASH' || policy === 'MAGLEV'
