import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LoadBalancer } from './load-balancer.ts'
import { smoothSequence } from './round-robin.ts'
import { picks, tally } from './testing/tally.ts'

describe('round robin', () => {
  it("follows nginx's published sequence", () => {
    expect(picks(LoadBalancer.roundRobin({ a: 5, b: 1, c: 1 }), 14).join(' ')).toBe('a a b a c a a a a b a c a a')
  })

  it('rotates among equal weights, whatever they are', () => {
    expect(picks(LoadBalancer.roundRobin({ a: 7, b: 7, c: 7 }), 7).join(' ')).toBe('a b c a b c a')
  })

  it('starts each worker at another node', () => {
    expect(picks(LoadBalancer.roundRobin(['a', 'b', 'c'], { offset: 1 }), 3).join(' ')).toBe('b c a')
    expect(picks(LoadBalancer.roundRobin(['a', 'b', 'c'], { offset: 302 }), 3).join(' ')).toBe('c a b')
    expect(() => LoadBalancer.roundRobin(['a'], { offset: -1 })).toThrow(RangeError)
    expect(() => LoadBalancer.roundRobin(['a'], { offset: 0.5 })).toThrow('offset is 0.5')
  })

  it('follows the weights exactly over every period, at any offset', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(weights, fc.nat(1000), (given, offset) => {
        const nodes = Object.fromEntries(given.map((weight, index) => [`n${index}`, weight]))
        const sum = given.reduce((total, weight) => total + weight, 0)
        const balancer = LoadBalancer.roundRobin(nodes, { offset })
        expect(tally(picks(balancer, sum))).toEqual(nodes)
        expect(tally(picks(balancer, sum))).toEqual(nodes)
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  it('picks the same by the written-out sequence and by the algorithm itself', () => {
    // The sums are 1024 and 1025: one on each side of the longest sequence that is written out.
    for (const nodes of [
      { a: 700, b: 321, c: 3 },
      { a: 701, b: 321, c: 3 },
    ]) {
      const addresses = Object.keys(nodes)
      const sum = nodes.a + nodes.b + nodes.c
      const expected = smoothSequence(Object.values(nodes), sum).map((index) => addresses[index])
      expect(picks(LoadBalancer.roundRobin(nodes), sum)).toEqual(expected)
      const shifted = picks(LoadBalancer.roundRobin(nodes, { offset: 5 }), sum)
      expect(shifted).toEqual([...expected.slice(5), ...expected.slice(0, 5)])
    }
  })

  it.each([
    { a: 5, b: 1, c: 2 },
    { a: 5000, b: 1001, c: 2002 },
  ])('keeps the shares of the others exact while a node is down: %j', (nodes) => {
    const balancer = LoadBalancer.roundRobin(nodes)
    balancer.setHealthy('a', false)
    expect(tally(picks(balancer, nodes.b + nodes.c))).toEqual({ b: nodes.b, c: nodes.c })
  })

  it('gives undefined when all were tried, and goes on as before', () => {
    const balancer = LoadBalancer.roundRobin({ a: 5, b: 1, c: 1 })
    expect(balancer.select('', balancer.backends)).toBeUndefined()
    expect(picks(balancer, 3).join(' ')).toBe('a a b')
  })
})
