import { describe, expect, it } from 'vitest'
import { LoadBalancer } from './load-balancer.ts'
import { seededRandom } from './testing/seeded-random.ts'
import { picks, tally } from './testing/tally.ts'

describe('random', () => {
  it('follows the weights', () => {
    const counts = tally(picks(LoadBalancer.random({ a: 1, b: 2, c: 5 }, { random: seededRandom(1) }), 8000))
    // Standard deviation of a binomial count here: at most sqrt(8000 / 4) = 45; four of them.
    expect(Math.abs(counts.a - 1000)).toBeLessThan(180)
    expect(Math.abs(counts.b - 2000)).toBeLessThan(180)
    expect(Math.abs(counts.c - 5000)).toBeLessThan(180)
  })

  it('shares what a dead node would have got among all others by weight', () => {
    const balancer = LoadBalancer.random({ a: 1, b: 3, c: 4 }, { random: seededRandom(2) })
    balancer.setHealthy('c', false)
    const counts = tally(picks(balancer, 8000))
    expect(Object.keys(counts).sort()).toEqual(['a', 'b'])
    expect(Math.abs(counts.a - 2000)).toBeLessThan(180)
  })

  it('stays within the list at both ends of the generator', () => {
    expect(LoadBalancer.random({ a: 1, b: 1 }, { random: () => 0 }).select()?.address).toBe('a')
    const highest = LoadBalancer.random({ a: 1, b: 1, c: 1 }, { random: () => 1 - 2 ** -53 })
    expect(highest.select()?.address).toBe('c')
    highest.setHealthy('c', false)
    expect(highest.select()?.address).toBe('b')
  })
})
