import { describe, expect, test } from 'vitest'
import { derivedIds, writtenId } from './identity.ts'

test('ids are text, whatever they were written as', () => {
  expect(writtenId('routes', { id: 1 })).toBe('1')
  expect(writtenId('consumers', { id: 'x', username: 'jack' })).toBe('jack')
  expect(writtenId('routes', { uri: '/' })).toBeUndefined()
})

describe('derived ids', () => {
  const a = { uri: '/a', plugins: { x: {} } }
  const b = { uris: ['/b', '/c'], methods: ['GET'] }

  test('depend on what the route is about, not on its place or its other fields', () => {
    const [idOfA, idOfB] = derivedIds('routes', [a, b])
    expect(derivedIds('routes', [b, { ...a, plugins: {}, create_time: 1 }])).toEqual([idOfB, idOfA])
    expect(derivedIds('routes', [{ uris: ['/c', '/b'], methods: ['GET'] }])).toEqual([idOfB])
    expect(derivedIds('routes', [{ uris: ['/a'] }])).toEqual([idOfA])
  })

  test('where two routes are about the same, their content tells them apart, in any order', () => {
    const one = { uri: '/a', vars: [['arg_x', '==', '1']], desc: 'x' }
    const ids = derivedIds('routes', [a, one])
    expect(new Set(ids).size).toBe(2)
    expect(derivedIds('routes', [{ desc: 'x', vars: one.vars, uri: '/a' }, a])).toEqual(ids.toReversed())
  })

  test('are equal for equal content', () => {
    const [first, second] = derivedIds('routes', [a, { plugins: { x: {} }, uri: '/a', update_time: 5 }])
    expect(first).toBe(second)
  })

  test('of upstreams follow the name', () => {
    const [first] = derivedIds('upstreams', [{ name: 'u', nodes: {} }])
    expect(derivedIds('upstreams', [{ name: 'u', nodes: { a: 1 } }])).toEqual([first])
    expect(derivedIds('services', [{ name: 'u' }])).not.toEqual([first])
  })
})
