import { describe, expect, it } from 'vitest'
import { definePlugin } from '../plugins/definition.ts'
import { Type } from '../schema/type.ts'
import { explainRequest, type ExplainOptions } from './explain-request.ts'
import type { RequestExplanation } from './explanation.ts'
import type { DescribedRequest } from './offline-request.ts'
import { readDocument } from './testing/read-document.ts'

let ownRuns = 0
const own = definePlugin({
  name: 'own',
  priority: 50,
  schema: Type.Object({}),
  create: () => ({ access: () => void ownRuns++, log: () => undefined }),
})

const document = {
  upstream_defaults: { read_timeout: 7 },
  consumers: [
    { username: 'alice', group_id: 'gold', plugins: { 'key-auth': { key: 'alice-key' }, own: {} } },
    { username: 'bob', plugins: { 'key-auth': { key: 'bob-key' } } },
  ],
  consumer_groups: [{ id: 'gold', plugins: { 'limit-count': { count: 9, time_window: 9 } } }],
  global_rules: [{ id: 'ids', plugins: { 'request-id': {} } }],
  upstreams: [
    { id: 'two', nodes: { '10.0.0.1:80': 1, '10.0.0.2:80': 3 }, retries: 2, retry_timeout: 5 },
    { id: 'hashed', type: 'chash', key: 'arg_user', nodes: { '10.0.0.1:80': 1, '10.0.0.2:80': 1, '10.0.0.3:80': 1 } },
  ],
  services: [
    {
      id: 'shop',
      upstream_id: 'two',
      plugins: { cors: {}, own: {}, 'limit-req': { rate: 1, burst: 0, key: 'remote_addr' } },
    },
  ],
  routes: [
    {
      id: 'hello',
      uri: '/hello/:name',
      service_id: 'shop',
      plugins: {
        own: { _meta: { filter: [['arg_own', '==', '1']] } },
        'limit-req': { rate: 2, burst: 0, key: 'remote_addr', _meta: { disable: true } },
      },
    },
    { id: 'post', uri: '/hello/*', methods: ['POST'], upstream: 'http://10.0.0.9:3000' },
    { id: 'off', uri: '/hello/bob', status: 0, upstream_id: 'two' },
    {
      id: 'secret',
      uri: '/secret/*',
      upstream_id: 'two',
      plugins: { 'key-auth': { hide_credentials: true } },
      timeout: { connect: 1, send: 2, read: 3 },
    },
    { id: 'mock', uri: '/mock', plugins: { mocking: { response_example: '{"a":1}' } } },
    { id: 'slow', uri: '/slow', plugins: { mocking: { response_example: 'later', delay: 3600 } } },
    { id: 'hashed', uri: '/hashed', upstream_id: 'hashed' },
    {
      id: 'watched',
      uri: '/watched',
      upstream: { nodes: { '10.0.0.1:80': 1 }, checks: { active: {} }, slow_start: { window: 9 } },
    },
    { id: 'host', uri: '/hello/*', host: 'shop.example', upstream_id: 'two' },
    {
      id: 'new',
      uri: '/v1/*',
      upstream_id: 'two',
      plugins: {
        'proxy-rewrite': {
          regex_uri: ['^/v1/(.*)', '/$1'],
          host: 'inner',
          headers: { set: { 'X-Set': 'yes' }, remove: ['cookie'] },
        },
      },
    },
  ],
}

async function explained(
  request: string,
  rest: Partial<DescribedRequest> = {},
  options?: ExplainOptions,
): Promise<RequestExplanation> {
  const [method, url] = request.split(' ')
  return explainRequest({ method, url, ...rest }, await readDocument(document, [own]), options)
}

const plugins = ({ phases }: RequestExplanation, phase: string): string[] =>
  (phases.find((each) => each.phase === phase)?.plugins ?? []).map(
    ({ name, place, outcome }) => `${name} ${place} ${outcome}`,
  )

