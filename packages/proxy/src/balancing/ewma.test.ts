import { describe, expect, it } from 'vitest'
import { LoadBalancer } from './load-balancer.ts'
import type { Nodes } from './parse-nodes.ts'
import { seededRandom } from './testing/seeded-random.ts'
import { picks, tally } from './testing/tally.ts'

/** A balancer on a clock that stands still until `wait`; `answer` runs one request on the node. */
function setUp(nodes: Nodes) {
  let clock = 1000
  const balancer = LoadBalancer.ewma(nodes, { random: seededRandom(7), now: () => clock })
  return {
    balancer,
    wait: (ms: number) => void (clock += ms),
    answer: (address: string, latencyMs: number) => {
      const backend = balancer.backends.find((one) => one.address === address)
      if (backend === undefined) throw new Error(`no node ${address}`)
      balancer.started(backend)
      clock += Math.max(0, latencyMs)
      balancer.finished(backend, latencyMs)
    },
  }
}

describe('EWMA', () => {
  it('takes the faster of the two drawn nodes', () => {
    const { balancer, answer } = setUp(['a', 'b'])
    answer('a', 50)
    answer('b', 20)
    expect(tally(picks(balancer, 20))).toEqual({ b: 20 })
  })

  it('draws two at random: with three nodes only the slowest gets nothing', () => {
    const { balancer, answer } = setUp(['a', 'b', 'c'])
    answer('a', 10)
    answer('b', 20)
    answer('c', 30)
    const counts = tally(picks(balancer, 300))
    expect(counts.c).toBeUndefined()
    // a wins each pair it is in, two of three; b the third.
    expect(counts.a).toBeGreaterThan(170)
    expect(counts.b).toBeGreaterThan(70)
  })

  it('shares by weight among equally fast nodes', () => {
    const { balancer } = setUp({ a: 1, b: 3 })
    const counts = tally(picks(balancer, 4000))
    // Standard deviation sqrt(4000 x 1/4 x 3/4) = 27; four of them.
    expect(Math.abs(counts.a - 1000)).toBeLessThan(110)
  })

  it('weighs latency with requests in flight', () => {
    const { balancer, answer } = setUp(['a', 'b'])
    answer('a', 9)
    answer('b', 49)
    const [a] = balancer.backends
    // (9 + 1) x (active + 1) against (49 + 1) x 1: the fifth request more than a stands for 5 x 10 = 50.
    for (let active = 0; active < 4; active++) {
      expect(tally(picks(balancer, 10))).toEqual({ a: 10 })
      balancer.started(a)
    }
    balancer.started(a)
    expect(tally(picks(balancer, 10))).toEqual({ b: 10 })
  })

  it('lets an old latency fade, so that a slow node is tried again', () => {
    const { balancer, answer, wait } = setUp(['a', 'b'])
    answer('b', 500)
    for (let second = 0; second < 30; second++) {
      wait(1000)
      answer('a', 50)
    }
    // b's 500 ms are 33 s old: 500 x e^-3.3 = 18.
    expect(tally(picks(balancer, 10))).toEqual({ b: 10 })
  })

  it('averages over the decay time', () => {
    const { balancer, answer, wait } = setUp(['a', 'b'])
    answer('a', 10)
    wait(10_000 * Math.LN2)
    answer('a', 0)
    // Half of the 10 ms is left after ln 2 decay times: below 8, above 4.
    answer('b', 8)
    expect(tally(picks(balancer, 10))).toEqual({ a: 10 })
    const other = setUp(['a', 'b'])
    other.answer('a', 10)
    other.wait(10_000 * Math.LN2)
    other.answer('a', 0)
    other.answer('b', 4)
    expect(tally(picks(other.balancer, 10))).toEqual({ b: 10 })
  })

  it('counts a failure as slow, though it came at once', () => {
    const { balancer, answer } = setUp(['a', 'b'])
    answer('a', -1)
    answer('b', 900)
    expect(tally(picks(balancer, 10))).toEqual({ b: 10 })
  })

  it('takes a newcomer for average until it has answered', () => {
    const { balancer, answer } = setUp(['a', 'b'])
    answer('a', 10)
    answer('b', 30)
    balancer.update(['a', 'b', 'c'])
    const withoutA = balancer.backends.slice(0, 1)
    const withoutB = balancer.backends.slice(1, 2)
    // c counts as 20: slower than a, faster than b.
    expect(tally(picks(balancer, 10, withoutB))).toEqual({ a: 10 })
    expect(tally(picks(balancer, 10, withoutA))).toEqual({ c: 10 })
    answer('c', 1)
    expect(tally(picks(balancer, 10, withoutB))).toEqual({ c: 10 })
  })

  it('takes the only node left without drawing a second', () => {
    const { balancer } = setUp(['a', 'b'])
    expect(balancer.select('', balancer.backends.slice(0, 1))?.address).toBe('b')
    expect(balancer.select('', balancer.backends)).toBeUndefined()
  })
})
