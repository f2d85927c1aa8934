import { LoadBalancer, type BalancerOptions, type NodeSpec, type SharedCounts } from '@sekisho/proxy'
import type { NormalUpstream } from '../resources/normalise-upstream.ts'

/** What all balancers of a worker have in common. */
export interface BalancingContext {
  readonly workerIndex: number
  /** What the workers count together; left out: each for itself. */
  readonly counts?: SharedCounts | undefined
  /** Where this node runs. */
  readonly zone?: string | undefined
}

/**
 * The balancer that an upstream asks for.
 * @param place where the upstream is written, the same in all workers
 */
export function balancerOf(
  upstream: NormalUpstream,
  nodes: NodeSpec[],
  place: string,
  { workerIndex, counts, zone }: BalancingContext,
): LoadBalancer {
  const options: BalancerOptions = {
    ...healthOptions(upstream),
    offset: workerIndex,
    counts: counts?.of(place),
    zone: upstream.zone_aware ? zone : undefined,
    overprovisioningFactor: upstream.overprovisioning_factor,
    subset: subsetOptions(upstream),
  }
  switch (upstream.type) {
    case 'chash': {
      const { hash_balance_factor: factor } = upstream
      return factor === undefined
        ? LoadBalancer.consistentHash(nodes, options)
        : LoadBalancer.boundedHash(nodes, factor, options)
    }
    case 'least_conn':
      return LoadBalancer.leastConnections(nodes, options)
    case 'ewma':
      return LoadBalancer.ewma(nodes, options)
    case 'peak_ewma':
      return LoadBalancer.peakEwma(nodes, options)
    case 'random':
      return LoadBalancer.random(nodes, options)
    default:
      return LoadBalancer.roundRobin(nodes, options)
  }
}

/** Whether the balancer has to know what is in flight. */
export const countsRequests = ({ type, hash_balance_factor: factor }: NormalUpstream): boolean =>
  type === 'least_conn' || type === 'ewma' || type === 'peak_ewma' || factor !== undefined

function healthOptions({ slow_start: slow, healthy_panic_threshold: panicThreshold }: NormalUpstream): BalancerOptions {
  if (slow === undefined) return { panicThreshold }
  const { window, aggression, min_weight_percent: minWeightPercent } = slow
  return { panicThreshold, slowStart: { windowMs: window * 1_000, aggression, minWeightPercent } }
}

function subsetOptions({ subset }: NormalUpstream): BalancerOptions['subset'] {
  if (subset === undefined) return undefined
  const labels = Object.keys(subset.labels)
  return {
    labels,
    fallback: subset.fallback ?? 'any',
    default: subset.default && labels.map((label) => subset.default?.[label] ?? ''),
  }
}