describe('the route', () => {
  it('is the one that the gateway takes, with its parameters and the reason', async () => {
    const { route } = await explained('GET /hello/bob')
    expect(route).toMatchObject({ id: 'hello', uri: '/hello/:name', params: { name: 'bob' }, serviceId: 'shop' })
    expect(route?.why).toBe('before post, because a parameter goes before a wildcard')
  })

  it('comes with those that fit and were not taken, each with its reason', async () => {
    const { notTaken, moreNotTaken } = await explained('GET /hello/bob')
    expect(notTaken.map(({ id, why }) => `${id}: ${why}`)).toEqual([
      'post: methods: route wants POST, request has GET',
      'host: host: route wants shop.example, request has localhost',
      'off: it would match, but it is switched off (status: 0)',
    ])
    expect(moreNotTaken).toBe(document.routes.length - 1 - notTaken.length)
  })

  it('when there is none, comes with the nearest ones by path, and the answer is 404', async () => {
    const { route, notTaken, answer, upstream } = await explained('GET /secre/plans')
    expect(route).toBeUndefined()
    expect(notTaken).toHaveLength(5)
    expect(notTaken[0]).toMatchObject({ id: 'secret', why: 'uri: route wants /secret/*, request has /secre/plans' })
    expect(answer).toMatchObject({ status: 404, plugin: undefined })
    expect(upstream).toBeUndefined()
  })

  it('says of a route for another host that both differ', async () => {
    const { notTaken } = await explained('GET http://a.example/nowhere', {}, { allRoutes: true })
    expect(notTaken).toHaveLength(document.routes.length)
    expect(notTaken.find(({ id }) => id === 'host')?.why).toBe(
      'uri: route wants /hello/*, request has /nowhere; host: route wants shop.example, request has a.example',
    )
  })

  it('is looked for by the host of the URL, and by a Host header before it', async () => {
    expect((await explained('GET http://shop.example/hello/x')).route?.id).toBe('host')
    expect((await explained('GET shop.example/hello/x')).route?.id).toBe('host')
    const byHeader = await explained('GET http://other.example/hello/x', { headers: [['Host', 'shop.example']] })
    expect(byHeader.route?.id).toBe('host')
  })
})

describe('plugins', () => {
  it('are listed in order, from all places, and those of the user are not run', async () => {
    const before = ownRuns
    const explanation = await explained('GET /hello/bob?own=1')
    expect(plugins(explanation, 'rewrite')).toEqual(['request-id global_rules/ids runs', 'cors services/shop runs'])
    expect(plugins(explanation, 'access')).toEqual(['own routes/hello undecided'])
    expect(ownRuns).toBe(before)
  })

  it('that do not run are told with the reason', async () => {
    const explanation = await explained('GET /hello/bob')
    expect(plugins(explanation, 'access')).toEqual(['own routes/hello filtered'])
    expect(plugins(explanation, 'log')).toEqual(['own routes/hello filtered'])
    expect(explanation.idlePlugins).toEqual([
      { name: 'limit-req', place: 'routes/hello', why: 'switched off (_meta.disable)' },
      { name: 'own', place: 'services/shop', why: 'routes/hello has its own' },
      { name: 'limit-req', place: 'services/shop', why: 'routes/hello has its own' },
    ])
  })

  it('that answer are named, and those behind them are skipped', async () => {
    const explanation = await explained('OPTIONS /hello/bob?own=1')
    expect(explanation.answer).toMatchObject({ status: 200, plugin: 'cors' })
    expect(plugins(explanation, 'rewrite')).toEqual(['request-id global_rules/ids runs', 'cors services/shop answers'])
    expect(plugins(explanation, 'access')).toEqual(['own routes/hello skipped'])
    expect(explanation.upstream).toMatchObject({ place: 'upstreams/two', picked: undefined, request: undefined })
  })

  it('that authenticate are asked, and bring in what the consumer and its group have', async () => {
    const refused = await explained('GET /secret/plans')
    expect(refused.answer).toMatchObject({ status: 401, plugin: 'key-auth' })
    const allowed = await explained('GET /secret/plans', { headers: [['apikey', 'alice-key']] })
    expect(allowed.consumer).toBe('alice')
    expect(plugins(allowed, 'access')).toEqual([
      'limit-count consumer_groups/gold undecided',
      'own consumers/alice undecided',
    ])
    expect(allowed.upstream?.request?.changes).toContainEqual({ name: 'apikey', value: undefined })
    expect(allowed.upstream?.request?.changes).toContainEqual({ name: 'X-Consumer-Username', value: 'alice' })
  })

  it('that authenticate are passed by for a consumer who is given', async () => {
    const explanation = await explained('GET /secret/plans', {}, { consumer: 'bob' })
    expect(explanation).toMatchObject({ consumer: 'bob', answer: undefined })
    await expect(explained('GET /secret/plans', {}, { consumer: 'carol' })).rejects.toThrow(
      'there is no consumer "carol"',
    )
  })

  it('that delay are not waited for', async () => {
    const explanation = await explained('GET /slow')
    expect(plugins(explanation, 'access')).toEqual(['mocking routes/slow undecided'])
    expect(explanation.answer).toMatchObject({ status: 503, plugin: undefined })
    expect((await explained('GET /mock')).answer).toMatchObject({ status: 200, plugin: 'mocking', body: '{"a":1}' })
  })
})

