import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RESOURCE_KINDS, type ResourceKind } from '../../resources/kind-names.ts'
import { A_CERTIFICATE, KEY } from '../../tls/testing/server-certificates.ts'
import { Findings, pointerParts, type Finding } from '../problem.ts'
import { testPlugins } from '../testing/plugins.ts'
import { validateDocument } from '../validate.ts'
import { checkChange, type ChangeOptions, type ResourceWrite } from './check-change.ts'
import { ResourceIndex } from './resource-index.ts'

const settings = {
  listen: [
    {
      host: undefined,
      path: undefined,
      port: 9100,
      protocol: 'tcp' as const,
      proxyProtocol: undefined,
      passthrough: false,
      http2: true,
      tls: undefined,
    },
  ],
  acme: undefined,
}

function optionsOf(index: ResourceIndex, more: Partial<ChangeOptions> = {}): ChangeOptions {
  return {
    index,
    plugins: testPlugins,
    allowed: undefined,
    settings,
    references: { environment: { SECRET: 'hidden' }, files: { folder: '/nowhere', within: [] } },
    dangling: 'refused',
    ...more,
  }
}

/** Applies a change that is right; returns what is wrong with it. */
async function write(
  index: ResourceIndex,
  writes: ResourceWrite[],
  more: Partial<ChangeOptions> = {},
): Promise<string[]> {
  const { findings, entries } = await checkChange(writes, optionsOf(index, more))
  if (findings.length === 0) {
    for (const { kind, id, value } of writes) if (value === undefined) index.delete(kind, id)
    for (const entry of entries) index.set(entry, testPlugins)
  }
  return findings.map(textOf)
}

const textOf = ({ path, value, message, remedy }: Finding): string =>
  `${path} ${value === undefined ? '' : `${value}: `}${message}${remedy === undefined ? '' : `; ${remedy}`}`

const set = (kind: ResourceKind, id: string, value: object): ResourceWrite => ({ kind, id, value })
const remove = (kind: ResourceKind, id: string): ResourceWrite => ({ kind, id, value: undefined })
const upstream = { nodes: { 'a:80': 1 } }

