import type { Backend } from '../backend.ts'
import type { LoadBalancer } from '../load-balancer.ts'
import { seededRandom } from './seeded-random.ts'

export interface SimulatedCluster {
  /** Milliseconds that a request keeps one server of a node, on average (exponentially distributed), by address. */
  readonly serviceMs: Readonly<Record<string, number>>
  /** How many requests a node works on at once; others wait in its queue. */
  readonly servers: number
  readonly requestsPerSecond: number
  readonly requests: number
  readonly seed: number
}

export interface SimulatedResult {
  readonly p50: number
  readonly p99: number
  readonly counts: Readonly<Record<string, number>>
}

interface Arrival {
  readonly at: number
  readonly request: number
}

/**
 * Plays requests that arrive at random (Poisson) against nodes with queues, in simulated time. `make` gets the clock and the random numbers
 * of the simulation.
 */
export function simulate(
  cluster: SimulatedCluster,
  make: (addresses: string[], clock: () => number, random: () => number) => LoadBalancer,
): SimulatedResult {
  const random = seededRandom(cluster.seed)
  const exponential = (mean: number): number => -Math.log(1 - random()) * mean
  let now = 0
  const balancer = make(Object.keys(cluster.serviceMs), () => now, random)
  const nodes = new Map(
    balancer.backends.map((node) => [node, Array.from({ length: cluster.servers }, () => 0)] as const),
  )
  const ends: { readonly at: number; readonly node: Backend; readonly tookMs: number }[] = []
  const latencies: number[] = []
  const counts: Record<string, number> = {}
  let arrival: Arrival = { at: exponential(1_000 / cluster.requestsPerSecond), request: 0 }
  while (arrival.request < cluster.requests) {
    const end = ends[0]
    if (end !== undefined && end.at <= arrival.at) {
      ends.shift()
      now = end.at
      balancer.finished(end.node, end.tookMs)
      continue
    }
    now = arrival.at
    arrival = { at: now + exponential(1_000 / cluster.requestsPerSecond), request: arrival.request + 1 }
    const node = balancer.select()
    if (node === undefined) throw new Error('no node')
    balancer.started(node)
    counts[node.address] = (counts[node.address] ?? 0) + 1
    const freeAt = nodes.get(node) as number[]
    const server = freeAt.indexOf(Math.min(...freeAt))
    const at = Math.max(now, freeAt[server]) + exponential(cluster.serviceMs[node.address])
    freeAt[server] = at
    latencies.push(at - now)
    const place = ends.findIndex((other) => other.at > at)
    ends.splice(place < 0 ? ends.length : place, 0, { at, node, tookMs: at - now })
  }
  latencies.sort((a, b) => a - b)
  const percentile = (part: number): number => latencies[Math.floor(latencies.length * part)]
  return { p50: percentile(0.5), p99: percentile(0.99), counts }
}