describe('the upstream', () => {
  it('is told with nodes, time limits and retries', async () => {
    const { upstream } = await explained('GET /secret/plans', {}, { consumer: 'bob' })
    expect(upstream).toMatchObject({
      place: 'upstreams/two',
      type: 'roundrobin',
      scheme: 'http',
      nodes: [
        { address: '10.0.0.1:80', weight: 1, priority: 0 },
        { address: '10.0.0.2:80', weight: 3, priority: 0 },
      ],
      certain: false,
      timeouts: { connect: 1, send: 2, read: 3 },
      retries: 2,
      retryTimeout: 5,
    })
    expect((await explained('POST /hello/x/y')).upstream).toMatchObject({
      place: 'routes/post',
      picked: '10.0.0.9:3000',
      certain: true,
      timeouts: { connect: 60, send: 60, read: 7 },
      retries: 0,
    })
  })

  it('says what only the running gateway knows', async () => {
    expect((await explained('GET /secret/plans', {}, { consumer: 'bob' })).upstream?.unknown).toEqual([])
    expect((await explained('GET /watched')).upstream).toMatchObject({
      unknown: ['checks', 'slow_start'],
      picked: '10.0.0.1:80',
    })
  })

  it('of consistent hash is the same node for the same key', async () => {
    const picks = await Promise.all(['a', 'b', 'c', 'd', 'a'].map((user) => explained(`GET /hashed?user=${user}`)))
    const nodes = picks.map(({ upstream }) => upstream?.picked)
    expect(nodes[4]).toBe(nodes[0])
    expect(new Set(nodes).size).toBeGreaterThan(1)
    expect(picks[0].upstream?.certain).toBe(true)
  })

  it('gets the rewritten request', async () => {
    const { upstream } = await explained('GET http://a.example/v1/plans?x=1', {
      headers: [['Cookie', 'a=b']],
      remoteAddr: '192.0.2.7',
    })
    expect(upstream?.request).toMatchObject({ method: 'GET', target: '/plans?x=1', host: 'inner' })
    expect(upstream?.request?.changes).toEqual(
      expect.arrayContaining([
        { name: 'Cookie', value: undefined },
        { name: 'X-Set', value: 'yes' },
        { name: 'X-Real-IP', value: '192.0.2.7' },
        { name: 'X-Forwarded-Host', value: 'a.example' },
      ]),
    )
  })
})

describe('a request that the parser refuses', () => {
  it.each([
    ['GET /a\\b', 400, 'TARGET'],
    ['GET /../../etc', 400, 'malformed'],
    [`GET /?${'a'.repeat(9_000)}`, 414, 'TARGET_TOO_LONG'],
    ['G(T /', 400, 'METHOD'],
    ['CONNECT a.example:443', 405, 'CONNECT'],
  ])('%#: as the data path does', async (request, status, reason) => {
    const { refused, route } = await explained(request)
    expect(refused?.status).toBe(status)
    expect(refused?.reason).toContain(reason)
    expect(route).toBeUndefined()
  })

  it('for its headers', async () => {
    expect((await explained('GET /mock', { headers: [['a b', 'c']] })).refused?.status).toBe(400)
    expect((await explained('GET /mock', { headers: [['a', 'x'.repeat(40_000)]] })).refused?.status).toBe(431)
  })

  it('not for spaces and letters that every client encodes', async () => {
    expect((await explained('GET /hello/José%20x')).route?.params).toEqual({ name: 'José x' })
  })
})

it('a browser’s question goes to the route that it asks about, and nobody asks it for credentials', async () => {
  const routes = [
    { id: 'call', uri: '/*', methods: ['POST'], upstream_id: 'two', plugins: { 'grpc-web': {}, 'key-auth': {} } },
  ]
  const read = await readDocument({ ...document, routes }, [own])
  const ask = (more: [string, string][]) =>
    explainRequest({ method: 'OPTIONS', url: '/a.B/C', headers: [['Origin', 'https://a.example'], ...more] }, read)
  const found = await ask([
    ['Access-Control-Request-Method', 'POST'],
    ['Access-Control-Request-Headers', 'x-grpc-web'],
  ])
  expect(found.route?.id).toBe('call')
  expect(plugins(found, 'rewrite')).toEqual(['request-id global_rules/ids runs', 'key-auth routes/call skipped'])
  expect(found.answer).toMatchObject({ status: 200, plugin: undefined })
  expect((await ask([])).route).toBeUndefined()
})
