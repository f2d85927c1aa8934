import { expect, it } from 'vitest'
import { compare } from './compare.ts'

it('finds the fields that differ, as deep as they can be told', () => {
  expect(
    compare(
      { id: 'a', uri: '/a', plugins: { cors: {}, 'limit-count': { count: 1, time_window: 60 } }, methods: ['GET'] },
      {
        id: 'a',
        uri: '/b',
        plugins: { 'limit-count': { count: 2, time_window: 60 } },
        methods: ['GET', 'PUT'],
        name: 'n',
      },
    ),
  ).toEqual([
    { path: ['uri'], before: '/a', after: '/b' },
    { path: ['plugins', 'cors'], before: {}, after: undefined },
    { path: ['plugins', 'limit-count', 'count'], before: 1, after: 2 },
    { path: ['methods'], before: ['GET'], after: ['GET', 'PUT'] },
    { path: ['name'], before: undefined, after: 'n' },
  ])
})

it('goes into lists of objects as long as none came or went', () => {
  const node = { host: 'a', port: 80, weight: 1 }
  expect(compare({ nodes: [node, node] }, { nodes: [node, { ...node, weight: 2 }] })).toEqual([
    { path: ['nodes', 1, 'weight'], before: 1, after: 2 },
  ])
  expect(compare({ nodes: [node] }, { nodes: [node, node] })).toEqual([
    { path: ['nodes'], before: [node], after: [node, node] },
  ])
})

it('does not mind the order of keys, nor the times that the store keeps', () => {
  expect(
    compare(
      { a: 1, b: [{ c: [{ d: 1, e: 2 }, 'x'] }], update_time: 1 },
      { update_time: 2, b: [{ c: [{ e: 2, d: 1 }, 'x'] }], a: 1, create_time: 3 },
    ),
  ).toEqual([])
})

it('tells null from nothing', () => {
  expect(compare({ a: null }, {})).toEqual([{ path: ['a'], before: null, after: undefined }])
})
