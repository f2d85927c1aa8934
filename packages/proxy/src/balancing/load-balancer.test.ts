import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Backend } from './backend.ts'
import { isAvailable, LoadBalancer } from './index.ts'
import type { Nodes, SelectorFactory } from './index.ts'
import { seededRandom } from './testing/seeded-random.ts'
import { picks, tally } from './testing/tally.ts'

const failover: SelectorFactory = (backends) => ({
  select: (_key, tried) => backends.find((backend) => isAvailable(backend, tried)),
})

const algorithms: Record<string, (nodes: Nodes) => LoadBalancer> = {
  roundRobin: (nodes) => LoadBalancer.roundRobin(nodes),
  random: (nodes) => LoadBalancer.random(nodes, { random: seededRandom(1) }),
  leastConnections: (nodes) => LoadBalancer.leastConnections(nodes),
  ewma: (nodes) => LoadBalancer.ewma(nodes, { random: seededRandom(2), now: () => 0 }),
  consistentHash: (nodes) => LoadBalancer.consistentHash(nodes),
  custom: (nodes) => LoadBalancer.custom(nodes, failover),
}

/** The nodes a request tries when each of them fails. */
function attempts(balancer: LoadBalancer, key: string): Backend[] {
  const tried: Backend[] = []
  for (let next = balancer.select(key, tried); next !== undefined; next = balancer.select(key, tried)) {
    tried.push(next)
    if (tried.length > balancer.backends.length) throw new Error('a node was returned twice')
  }
  return tried
}

describe.each(Object.entries(algorithms))('%s', (_name, create) => {
  it('tries each node that may be used exactly once, the higher priorities first', () => {
    const node = fc.record({ weight: fc.nat(4), priority: fc.integer({ min: -1, max: 1 }), healthy: fc.boolean() })
    fc.assert(
      fc.property(fc.array(node, { maxLength: 8 }), fc.string(), (nodes, key) => {
        const balancer = create(nodes.map((one, index) => ({ host: `n${index}`, port: 80, ...one })))
        for (const [index, { healthy }] of nodes.entries()) balancer.setHealthy(`n${index}:80`, healthy)
        const inUse = balancer.backends.filter((backend) => backend.weight > 0)
        const healthy = inUse.filter((backend) => backend.healthy)
        const order = attempts(balancer, key)
        expect(new Set(order)).toEqual(new Set(healthy.length > 0 ? healthy : inUse))
        expect(new Set(order).size).toBe(order.length)
        const priorities = order.map((backend) => backend.priority)
        expect(priorities).toEqual([...priorities].sort((a, b) => b - a))
      }),
      { seed: 3, numRuns: 60 },
    )
  })

  it('has nothing to give without nodes, or with weight 0 only', () => {
    expect(create([]).select('k')).toBeUndefined()
    expect(create({ a: 0 }).select('k')).toBeUndefined()
  })

  it('hands out the objects of `backends`', () => {
    const balancer = create(['a:1', 'b:1'])
    expect(balancer.backends).toContain(balancer.select('k'))
  })
})

describe('priorities', () => {
  it('uses a lower one only when all of the higher ones are unhealthy or tried', () => {
    const balancer = LoadBalancer.roundRobin([
      { host: 'spare', priority: -1 },
      { host: 'a', priority: 1 },
      { host: 'b', priority: 1 },
    ])
    const [spare, a, b] = balancer.backends
    expect(picks(balancer, 4).join(' ')).toBe('a b a b')
    a.healthy = false
    expect(picks(balancer, 2).join(' ')).toBe('b b')
    expect(balancer.select('', [b])).toBe(spare)
    b.healthy = false
    expect(picks(balancer, 2).join(' ')).toBe('spare spare')
    spare.healthy = false
    expect(picks(balancer, 2).join(' ')).toBe('a b')
  })
})

