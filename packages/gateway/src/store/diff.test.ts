import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyResourceSet, type MutableResourceSet } from '../resources/resource-set.ts'
import { applyOperations } from './apply.ts'
import { diffResources } from './diff.ts'

function set(routes: Record<string, object>, upstreams: Record<string, object> = {}): MutableResourceSet {
  const resources = emptyResourceSet()
  for (const [id, value] of Object.entries(routes)) resources.routes.set(id, value)
  for (const [id, value] of Object.entries(upstreams)) resources.upstreams.set(id, value)
  return resources
}

describe('the difference', () => {
  test('of equal sets is nothing, whatever the order of keys', () => {
    expect(diffResources(set({ a: { uri: '/a', id: 1 } }), set({ a: { id: 1, uri: '/a' } }))).toEqual([])
  })

  test('sets what is new or other, removes what is gone; references have their target at every step', () => {
    const before = set({ a: { uri: '/a', upstream_id: 'u' }, b: { uri: '/b' } }, { u: { nodes: {} } })
    const after = set({ b: { uri: '/b2', upstream_id: 'v' }, c: { uri: '/c' } }, { v: { nodes: {} } })
    expect(diffResources(before, after)).toEqual([
      { kind: 'upstreams', id: 'v', value: { nodes: {} } },
      { kind: 'routes', id: 'b', value: { uri: '/b2', upstream_id: 'v' } },
      { kind: 'routes', id: 'c', value: { uri: '/c' } },
      { kind: 'routes', id: 'a', value: undefined },
      { kind: 'upstreams', id: 'u', value: undefined },
    ])
  })

  test('a value of another type or an empty field is a difference', () => {
    expect(diffResources(set({ a: { priority: 1 } }), set({ a: { priority: '1' } }))).toHaveLength(1)
    expect(diffResources(set({ a: {} }), set({ a: { plugins: {} } }))).toHaveLength(1)
  })

  test('applied, it leads from one set to the other', () => {
    const routes = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.record({ uri: fc.constantFrom('/a', '/b') }))
    fc.assert(
      fc.property(routes, routes, (from, to) => {
        const resources = set(from, to)
        applyOperations(resources, diffResources(set(from, to), set(to, from)))
        expect(resources).toEqual(set(to, from))
      }),
      { seed: 3, numRuns: 200 },
    )
  })
})
