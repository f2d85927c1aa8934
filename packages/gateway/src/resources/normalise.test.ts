import { describe, expect, test } from 'vitest'
import { normaliseRoute, normaliseService } from './normalise-route.ts'
import { normaliseUpstream } from './normalise-upstream.ts'

describe('routes', () => {
  test('singular fields become lists, ids become text', () => {
    expect(
      normaliseRoute('1', { uri: '/a', host: 'a.com', remote_addr: '::1', upstream_id: 2, service_id: 3 }),
    ).toMatchObject({
      id: '1',
      uris: ['/a'],
      hosts: ['a.com'],
      remote_addrs: ['::1'],
      methods: undefined,
      priority: 0,
      upstream_id: '2',
      service_id: '3',
      enabled: true,
    })
  })

  test('plural fields stay, the short upstream is expanded, empty lists mean nothing', () => {
    const route = normaliseRoute('r', {
      uris: ['/a', '/b'],
      methods: [],
      vars: [],
      upstream: 'https://a.com',
      status: 0,
      priority: -1,
    })
    expect(route).toMatchObject({
      uris: ['/a', '/b'],
      hosts: [],
      methods: undefined,
      vars: undefined,
      enabled: false,
      priority: -1,
    })
    expect(route.upstream).toEqual({ scheme: 'https', nodes: { 'a.com': 1 } })
  })

  test('services', () => {
    expect(normaliseService('s', { upstream_id: 1, hosts: ['a'] })).toMatchObject({
      upstream_id: '1',
      hosts: ['a'],
      enable_websocket: undefined,
      plugins: {},
    })
  })
})

describe('upstreams', () => {
  test.each([
    ['http://127.0.0.1:3000', { scheme: 'http', host: '127.0.0.1', port: 3000 }],
    ['https://a.com/', { scheme: 'https', host: 'a.com', port: 443 }],
    ['http://[::1]', { scheme: 'http', host: '::1', port: 80 }],
  ])('%s', (short, { scheme, host, port }) => {
    expect(normaliseUpstream(short)).toMatchObject({
      scheme,
      type: 'roundrobin',
      pass_host: 'pass',
      nodes: [{ host, port, weight: 1, priority: 0 }],
      tls: { verify: true },
      retries: undefined,
    })
  })

  test('both forms of nodes give the same', () => {
    const byKey = normaliseUpstream({ scheme: 'grpcs', nodes: { 'a:1': 2, '[::1]': 0 } })
    const byList = normaliseUpstream({
      scheme: 'grpcs',
      nodes: [
        { host: 'a', port: 1, weight: 2 },
        { host: '[::1]', weight: 0 },
      ],
    })
    expect(byKey.nodes).toEqual(byList.nodes)
    expect(byKey.nodes[1]).toEqual({ host: '::1', port: 443, weight: 0, priority: 0 })
  })

  test('what is given is kept', () => {
    const nodes = [{ host: 'a', weight: 1, priority: -1, metadata: { zone: 'x' } }]
    const upstream = normaliseUpstream({ nodes, type: 'chash', key: 'uri', keepalive_pool: { size: 1 }, retries: 0 })
    expect(upstream).toMatchObject({ type: 'chash', hash_on: 'vars', key: 'uri', retries: 0 })
    expect(upstream.nodes).toEqual([{ host: 'a', port: 80, weight: 1, priority: -1, metadata: { zone: 'x' } }])
    expect(upstream.keepalive_pool).toEqual({ size: 1, idle_timeout: 60, requests: 1000 })
  })

  test('a node that passed no check is an error, not a connection to somewhere', () => {
    expect(() => normaliseUpstream({ nodes: { 'a:b': 1 } })).toThrow('upstream node "a:b": invalid port')
  })
})
