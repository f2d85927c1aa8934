import { beforeEach, describe, expect, it } from 'vitest'
import type { Backend } from './backend.ts'
import { LoadBalancer } from './load-balancer.ts'
import type { BalancerOptions } from './selector.ts'
import { seededRandom } from './testing/seeded-random.ts'

let now = 0
beforeEach(() => (now = 0))
const slowStart = { windowMs: 10_000 }
const options = (more: BalancerOptions = {}): BalancerOptions => ({
  slowStart,
  now: () => now,
  random: seededRandom(7),
  ...more,
})

/** The part of so many picks that a node got, in percent. */
function percentOf(balancer: LoadBalancer, address: string, picks = 3_000): number {
  let count = 0
  for (let pick = 0; pick < picks; pick++) if (balancer.select()?.address === address) count++
  return (count / picks) * 100
}

const algorithms: [string, (options: BalancerOptions) => LoadBalancer][] = [
  ['roundRobin', (more) => LoadBalancer.roundRobin(['a', 'b', 'c'], options(more))],
  ['random', (more) => LoadBalancer.random(['a', 'b', 'c'], options(more))],
  ['ewma', (more) => LoadBalancer.ewma(['a', 'b', 'c'], options(more))],
]

describe.each(algorithms)('%s', (_, create) => {
  it('gives a node that comes back a growing part of its share', () => {
    const balancer = create({})
    balancer.setHealthy('c', false)
    balancer.setHealthy('c', true)
    const parts = [0, 2_500, 5_000, 9_000, 10_000].map((at) => {
      now = at
      return percentOf(balancer, 'c')
    })
    for (const [index, expected] of [4.8, 11.1, 20, 31, 33.3].entries())
      expect(Math.abs(parts[index] - expected)).toBeLessThan(3)
    expect(balancer.backends[2].slowStart).toBeUndefined()
  })

  it('does not begin with slow nodes, and is even when all begin slowly', () => {
    const balancer = create({})
    expect(balancer.backends.every(({ slowStart: ramp }) => ramp === undefined)).toBe(true)
    for (const { address } of balancer.backends) balancer.setHealthy(address, false)
    for (const { address } of balancer.backends) balancer.setHealthy(address, true)
    for (const { address } of balancer.backends) expect(Math.abs(percentOf(balancer, address) - 33.3)).toBeLessThan(3)
  })
})

describe('round robin', () => {
  const withNewcomer = (more: BalancerOptions['slowStart']): LoadBalancer => {
    const balancer = LoadBalancer.roundRobin(['a'], { slowStart: more, now: () => now })
    balancer.update(['a', 'b'])
    return balancer
  }

  it('lets a node that joins start slowly, in exact shares', () => {
    const balancer = withNewcomer({ windowMs: 10_000, minWeightPercent: 20 })
    // As with the weights 5 and 1, then 2 and 1.
    expect(percentOf(balancer, 'b', 600)).toBeCloseTo(100 / 6, 6)
    now = 5_000
    expect(percentOf(balancer, 'b', 600)).toBeCloseTo(100 / 3, 6)
    now = 10_000
    expect(percentOf(balancer, 'b', 1_000)).toBe(50)
  })

  it.each([
    [1, 0.25],
    [2, 0.5],
    [0.5, 0.0625],
  ])('aggression %d: after a quarter of the window, %d of its share', (aggression, share) => {
    const balancer = withNewcomer({ windowMs: 10_000, aggression, minWeightPercent: 1 })
    now = 2_500
    expect(balancer.backends[1].slowStart?.share).toBe(share)
  })

  it('goes on where another thread began', () => {
    const balancer = LoadBalancer.roundRobin(['a', 'b'], options())
    const [a, b] = balancer.backends
    balancer.startSlowly(b, 7_500)
    expect(b.slowStart?.share).toBe(0.75)
    balancer.startSlowly(a, 10_000)
    expect(a.slowStart).toBeUndefined()
  })

  it('still has a node when the only one left starts slowly', () => {
    const balancer = LoadBalancer.roundRobin(['a', 'b'], options())
    balancer.setHealthy('a', false)
    balancer.setHealthy('b', false)
    balancer.setHealthy('b', true)
    for (let pick = 0; pick < 20; pick++) expect(balancer.select()?.address).toBe('b')
  })
})

describe('least connections', () => {
  it('counts the requests on a slow node as if it had less weight', () => {
    const balancer = LoadBalancer.leastConnections(['a', 'b'], options())
    balancer.setHealthy('b', false)
    balancer.setHealthy('b', true)
    now = 2_500
    const counts = { a: 0, b: 0 }
    const started: Backend[] = []
    for (let request = 0; request < 100; request++) {
      const backend = balancer.select() as Backend
      balancer.started(backend)
      started.push(backend)
      counts[backend.address as 'a']++
    }
    // Weights 1 and 0.25.
    expect(counts).toEqual({ a: 80, b: 20 })
    now = 10_000
    for (const backend of started) balancer.finished(backend, 1)
    expect(percentOf(balancer, 'b', 100)).toBe(50)
  })
})

describe('the panic threshold', () => {
  const addresses = Array.from({ length: 10 }, (_, index) => `n${index}`)
  const used = (balancer: LoadBalancer): number => balancer.backends.filter(({ usable }) => usable).length

  it('uses all nodes when fewer than so many percent are healthy', () => {
    const balancer = LoadBalancer.roundRobin(addresses, { panicThreshold: 50 })
    for (let out = 1; out <= 5; out++) {
      balancer.setHealthy(`n${out}`, false)
      expect(used(balancer)).toBe(10 - out)
    }
    balancer.setHealthy('n6', false)
    expect(used(balancer)).toBe(10)
    balancer.setHealthy('n1', true)
    expect(used(balancer)).toBe(5)
  })

  it('counts nodes that may be used, and is 0 unless it is set', () => {
    const nodes = [...addresses.slice(0, 2), { address: 'off', weight: 0 }]
    const balancer = LoadBalancer.random(nodes, { panicThreshold: 50 })
    balancer.setHealthy('n0', false)
    expect(used(balancer)).toBe(1)
    const plain = LoadBalancer.roundRobin(addresses)
    for (const address of addresses.slice(1)) plain.setHealthy(address, false)
    expect(used(plain)).toBe(1)
    plain.setHealthy('n0', false)
    expect(used(plain)).toBe(10)
  })
})
