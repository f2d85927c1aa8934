import { expect, test } from 'vitest'
import type { Backend } from './backend.ts'
import { LoadBalancer } from './load-balancer.ts'
import type { SubsetOptions } from './subsets.ts'

const NODES = [
  { address: 'a', metadata: { version: '1', stage: 'prod' } },
  { address: 'b', metadata: { version: '1', stage: 'prod' } },
  { address: 'c', metadata: { version: '2', stage: 'prod' } },
  { address: 'd', metadata: { version: 2, stage: 'test' } },
  { address: 'e' },
]
const balancer = (more: Partial<SubsetOptions> = {}): LoadBalancer =>
  LoadBalancer.roundRobin(NODES, { subset: { labels: ['version', 'stage'], fallback: 'none', ...more } })
const found = (upstreams: LoadBalancer, values: string[], tried: readonly Backend[] = []): string =>
  [...new Set(Array.from({ length: 20 }, () => upstreams.selectFrom(values, '', tried)?.address ?? '-'))]
    .toSorted()
    .join('')

test('nodes have all labels that are asked for', () => {
  const upstreams = balancer()
  expect(found(upstreams, ['1', 'prod'])).toBe('ab')
  expect(found(upstreams, ['2', ''])).toBe('cd')
  expect(found(upstreams, ['', 'test'])).toBe('d')
  expect(found(upstreams, ['1', 'test'])).toBe('-')
  expect(found(upstreams, ['3', 'prod'])).toBe('-')
  expect(found(upstreams, ['', ''])).toBe('-')
})

test('falls back to any node, or to a subset', () => {
  expect(found(balancer({ fallback: 'any' }), ['3', ''])).toBe('abcde')
  const stable = balancer({ fallback: 'default', default: ['1', 'prod'] })
  expect(found(stable, ['3', ''])).toBe('ab')
  expect(found(stable, ['', ''])).toBe('ab')
  expect(found(stable, ['2', 'prod'])).toBe('c')
})

test('health and tries count: a subset of which none is left falls back', () => {
  const upstreams = balancer({ fallback: 'default', default: ['1', ''] })
  upstreams.setHealthy('c', false)
  expect(found(upstreams, ['2', 'prod'])).toBe('ab')
  upstreams.setHealthy('c', true)
  expect(found(upstreams, ['2', 'prod'], [upstreams.backends[2]])).toBe('ab')
  expect(found(upstreams, ['2', 'prod'])).toBe('c')
})

test('follows the nodes', () => {
  const upstreams = balancer()
  expect(found(upstreams, ['2', ''])).toBe('cd')
  upstreams.update([...NODES.slice(0, 3), { address: 'f', metadata: { version: '3' } }])
  expect(found(upstreams, ['2', ''])).toBe('c')
  expect(found(upstreams, ['3', ''])).toBe('f')
})

test('each subset rotates evenly by itself, whatever the others do', () => {
  const upstreams = balancer()
  const counts: Record<string, number> = {}
  for (let pick = 0; pick < 60; pick++) {
    const address = upstreams.selectFrom([pick % 3 === 0 ? '2' : '1', ''])?.address ?? '-'
    counts[address] = (counts[address] ?? 0) + 1
  }
  expect(counts).toEqual({ a: 20, b: 20, c: 10, d: 10 })
})

test('what is in flight counts in all subsets', () => {
  const upstreams = LoadBalancer.leastConnections(NODES, { subset: { labels: ['version'], fallback: 'any' } })
  const first = upstreams.selectFrom(['2'])
  if (first === undefined) throw new Error('no node')
  upstreams.started(first)
  expect(upstreams.selectFrom(['2'])).not.toBe(first)
  for (let pick = 0; pick < 10; pick++) expect(upstreams.select()).not.toBe(first)
})

test('without subsets there is one set', () => {
  expect(LoadBalancer.roundRobin(['a']).selectFrom(['x'])?.address).toBe('a')
})
