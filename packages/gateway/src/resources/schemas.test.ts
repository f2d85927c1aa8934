import { describe, expect, test } from 'vitest'
import { compiled } from './compiled.ts'
import type { ResourceKind } from './kind-names.ts'
import { resourceSchemas } from './kinds.ts'

const check = (kind: ResourceKind, value: unknown): boolean => compiled(resourceSchemas[kind]).Check(value)

const nodes = { 'a:80': 1 }

// As in APISIX 3.18's schemas.
describe('accepted', () => {
  const accepted: [ResourceKind, unknown][] = [
    [
      'routes',
      {
        id: 'a-Z_0.9',
        name: 'n',
        desc: '',
        labels: { version: 'v1' },
        uri: '/a',
        host: '*.a.com',
        remote_addr: '10.0.0.0/8',
        methods: ['GET', 'PURGE'],
        priority: -1,
        vars: [['arg_a', '==', '1']],
        filter_func: 'function(vars) { return true }',
        plugins: { any: { a: 1 } },
        plugin_config_id: 1,
        upstream: { nodes },
        upstream_id: '1',
        service_id: 's',
        timeout: { connect: 0.5, send: 1, read: 1 },
        enable_websocket: true,
        status: 0,
        create_time: 1,
        update_time: 1,
      },
    ],
    ['routes', { uris: ['/a', '*'], upstream: 'http://a.com:80', hosts: ['*', '[::1]:80'] }],
    ['routes', { uri: '/a', plugins: {}, filter_func: '(vars) => true' }],
    ['services', {}],
    ['services', { upstream: { nodes: [] }, hosts: ['a'], enable_websocket: false }],
    ['upstreams', { nodes: [{ host: 'a', weight: 0, port: 1, priority: -1, metadata: {} }] }],
    ['upstreams', { service_name: 's', discovery_type: 'dns', discovery_args: { namespace_id: 'n' } }],
    [
      'upstreams',
      {
        nodes,
        checks: { active: { healthy: { interval: 1, successes: 254 } }, passive: { unhealthy: { timeouts: 0 } } },
      },
    ],
    ['upstreams', { nodes, tls: { client_cert: 'c'.repeat(128), client_key: 'k'.repeat(64), verify: true } }],
    ['consumers', { username: 'jack-1_', plugins: {}, group_id: 1 }],
    ['consumer_groups', { id: 1, plugins: {} }],
    ['ssls', { cert: 'c', key: 'k', snis: ['*.a.com', 'a'], certs: ['c'], keys: ['k'], client: { ca: 'c', depth: 0 } }],
    [
      'ssls',
      { cert: { file: 'c' }, key: '$env://K', type: 'client', ssl_protocols: ['TLSv1.2', 'TLSv1.3'], status: 0 },
    ],
    ['plugin_configs', { id: 1, plugins: {}, labels: {} }],
    ['global_rules', { id: 'a', plugins: {} }],
    ['plugin_metadata', { id: 'limit-count', anything: 1 }],
    ['protos', { id: 1, content: 'syntax = "proto3";', desc: 'd' }],
    ['protos', { id: 'a', files: { 'a/b.proto': '' } }],
  ]
  test.each(accepted)('%s %j', (kind, value) => {
    expect(check(kind, value)).toBe(true)
  })
})

describe('refused', () => {
  const route = { uri: '/a', plugins: {} }
  const refused: [ResourceKind, unknown][] = [
    ['routes', { uri: '/a' }],
    ['routes', { plugins: {} }],
    ['routes', { ...route, uris: ['/b'] }],
    ['routes', { ...route, host: 'a', hosts: ['b'] }],
    ['routes', { ...route, remote_addr: '::1', remote_addrs: ['::1'] }],
    ['routes', { ...route, id: 0 }],
    ['routes', { ...route, id: 'a b' }],
    ['routes', { ...route, id: 'x'.repeat(65) }],
    ['routes', { ...route, methods: ['get'] }],
    ['routes', { ...route, methods: ['GET', 'GET'] }],
    ['routes', { ...route, hosts: [] }],
    ['routes', { ...route, labels: { a: 'b c' } }],
    ['routes', { ...route, status: 2 }],
    ['routes', { ...route, timeout: { connect: 1 } }],
    ['routes', { ...route, filter_func: 'return 1 == 1' }],
    ['routes', { ...route, script: 'return function() end' }],
    ['routes', { ...route, uri: `/${'a'.repeat(4096)}` }],
    ['routes', { uri: '/a', upstream: 'ftp://a.com' }],
    ['upstreams', {}],
    ['upstreams', { nodes, service_name: 's', discovery_type: 'dns' }],
    ['upstreams', { service_name: 's' }],
    ['upstreams', { nodes: { a: -1 } }],
    ['upstreams', { nodes: [{ host: 'a' }] }],
    ['upstreams', { nodes, checks: { passive: {} } }],
    ['upstreams', { nodes, retries: -1 }],
    ['upstreams', { nodes, tls: { client_cert: 'c'.repeat(128) } }],
    ['upstreams', { nodes, tls: { client_cert_id: 1, client_cert: 'c'.repeat(128), client_key: 'k'.repeat(64) } }],
    ['consumers', { username: 'a b' }],
    ['consumers', {}],
    ['plugin_configs', { plugins: {} }],
    ['global_rules', { id: 1, plugins: {}, name: 'x' }],
    ['plugin_metadata', {}],
  ]
  test.each(refused)('%s %j', (kind, value) => {
    expect(check(kind, value)).toBe(false)
  })
})
