import { describe, expect, test } from 'vitest'
import { LoadBalancer } from './load-balancer.ts'
import type { BalancerOptions } from './selector.ts'
import { seededRandom } from './testing/seeded-random.ts'

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)
const balancer = (more: BalancerOptions = {}): LoadBalancer =>
  LoadBalancer.roundRobin(
    [
      ...names('a', 10).map((address) => ({ address, priority: 1 })),
      ...names('b', 10).map((address) => ({ address, priority: 0 })),
      ...names('c', 10).map((address) => ({ address, priority: -1 })),
    ],
    { random: seededRandom(11), ...more },
  )
const sick = (upstreams: LoadBalancer, prefix: string, count: number): void => {
  for (const address of names(prefix, count)) upstreams.setHealthy(address, false)
}
/** The parts of so many picks that each letter got, in percent, rounded to whole ones. */
function parts(upstreams: LoadBalancer, key: (pick: number) => string = () => ''): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let pick = 0; pick < 20_000; pick++) {
    const letter = upstreams.select(key(pick))?.address[0] ?? '-'
    counts[letter] = (counts[letter] ?? 0) + 1 / 200
  }
  return counts
}
const near = (found: Record<string, number>, wanted: Record<string, number>): void => {
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(wanted).toSorted())
  for (const [letter, percent] of Object.entries(wanted)) expect(Math.abs(found[letter] - percent)).toBeLessThan(1.5)
}

describe('priorities', () => {
  test('without a factor the first keeps all while any of its nodes is left', () => {
    const upstreams = balancer()
    sick(upstreams, 'a', 9)
    near(parts(upstreams), { a: 100 })
  })

  // The table of Envoy's documentation for two levels, with 140.
  test.each([
    [0, 100],
    [2, 100],
    [3, 98],
    [5, 70],
    [9, 14],
  ])('with 140 and %i of 10 unhealthy the first keeps %i%%', (unhealthy, percent) => {
    const upstreams = balancer({ overprovisioningFactor: 140 })
    sick(upstreams, 'a', unhealthy)
    near(parts(upstreams), percent === 100 ? { a: 100 } : { a: percent, b: 100 - percent })
  })

  test('levels that are together too weak share by what is healthy', () => {
    const upstreams = balancer({ overprovisioningFactor: 100 })
    sick(upstreams, 'a', 8)
    sick(upstreams, 'b', 8)
    sick(upstreams, 'c', 6)
    near(parts(upstreams), { a: 25, b: 25, c: 50 })
  })

  test('comes back with the nodes; when none is healthy the first level has all', () => {
    const upstreams = balancer({ overprovisioningFactor: 140 })
    for (const letter of ['a', 'b', 'c']) sick(upstreams, letter, 10)
    near(parts(upstreams), { a: 100 })
    for (const address of names('a', 10)) upstreams.setHealthy(address, true)
    near(parts(upstreams), { a: 100 })
  })

  test('a key keeps its level, and levels share the keys', () => {
    const upstreams = LoadBalancer.consistentHash(
      [...names('a', 4).map((address) => ({ address, priority: 1 })), ...names('b', 4)],
      { overprovisioningFactor: 140 },
    )
    sick(upstreams, 'a', 2)
    near(
      parts(upstreams, (pick) => `key-${pick}`),
      { a: 70, b: 30 },
    )
    const first = Array.from({ length: 200 }, (_, key) => upstreams.select(`key-${key}`))
    expect(Array.from({ length: 200 }, (_, key) => upstreams.select(`key-${key}`))).toEqual(first)
    const nodes = new Set(Array.from({ length: 2_000 }, (_, key) => upstreams.select(`key-${key}`)?.address))
    expect([...nodes].toSorted((one, other) => (String(one) < String(other) ? -1 : 1))).toEqual([
      'a2',
      'a3',
      'b0',
      'b1',
      'b2',
      'b3',
    ])
  })

  test('the next level is asked when all of the chosen one were tried', () => {
    const upstreams = balancer({ overprovisioningFactor: 140 })
    const tried = upstreams.backends.filter(({ address }) => address.startsWith('a'))
    expect(upstreams.select('', tried)?.address[0]).toBe('b')
  })
})

describe('zones', () => {
  const zoned = (more: BalancerOptions = {}): LoadBalancer =>
    LoadBalancer.roundRobin(
      [
        ...names('b', 10).map((address) => ({ address, metadata: { zone: 'two' } })),
        ...names('a', 10).map((address) => ({ address, metadata: { zone: 'one' } })),
        ...names('c', 10).map((address) => ({ address, priority: -1, metadata: { zone: 'one' } })),
      ],
      { random: seededRandom(5), zone: 'one', ...more },
    )

  test('our own is preferred within the priority, and spills over to the others first', () => {
    const upstreams = zoned()
    near(parts(upstreams), { a: 100 })
    sick(upstreams, 'a', 2)
    near(parts(upstreams), { a: 100 })
    sick(upstreams, 'a', 5)
    near(parts(upstreams), { a: 70, b: 30 })
    sick(upstreams, 'a', 10)
    near(parts(upstreams), { b: 100 })
    sick(upstreams, 'b', 10)
    near(parts(upstreams), { c: 100 })
  })

  test('a zone where no node is changes nothing', () => {
    near(parts(zoned({ zone: 'three' })), { a: 50, b: 50 })
  })

  test('counts go to the layer of the node, also when it moves', () => {
    const upstreams = LoadBalancer.leastConnections(
      [
        { address: 'a', metadata: { zone: 'one' } },
        { address: 'b', metadata: { zone: 'two' } },
      ],
      { zone: 'one' },
    )
    const [a] = upstreams.backends
    upstreams.started(a)
    upstreams.update([
      { address: 'a', metadata: { zone: 'two' } },
      { address: 'b', metadata: { zone: 'two' } },
    ])
    expect(upstreams.select()?.address).toBe('b')
    upstreams.finished(a, 1)
    upstreams.started(upstreams.backends[1])
    expect(upstreams.select()?.address).toBe('a')
  })
})
