import { describe, expect, test } from 'vitest'
import { LoadBalancer } from './load-balancer.ts'
import { simulate, type SimulatedResult } from './testing/simulated-cluster.ts'

/** One of four nodes is ten times slower. It could do 160 requests/s of the 1,200; its share of round robin is 300. */
const cluster = (seed: number) => ({
  serviceMs: { fast1: 5, fast2: 5, fast3: 5, slow: 50 },
  servers: 8,
  requestsPerSecond: 1_200,
  requests: 20_000,
  seed,
})

const ways = {
  roundRobin: (nodes: string[]) => LoadBalancer.roundRobin(nodes),
  leastConnections: (nodes: string[]) => LoadBalancer.leastConnections(nodes),
  ewma: (nodes: string[], now: () => number, random: () => number) => LoadBalancer.ewma(nodes, { now, random }),
  peakEwma: (nodes: string[], now: () => number, random: () => number) => LoadBalancer.peakEwma(nodes, { now, random }),
}
type Way = keyof typeof ways

describe.each([1, 20_261_121, 4_000_000_007])('one node ten times slower, seed %i', (seed) => {
  const result = Object.fromEntries(
    Object.entries(ways).map(([name, make]) => [name, simulate(cluster(seed), make)]),
  ) as Record<Way, SimulatedResult>

  test('round robin gives it a quarter, and p99 is its queue', () => {
    expect(result.roundRobin.counts['slow']).toBe(5_000)
    expect(result.roundRobin.p99).toBeGreaterThan(1_000)
  })

  test.each(['leastConnections', 'peakEwma'] as const)('%s: p99 is less than a fifth of that', (way) => {
    expect(result[way].p99).toBeLessThan(result.roundRobin.p99 / 5)
    expect(result[way].counts['slow']).toBeLessThan(2_000)
    for (const node of ['fast1', 'fast2', 'fast3']) expect(result[way].counts[node]).toBeGreaterThan(5_500)
  })

  test('peak EWMA, which knows latencies, has a better p99 than least connections', () => {
    expect(result.peakEwma.p99).toBeLessThan(result.leastConnections.p99)
  })
})
