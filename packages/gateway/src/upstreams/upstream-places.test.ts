import { describe, expect, test } from 'vitest'
import { upstreamPlaces } from './upstream-places.ts'

const inline = { nodes: { 'a:1': 1 } }

describe('the upstreams that a resource writes', () => {
  test.each([
    ['upstreams', { nodes: { 'a:1': 1 } }, ['upstreams/1']],
    ['routes', { uri: '/', upstream: inline }, ['routes/1']],
    ['routes', { uri: '/', upstream_id: '1' }, []],
    ['consumers', { username: 'upstream', plugins: { 'key-auth': { key: 'upstream' } } }, []],
    ['ssls', { upstream: inline }, []],
  ] as const)('%s %j', (kind, value, places) => {
    expect([...upstreamPlaces(kind, '1', value).keys()]).toEqual(places)
  })

  test('within plugins, as their uses say', () => {
    const split = {
      rules: [
        { weighted_upstreams: [{ upstream: inline, weight: 1 }, { upstream_id: '2' }, { weight: 1 }] },
        { weighted_upstreams: [{ upstream: { service_name: 's', discovery_type: 'dns' } }] },
      ],
    }
    const route = { uri: '/', upstream: inline, plugins: { 'traffic-split': split } }
    expect([...upstreamPlaces('routes', 'r', route).keys()]).toEqual([
      'routes/r',
      'routes/r/plugins/traffic-split/rules/0/weighted_upstreams/0/upstream',
      'routes/r/plugins/traffic-split/rules/1/weighted_upstreams/0/upstream',
    ])
  })

  test('not of a plugin that is switched off, whose configuration may be anything', () => {
    const off = { _meta: { disable: true }, upstream: { nodes: {} } }
    expect(upstreamPlaces('services', 's', { plugins: { own: off, other: { upstream: { nodes: 5 } } } }).size).toBe(0)
  })
})
