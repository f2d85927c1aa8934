import { expect, test } from 'vitest'
import { definePlugin, type NestedUpstream, type PluginDefinition } from '../../plugins/definition.ts'
import { Upstream } from '../../resources/upstream.ts'
import { Type } from '../../schema/type.ts'
import { checkChange, type ResourceWrite } from '../incremental/check-change.ts'
import { ResourceIndex } from '../incremental/resource-index.ts'
import type { PluginLookup } from '../plugin-lookup.ts'

const splitter = definePlugin({
  name: 'split',
  priority: 1,
  schema: Type.Object({
    to: Type.Array(Type.Object({ upstream: Type.Optional(Upstream), upstream_id: Type.Optional(Type.String()) })),
  }),
  uses: ({ to }) => ({
    upstreams: to.map(({ upstream, upstream_id: upstreamId }, index): NestedUpstream => ({
      path: `/to/${index}/${upstream === undefined ? 'upstream_id' : 'upstream'}`,
      upstream,
      upstreamId,
    })),
  }),
  create: () => ({}),
}) as unknown as PluginDefinition

const plugins: PluginLookup = { get: (name) => (name === 'split' ? splitter : undefined), names: () => ['split'] }

function table() {
  const index = new ResourceIndex()
  return async (...writes: ResourceWrite[]): Promise<string[]> => {
    const { findings, entries } = await checkChange(writes, {
      index,
      plugins,
      allowed: undefined,
      settings: { listen: undefined, acme: undefined },
      references: { environment: {}, files: { folder: '/nowhere', within: [] } },
      dangling: 'refused',
    })
    if (findings.length === 0) {
      for (const { kind, id, value } of writes) if (value === undefined) index.delete(kind, id)
      for (const entry of entries) index.set(entry, plugins)
    }
    return findings.map(({ path, message }) => `${path} ${message}`)
  }
}

const route = (...to: object[]): ResourceWrite => ({
  kind: 'routes',
  id: 'r',
  value: { uri: '/*', upstream: 'http://a:80', plugins: { split: { to } } },
})
const upstream = (id: string, value: object | undefined): ResourceWrite => ({ kind: 'upstreams', id, value })
const nodes = { 'a:80': 1 }
const AT = '/routes/r/plugins/split/to/0'

test('an upstream within a plugin is checked as any other', async () => {
  const write = table()
  expect(await write(route({ upstream: { nodes: { 'a:99999': 1 } } }))).toEqual([
    expect.stringContaining(`${AT}/upstream/nodes/a:99999 `),
  ])
  expect(
    await write(route({ upstream: { nodes, type: 'chash', key: 'remote_addr' } }, { upstream: { nodes } })),
  ).toHaveLength(0)
  expect(await write(route({ upstream: { nodes, scheme: 'tcp' } }))).toEqual([
    expect.stringContaining('requests need one that speaks HTTP'),
  ])
  expect(await write(route({ upstream: { nodes, tls: { ca: { file: 'ca.pem' } } } }))).toEqual([
    expect.stringContaining(`${AT}/upstream/tls/ca is no text`),
  ])
  expect(await write(route({ upstream: { nodes, tls: { client_cert_id: 'c' } } }))).toEqual([
    `${AT}/upstream/tls/client_cert_id there is no ssl with this id`,
  ])
  expect(await write(route({ upstream: { service_name: 's', discovery_type: 'nowhere' } }))).toEqual([
    `${AT}/upstream/discovery_type is no type of service discovery`,
  ])
})

test('an upstream that a plugin refers to must be there, and stays', async () => {
  const write = table()
  expect(await write(route({ upstream_id: 'u' }))).toEqual([`${AT}/upstream_id there is no upstream with this id`])
  expect(await write(upstream('u', { nodes }), route({ upstream_id: 'u' }))).toEqual([])
  expect(await write(upstream('u', undefined))).toEqual([
    '/upstreams/u cannot be deleted: route "r" still refers to it',
  ])
  expect(await write(upstream('u', { nodes, scheme: 'udp' }))).toEqual([
    `${AT}/upstream_id the upstream's scheme is "udp", and requests need one that speaks HTTP`,
  ])
  expect(await write(route({ upstream: { nodes } }))).toEqual([])
  expect(await write(upstream('u', undefined))).toEqual([])
})