describe('a change', () => {
  test('is checked by schema, at its place', async () => {
    expect(await write(new ResourceIndex(), [set('routes', 'a', { uri: 'hello', upstream })])).toEqual([
      '/routes/a/uri "hello": must start with "/"; write "/hello"',
    ])
  })

  test('may say its id, which must be the one it is written under', async () => {
    const index = new ResourceIndex()
    expect(await write(index, [set('upstreams', '1', { id: 1, ...upstream })])).toEqual([])
    expect(await write(index, [set('upstreams', '2', { id: 3, ...upstream })])).toEqual([
      '/upstreams/2/id "3": is not the id that the upstream is written under; write "2", or leave it out',
    ])
    expect(index.item('upstreams', '1')).toEqual({ id: 1, ...upstream })
  })

  test('may bring what it refers to', async () => {
    const index = new ResourceIndex()
    const route = set('routes', 'a', { uri: '/a', upstream_id: 'u' })
    expect(await write(index, [route])).toEqual([
      '/routes/a/upstream_id "u": there is no upstream with this id; add it to "upstreams"',
    ])
    expect(await write(index, [route, set('upstreams', 'u', upstream)])).toEqual([])
  })

  test('does not take away what others refer to, unless it is forced', async () => {
    const index = new ResourceIndex()
    await write(index, [set('upstreams', 'u', upstream)])
    for (const id of ['a', 'b', 'c', 'd', 'e'])
      await write(index, [set('routes', id, { uri: `/${id}`, upstream_id: 'u' })])
    expect(await write(index, [remove('upstreams', 'u')])).toEqual([
      '/upstreams/u cannot be deleted: route "a", route "b", route "c" and 2 more still refer to it; ' +
        'change or delete what refers to it first, or delete it by force',
    ])
    expect(await write(index, [remove('upstreams', 'u')], { dangling: 'removals' })).toEqual([])
    expect(await write(index, [set('routes', 'f', { uri: '/f', upstream_id: 'u' })])).toHaveLength(1)
    // What was there before is not this change's fault.
    expect(await write(index, [set('routes', 'g', { uri: '/g', upstream })])).toEqual([])
    expect(
      await write(
        index,
        ['a', 'b', 'c', 'd', 'e'].map((id) => remove('routes', id)),
      ),
    ).toEqual([])
  })

  test('of an upstream is checked with the routes that use it, also by a service', async () => {
    const index = new ResourceIndex()
    await write(index, [
      set('upstreams', 'u', upstream),
      set('services', 's', { upstream_id: 'u' }),
      set('routes', 'a', { uri: '/a', service_id: 's' }),
    ])
    expect(await write(index, [set('upstreams', 'u', { ...upstream, scheme: 'tcp' })])).toEqual([
      `/routes/a/service_id the upstream's scheme is "tcp", and a route needs one that speaks HTTP; write "http", "https", "grpc" or "grpcs" there, or make this a stream route`,
    ])
  })

  test('claims what is free, also what the same change gives up', async () => {
    const index = new ResourceIndex(['acme.test'])
    const consumer = (username: string, key: string) =>
      set('consumers', username, { username, plugins: { 'key-auth': { key } } })
    await write(index, [consumer('jack', 'one'), consumer('rose', 'two')])
    expect(await write(index, [consumer('cal', 'one')])).toEqual([
      '/consumers/cal/plugins/key-auth/key consumer "jack" has the same key for key-auth; give each consumer one of its own',
    ])
    expect(await write(index, [consumer('jack', 'two'), consumer('rose', 'one')])).toEqual([])
    const pair = { cert: A_CERTIFICATE, key: KEY }
    expect(await write(index, [set('ssls', 'a', { sni: 'acme.test', ...pair })])).toEqual([
      '/ssls/a/sni "acme.test": is a name of "acme" already; keep one of the two; "certs" and "keys" hold a second certificate for the same name',
    ])
  })

  test('shows references as they are written, and never what they stand for', async () => {
    const route = set('routes', 'a', {
      uri: '/a',
      plugins: { 'limit-count': { count: 1, time_window: 1, key_type: '$env://SECRET' } },
    })
    const [found] = await write(new ResourceIndex(), [route])
    expect(found).toContain('/routes/a/plugins/limit-count/key_type "$env://SECRET": must be')
    expect(found).not.toContain('hidden')
    const index = new ResourceIndex()
    const jack = { username: 'jack', plugins: { 'key-auth': { key: '$env://SECRET' } } }
    expect(await write(index, [set('consumers', 'jack', jack)])).toEqual([])
    expect(index.item('consumers', 'jack')).toMatchObject({ plugins: { 'key-auth': { key: 'hidden' } } })
    expect(
      await write(index, [
        set('consumers', 'jack', { username: 'jack', plugins: { 'key-auth': { key: '$file:///etc/passwd' } } }),
      ]),
    ).toEqual([
      '/consumers/jack/plugins/key-auth/key "$file:///etc/passwd": the file is not in a folder that documents of the store may read; add its folder to "secret_paths"',
    ])
  })
})

// A change of n documents must find what a check of the whole finds. Small alphabets, so that changes meet.
const id = fc.constantFrom('1', '2', '3')
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 })
const clean = (value: object): object => JSON.parse(JSON.stringify(value)) as object
const plugins = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom(
    { 'limit-count': { count: 1, time_window: 1 } },
    { 'limit-count': { count: 0, time_window: 1 } },
    { 'ip-restriction': { whitelist: ['10.0.0.0/8'] } },
    { 'grpc-transcode': { proto_id: '1', service: 'a.B', method: 'C' } },
    { 'key-auth': {} },
  ),
)
const someUpstream = fc
  .record({
    nodes: fc.constantFrom({ 'a:80': 1 }, { a: 1 }, { 'a:99999': 1 }),
    scheme: fc.constantFrom(undefined, 'http', 'tcp', 'udp'),
    tls: fc.option(fc.record({ client_cert_id: id }), { nil: undefined, freq: 4 }),
  })
  .map(clean)
