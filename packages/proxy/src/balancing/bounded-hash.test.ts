import { expect, test } from 'vitest'
import { LoadBalancer } from './load-balancer.ts'
import { tally } from './testing/tally.ts'

const NODES = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80']

test('is consistent hash while no node has too much', () => {
  const bounded = LoadBalancer.boundedHash(NODES, 125)
  const plain = LoadBalancer.consistentHash(NODES)
  for (let key = 0; key < 500; key++)
    expect(bounded.select(`key-${key}`)?.address).toBe(plain.select(`key-${key}`)?.address)
})

test('one key that all ask for spreads evenly up to the factor, and comes back', () => {
  const balancer = LoadBalancer.boundedHash(NODES, 150)
  const started = Array.from({ length: 100 }, () => {
    const node = balancer.select('hot')
    if (node === undefined) throw new Error('no node')
    balancer.started(node)
    return node
  })
  const counts = Object.values(tally(started.map(({ address }) => address)))
  // 1.5 times the average of 100 / 4, rounded up.
  expect(Math.max(...counts)).toBeLessThanOrEqual(38)
  expect(counts.length).toBeGreaterThanOrEqual(3)
  for (const node of started) balancer.finished(node, 1)
  expect(balancer.select('hot')).toBe(started[0])
})

test('room is by weight', () => {
  const balancer = LoadBalancer.boundedHash({ 'a:1': 3, 'b:1': 1 }, 101)
  const started = Array.from({ length: 400 }, () => {
    const node = balancer.select('hot')
    if (node !== undefined) balancer.started(node)
    return node?.address ?? '-'
  })
  const counts = tally(started)
  expect(counts['a:1']).toBeGreaterThanOrEqual(296)
  expect(counts['a:1']).toBeLessThanOrEqual(304)
})

test('passes over nodes that are unhealthy or were tried, and gives up when none is left', () => {
  const balancer = LoadBalancer.boundedHash(NODES, 110)
  const [first] = [balancer.select('k')]
  if (first === undefined) throw new Error('no node')
  balancer.setHealthy(first.address, false)
  const second = balancer.select('k')
  expect(second).not.toBe(first)
  expect(balancer.select('k', balancer.backends)).toBeUndefined()
})

test('refuses a factor that would leave no room', () => {
  expect(() => LoadBalancer.boundedHash(NODES, 100)).toThrow('above 100')
})
