import { expect, test } from 'vitest'
import { editDistance, suggest } from './suggest.ts'

test.each([
  ['', 'abc', 3],
  ['kitten', 'sitting', 3],
  ['uri', 'uir', 1],
  ['same', 'same', 0],
])('the distance of %j and %j is %i', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance)
  expect(editDistance(b, a)).toBe(distance)
})

const fields = ['uri', 'uris', 'host', 'hosts', 'upstream', 'upstream_id', 'plugins', 'plugin_config_id']

test.each([
  ['upstrem_id', 'upstream_id'],
  ['upstreamId', 'upstream_id'],
  ['plugin', 'plugins'],
  ['url', 'uri'],
  ['Hosts', 'hosts'],
  ['nonsense', undefined],
  ['x', undefined],
  ['u'.repeat(10_000), undefined],
])('for %j it suggests %j', (name, meant) => {
  expect(suggest(name, fields)).toBe(meant)
})