const values: Partial<Record<ResourceKind, fc.Arbitrary<object>>> = {
  upstreams: someUpstream,
  services: fc.record({
    upstream_id: maybe(id),
    upstream: fc.option(someUpstream, { nil: undefined, freq: 4 }),
    plugins,
  }),
  routes: fc.record({
    uri: fc.constantFrom('/a', '/b', 'c'),
    upstream_id: maybe(id),
    service_id: maybe(id),
    plugin_config_id: fc.option(id, { nil: undefined, freq: 4 }),
    plugins,
  }),
  stream_routes: fc.record({
    upstream_id: maybe(id),
    service_id: maybe(id),
    server_port: fc.constantFrom(undefined, 9100, 1),
  }),
  plugin_configs: fc.record({ plugins: plugins.map((one) => one ?? {}) }),
  global_rules: fc.record({ plugins: plugins.map((one) => one ?? {}) }),
  consumer_groups: fc.record({ plugins: plugins.map((one) => one ?? {}) }),
  consumers: fc.record({
    group_id: maybe(id),
    plugins: fc.constantFrom('one', 'two', undefined).map((key) => (key === undefined ? {} : { 'key-auth': { key } })),
  }),
  ssls: fc.record({
    type: fc.constantFrom(undefined, 'client'),
    sni: fc.constantFrom(undefined, 'a.test', 'b.test'),
    cert: fc.constant(A_CERTIFICATE),
    key: fc.constantFrom(KEY, '$env://KEY', '$env://MISSING'),
  }),
  protos: fc.constantFrom(
    { content: 'syntax = "proto3"; package a; message M {} service B { rpc C(M) returns (M); }' },
    { content: 'syntax = "proto3"; package a; message M {} service B { rpc D(M) returns (M); }' },
    { content: 'nonsense' },
  ),
}
const oneWrite: fc.Arbitrary<ResourceWrite> = fc
  .constantFrom(...(Object.keys(values) as ResourceKind[]))
  .chain((kind) =>
    fc.record({
      kind: fc.constant(kind),
      id,
      value: fc.option(values[kind]!.map(clean), { nil: undefined, freq: 4 }),
    }),
  )
const change = fc.uniqueArray(oneWrite, {
  minLength: 1,
  maxLength: 4,
  selector: ({ kind, id: name }) => `${kind}/${name}`,
})

/** What the check of the whole finds, as the check of a change says it: by ids instead of places. */
async function wholeFindings(
  documents: ReadonlyMap<string, ResourceWrite>,
  changed: ReadonlySet<string>,
): Promise<string[]> {
  const lists: Record<string, object[]> = {}
  const ids: Record<string, string[]> = {}
  for (const kind of RESOURCE_KINDS) {
    const all = [...documents].filter(([, one]) => one.kind === kind)
    // Of two that claim the same, the whole blames the later one.
    const ordered = [...all.filter(([key]) => !changed.has(key)), ...all.filter(([key]) => changed.has(key))]
    lists[kind] = ordered.map(([, one]) => ({
      [kind === 'consumers' ? 'username' : 'id']: one.id,
      ...(one.value as object),
    }))
    ids[kind] = ordered.map(([, one]) => one.id)
  }
  const findings = new Findings()
  const listen = [{ address: 9100, protocol: 'tcp' }]
  await validateDocument(
    { listen, ...lists },
    '/nowhere/x.json',
    { plugins: testPlugins, environment: { KEY } },
    findings,
  )
  const removed = new Set<string>()
  const found = findings.list.map((finding) => {
    const [kind = '', index = '', ...rest] = pointerParts(finding.path)
    const name = ids[kind]?.[Number(index)] ?? index
    const path = ['', kind, name, ...rest.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))].join('/')
    if (
      !changed.has(`${kind}/${name}`) &&
      /^there is no (upstream|service|ssl|proto|plugin_config|consumer_group) with this id$/.test(finding.message)
    )
      removed.add(`/${/no (\w+)/.exec(finding.message)?.[1]}s/${JSON.parse(finding.value!)}`)
    return textOf({ ...finding, path })
  })
  return [
    ...found.filter(
      (text) => changed.has(text.split('/').slice(1, 3).join('/').split(' ')[0]!) || !text.includes('there is no'),
    ),
    ...removed,
  ].sort()
}

test('finds what a check of the whole finds', { timeout: 60_000 }, async () => {
  let accepted = 0
  let refused = 0
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
      const index = new ResourceIndex()
      const documents = new Map<string, ResourceWrite>()
      for (const writes of changes) {
        const after = new Map(documents)
        const keys = new Set(writes.map((one) => `${one.kind}/${one.id}`))
        for (const one of writes) {
          // What is changed comes last, in the order of the change.
          after.delete(`${one.kind}/${one.id}`)
          if (one.value !== undefined) after.set(`${one.kind}/${one.id}`, one)
        }
        const whole = await wholeFindings(after, keys)
        const found = await write(index, writes, {
          references: { environment: { KEY }, files: { folder: '/nowhere', within: [] } },
        })
        // One finding says for all who still refer to it.
        const words = found.map((text) => (text.includes('cannot be deleted') ? text.split(' ')[0]! : text)).sort()
        expect(words).toEqual(whole)
        if (found.length > 0) refused++
        else {
          accepted++
          documents.clear()
          for (const [key, one] of after) documents.set(key, one)
        }
      }
    }),
    { seed: 20261121, numRuns: 300 },
  )
  // Both happen often, or the property would say nothing.
  expect(Math.min(accepted, refused)).toBeGreaterThan(200)
})
