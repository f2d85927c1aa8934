import { describe, expect, it } from 'vitest'
import type { Backend } from './backend.ts'
import { LoadBalancer } from './load-balancer.ts'
import { picks, tally } from './testing/tally.ts'

/** Picks a node and starts a request on it. */
function start(balancer: LoadBalancer): Backend {
  const backend = balancer.select()
  if (backend === undefined) throw new Error('no node left')
  balancer.started(backend)
  return backend
}

describe('least connections', () => {
  it('goes round among idle nodes, and among those that tie', () => {
    const balancer = LoadBalancer.leastConnections(['a', 'b', 'c', 'd'])
    expect(picks(balancer, 5).join(' ')).toBe('a b c d a')
    balancer.started(balancer.backends[2])
    balancer.started(balancer.backends[3])
    expect(tally(picks(balancer, 8))).toEqual({ a: 4, b: 4 })
  })

  it('prefers the node with fewer requests in flight', () => {
    const balancer = LoadBalancer.leastConnections(['a', 'b', 'c'])
    const started = [start(balancer), start(balancer), start(balancer)]
    expect(started.map((backend) => backend.address)).toEqual(['a', 'b', 'c'])
    balancer.finished(started[1], 5)
    expect(picks(balancer, 2)).toEqual(['b', 'b'])
    balancer.finished(started[2], -1)
    expect(tally(picks(balancer, 4))).toEqual({ b: 2, c: 2 })
  })

  it('fills nodes by their weights', () => {
    const balancer = LoadBalancer.leastConnections({ a: 1, b: 2, c: 5 })
    const addresses = Array.from({ length: 80 }, () => start(balancer).address)
    expect(tally(addresses)).toEqual({ a: 10, b: 20, c: 50 })
  })

  it('never counts below zero', () => {
    const balancer = LoadBalancer.leastConnections(['a', 'b'])
    const [a, b] = balancer.backends
    balancer.finished(a, 1)
    balancer.started(b)
    balancer.started(a)
    expect(tally(picks(balancer, 4))).toEqual({ a: 2, b: 2 })
  })

  it('keeps the counts of nodes that stay through an update', () => {
    const balancer = LoadBalancer.leastConnections(['a', 'b'])
    const started = [start(balancer), start(balancer)]
    balancer.update(['b', 'a', 'c'])
    expect(picks(balancer, 3)).toEqual(['c', 'c', 'c'])
    for (const backend of started) balancer.finished(backend, 1)
    expect(tally(picks(balancer, 6))).toEqual({ a: 2, b: 2, c: 2 })
  })

  it('starts ties at the offset', () => {
    expect(picks(LoadBalancer.leastConnections(['a', 'b', 'c'], { offset: 4 }), 3).join(' ')).toBe('b c a')
  })
})