describe('health', () => {
  it('uses all nodes when none is healthy, and the healthy ones as soon as there is one', () => {
    const balancer = LoadBalancer.roundRobin(['a', 'b', { host: 'off', weight: 0 }])
    balancer.setHealthy('a', false)
    expect(tally(picks(balancer, 4))).toEqual({ b: 4 })
    balancer.setHealthy('b', false)
    expect(tally(picks(balancer, 4))).toEqual({ a: 2, b: 2 })
    balancer.setHealthy('a', true)
    expect(tally(picks(balancer, 4))).toEqual({ a: 4 })
  })

  it('ignores addresses it does not know', () => {
    const balancer = LoadBalancer.roundRobin(['a'])
    balancer.setHealthy('gone', false)
    expect(balancer.backends.map((backend) => backend.healthy)).toEqual([true])
  })
})

describe('update', () => {
  it('keeps the objects and the health of the nodes that stay', () => {
    const balancer = LoadBalancer.roundRobin(['a', 'b'])
    const [a, b] = balancer.backends
    a.healthy = false
    balancer.update([{ host: 'a', weight: 3, metadata: { zone: 'x' } }, 'c'])
    expect(balancer.backends[0]).toBe(a)
    expect(a).toMatchObject({ healthy: false, usable: false, weight: 3, metadata: { zone: 'x' } })
    balancer.update(['b'])
    expect(balancer.backends[0]).not.toBe(b)
  })

  it('does not disturb the rotation when addresses and weights are those of before', () => {
    const factory = vi.fn(failover)
    const balancer = LoadBalancer.custom([{ host: 'a', priority: 1 }, 'b'], factory)
    expect(factory).toHaveBeenCalledTimes(2)
    balancer.update([{ host: 'a', priority: 1, metadata: { zone: 'x' } }, 'b'])
    expect(factory).toHaveBeenCalledTimes(2)
    balancer.update([
      { host: 'a', priority: 1 },
      { host: 'b', weight: 2 },
    ])
    expect(factory).toHaveBeenCalledTimes(3)
  })

  it('begins one node further each time, not always with the first', () => {
    const balancer = LoadBalancer.roundRobin(['a', 'b', 'c'])
    const firsts = [2, 3, 4].map((weight) => {
      balancer.update(['a', 'b', 'c'].map((host) => ({ host, weight })))
      return balancer.select()?.address
    })
    expect(firsts).toEqual(['b', 'c', 'a'])
  })

  it('refuses a wrong set whole', () => {
    const balancer = LoadBalancer.roundRobin({ a: 1, b: 2 })
    const before = balancer.backends
    expect(() => balancer.update({ a: 5, b: -1 })).toThrow('nodes/b: invalid weight -1')
    expect(balancer.backends).toBe(before)
    expect(before.map((backend) => backend.weight)).toEqual([1, 2])
  })

  it('accepts its own backends, and an empty set', () => {
    const balancer = LoadBalancer.roundRobin(['[::1]:80', 'unix:/a'])
    const before = [...balancer.backends]
    balancer.update(balancer.backends)
    expect(balancer.backends).toEqual(before)
    balancer.update([])
    expect(balancer.select()).toBeUndefined()
  })
})

describe('a custom selector', () => {
  it('hears of the requests on its own nodes', () => {
    const heard: string[] = []
    const balancer = LoadBalancer.custom([{ host: 'a', priority: 1 }, 'b'], (backends) => ({
      ...failover(backends),
      started: (backend) => heard.push(`${backends[0].address} started ${backend.address}`),
      finished: (backend, latencyMs) => heard.push(`${backends[0].address} finished ${backend.address} ${latencyMs}`),
    }))
    const [a, b] = balancer.backends
    balancer.started(b)
    balancer.started(a)
    balancer.finished(b, 12)
    balancer.update(['b'])
    balancer.finished(a, -1)
    expect(heard).toEqual(['b started b', 'a started a', 'b finished b 12'])
  })

  it('needs neither started nor finished', () => {
    const balancer = LoadBalancer.custom(['a', 'b'], failover)
    balancer.started(balancer.backends[0])
    balancer.finished(balancer.backends[0], 1)
    expect(picks(balancer, 2).join(' ')).toBe('a a')
  })
})
