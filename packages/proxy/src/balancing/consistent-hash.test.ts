import { describe, expect, it } from 'vitest'
import { LoadBalancer } from './load-balancer.ts'
import { DOWN, EQUAL, OTHER_KEYS, SERVERS, WEIGHTED, WEIGHTED_WITH_DOWN } from './testing/nginx-ring.ts'
import { picks, tally } from './testing/tally.ts'

const addresses = SERVERS.map((server) => server.address)

/** The picks of the keys `key-0`, `key-1`, … as one digit each, as in the table of nginx's answers. */
function digits(balancer: LoadBalancer): string {
  return Array.from({ length: 300 }, (_, key) =>
    addresses.indexOf(balancer.select(`key-${key}`)?.address ?? 'none'),
  ).join('')
}

function owners(balancer: LoadBalancer, count: number): string[] {
  return Array.from({ length: count }, (_, key) => balancer.select(`user ${key}`)?.address ?? '-')
}

describe('consistent hash', () => {
  it("picks nginx's servers", () => {
    expect(digits(LoadBalancer.consistentHash(addresses))).toBe(EQUAL)
    expect(digits(LoadBalancer.consistentHash(SERVERS))).toBe(WEIGHTED)
  })

  it('walks on from nodes that are down as nginx does', () => {
    const balancer = LoadBalancer.consistentHash(SERVERS)
    for (const index of DOWN) balancer.setHealthy(addresses[index], false)
    expect(digits(balancer)).toBe(WEIGHTED_WITH_DOWN)
    for (const index of DOWN) balancer.setHealthy(addresses[index], true)
    expect(digits(balancer)).toBe(WEIGHTED)
  })

  it.each(OTHER_KEYS)('hashes the key %j as nginx does', (key, server) => {
    expect(LoadBalancer.consistentHash(SERVERS).select(key)?.address).toBe(addresses[server])
  })

  it.each([2, 5, 10])('moves the keys of a node that leaves, about one in %i, and no others', (count) => {
    const nodes = Array.from({ length: count }, (_, index) => `10.0.0.${index}:80`)
    const before = owners(LoadBalancer.consistentHash(nodes), 2000)
    const after = owners(LoadBalancer.consistentHash(nodes.slice(1)), 2000)
    const moved = before.filter((owner, key) => owner !== after[key])
    expect(new Set(moved)).toEqual(new Set([nodes[0]]))
    // 160 points a node: its part of the ring varies by about 1 / sqrt(160) = 8%; thrice that, and the sampling.
    expect(moved.length / 2000).toBeLessThan(1.35 / count)
    expect(moved.length / 2000).toBeGreaterThan(0.65 / count)
  })

  it('sends retries along the ring, where the keys of a node that left would go too', () => {
    const nodes = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80']
    const balancer = LoadBalancer.consistentHash(nodes)
    for (let key = 0; key < 100; key++) {
      const first = balancer.select(`k${key}`)
      if (first === undefined) throw new Error('no node')
      const without = LoadBalancer.consistentHash(nodes.filter((node) => node !== first.address))
      expect(balancer.select(`k${key}`, [first])?.address).toBe(without.select(`k${key}`)?.address)
    }
  })

  it('goes round robin without a key', () => {
    expect(picks(LoadBalancer.consistentHash({ a: 2, b: 1 }, { offset: 1 }), 6).join(' ')).toBe('b a a b a a')
  })

  it('keeps the proportions when weights would need too many points', () => {
    const balancer = LoadBalancer.consistentHash({ 'a:1': 1_000_000, 'b:1': 3_000_000, 'c:1': 0 })
    const counts = tally(owners(balancer, 4000))
    expect(Object.keys(counts).sort()).toEqual(['a:1', 'b:1'])
    expect(Math.abs(counts['a:1'] - 1000)).toBeLessThan(110)
  })
})
