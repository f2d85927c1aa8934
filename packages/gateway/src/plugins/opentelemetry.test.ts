import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { Type } from '../schema/type.ts'
import { definePlugin } from './definition.ts'
import opentelemetry from './opentelemetry.ts'
import { problemsOf } from './testing/mounted.ts'
import { startGrpcCollector, startHttpCollector, type Collector } from './tracing/testing/otlp-collectors.ts'
import type { CollectedSpan } from './tracing/testing/otlp-protos.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'
const FROM_CALLER = { traceparent: `00-${TRACE}-${CALLER}-01` }
const ON = { sampler: { name: 'always_on' } }
const SERVER = 2
const CLIENT = 3

/** As data-mask, which edits the request when it has been answered. */
const mask = definePlugin({
  name: 'test-mask',
  priority: 1_500,
  schema: Type.Object({}),
  create: () => ({
    log({ request }) {
      request.target = request.target.replace('1234', '*')
    },
  }),
})

let gateway: TestGateway
let collector: Collector
beforeAll(async () => {
  gateway = await startGateway({}, [mask])
})
afterAll(() => gateway.close())
beforeEach(async () => {
  collector = await startHttpCollector()
})
afterEach(() => collector.close())

interface Use {
  readonly config?: object
  readonly metadata?: object
  readonly to?: object
  readonly plugins?: object
  readonly rest?: object
}

function document({ config = ON, metadata = {}, to = {}, plugins = {}, rest = {} }: Use, address: string): object {
  const batches = { inactive_timeout: 0.1, batch_timeout: 0.2 }
  return {
    plugin_metadata: [
      { id: 'opentelemetry', collector: { address, ...to }, batch_span_processor: batches, ...metadata },
    ],
    routes: [
      { id: 'r1', name: 'orders', uri: '/*', upstream_id: 'echo', plugins: { opentelemetry: config, ...plugins } },
    ],
    ...rest,
  }
}

const use = (options: Use = {}): Promise<void> => gateway.update(document(options, collector.address))

const byKind = (spans: readonly CollectedSpan[], kind: number): CollectedSpan[] =>
  spans.filter((span) => span.kind === kind)

const upstreamField = (name: string): string => String(gateway.echo.requests.at(-1)!.headers[name])

describe('spans', () => {
  test('of a request and its attempt say what the conventions ask for', async () => {
    await use()
    const began = BigInt(Date.now() - 2) * 1_000_000n
    await gateway.fetch('/orders/7?page=2&api_key=s3cret', { headers: { ...FROM_CALLER, 'User-Agent': 'ü/1' } })
    const spans = await collector.received(2)
    const [server] = byKind(spans, SERVER)
    const [client] = byKind(spans, CLIENT)
    expect(server).toMatchObject({ traceId: TRACE, parentSpanId: CALLER, name: 'GET /*', code: 0, flags: 0x301 })
    expect(server.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/*',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'url.path': '/orders/7',
      'url.query': 'page=2&api_key=REDACTED',
      'network.protocol.version': '1.1',
      'server.address': '127.0.0.1',
      'server.port': gateway.port,
      'client.address': '127.0.0.1',
      'user_agent.original': expect.any(String),
      'sekisho.route_id': 'r1',
      'sekisho.route_name': 'orders',
    })
    expect(server.resource).toMatchObject({ 'service.name': 'sekisho', 'service.version': expect.any(String) })
    expect(client).toMatchObject({ traceId: TRACE, parentSpanId: server.spanId, name: 'GET', code: 0, flags: 0x101 })
    expect(client.attributes).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.full': `http://127.0.0.1:${gateway.echo.port}/orders/7?page=2&api_key=REDACTED`,
      'server.address': '127.0.0.1',
      'server.port': gateway.echo.port,
      'network.peer.address': '127.0.0.1',
      'network.peer.port': gateway.echo.port,
      'network.protocol.version': '1.1',
    })
    expect(upstreamField('traceparent')).toBe(`00-${TRACE}-${client.spanId}-01`)
    expect(server.startNs).toBeGreaterThan(began)
    expect(server.endNs).toBeGreaterThanOrEqual(client.endNs)
    expect(client.startNs).toBeGreaterThanOrEqual(server.startNs)
    expect(server.endNs - server.startNs).toBeLessThan(5_000_000_000n)
  })

  test('of a retry are as many as its attempts, each with what became of it', async () => {
    const dead = createServer()
    await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve))
    const { port } = dead.address() as AddressInfo
    await new Promise((resolve) => dead.close(resolve))
    const nodes = [
      { host: '127.0.0.1', port, weight: 1, priority: 1 },
      { host: '127.0.0.1', port: gateway.echo.port, weight: 1, priority: 0 },
    ]
    const routes = [{ id: 'r1', uri: '/*', upstream: { nodes, retries: 1 }, plugins: { opentelemetry: ON } }]
    await use({ rest: { routes } })
    await gateway.fetch('/')
    const spans = await collector.received(3)
    const [server] = byKind(spans, SERVER)
    const [first, second] = byKind(spans, CLIENT)
    expect(server).toMatchObject({ code: 0, attributes: { 'http.response.status_code': 200 } })
    expect(first).toMatchObject({
      code: 2,
      parentSpanId: server.spanId,
      attributes: { 'error.type': 'CONNECT_REFUSED', 'server.port': port },
    })
    expect(first.attributes).not.toHaveProperty('http.response.status_code')
    expect(second).toMatchObject({
      code: 0,
      parentSpanId: server.spanId,
      attributes: { 'http.request.resend_count': 1, 'http.response.status_code': 200 },
    })
    expect(second.startNs).toBeGreaterThanOrEqual(first.startNs)
    expect(upstreamField('traceparent')).toContain(second.spanId)
  })

  test.each([
    ['/status/503', '503', 2, 2],
    ['/status/404', '404', 0, 2],
  ])('of %s are errors where they are', async (path, type, serverCode, clientCode) => {
    await use()
    await gateway.fetch(path)
    const spans = await collector.received(2)
    expect([byKind(spans, SERVER)[0].code, byKind(spans, CLIENT)[0].code]).toEqual([serverCode, clientCode])
    expect(byKind(spans, CLIENT)[0].attributes['error.type']).toBe(type)
    expect(byKind(spans, SERVER)[0].attributes['error.type']).toBe(serverCode === 2 ? type : undefined)
  })

  test('of what a plugin answers have no attempt; the name of a consumer is there', async () => {
    const consumers = [{ username: 'jack', plugins: { 'key-auth': { key: 'k' } } }]
    await use({ plugins: { 'key-auth': {}, 'limit-count': { count: 1, time_window: 60 } }, rest: { consumers } })
    await gateway.fetch('/')
    await gateway.fetch('/', { headers: { apikey: 'k' } })
    const spans = await collector.received(3)
    const [refused, known] = byKind(spans, SERVER)
    expect(refused.attributes['http.response.status_code']).toBe(401)
    expect(known.attributes['sekisho.consumer_name']).toBe('jack')
    expect(byKind(spans, CLIENT)).toHaveLength(1)
  })

  test('of a cache hit have no attempt, and say so', async () => {
    await use({ plugins: { 'proxy-cache': { cache_strategy: 'memory' } } })
    const headers = { 'x-answer-headers': '{"cache-control":"max-age=60"}' }
    await gateway.fetch('/cached', { headers })
    await gateway.fetch('/cached', { headers })
    const spans = await collector.received(3)
    expect(byKind(spans, SERVER).map((span) => span.attributes['sekisho.cache_status'])).toEqual(['miss', 'hit'])
    expect(byKind(spans, CLIENT)).toHaveLength(1)
  })

  test('have what the configuration adds, and never what strangers make endless', async () => {
    const config = {
      ...ON,
      additional_attributes: ['arg_user', 'upstream_addr', 'arg_none'],
      additional_header_prefix_attributes: ['X-One', 'x-my-*'],
    }
    await use({ config, metadata: { resource: { 'service.name': 'shop', replicas: 3, edge: true, share: 0.5 } } })
    await gateway.fetch(`/?user=${'j'.repeat(5_000)}`, { headers: { 'X-One': '1', 'X-My-A': 'a', 'X-My-B': 'b' } })
    const [server] = byKind(await collector.received(2), SERVER)
    expect(server.attributes).toMatchObject({
      arg_user: 'j'.repeat(2_048),
      upstream_addr: `127.0.0.1:${gateway.echo.port}`,
      'x-one': '1',
      'x-my-a': 'a',
      'x-my-b': 'b',
    })
    expect(server.attributes).not.toHaveProperty('arg_none')
    expect(server.resource).toMatchObject({ 'service.name': 'shop', replicas: 3, edge: true, share: 0.5 })
  })

  test('do not have what a mask took out of the request in the same phase', async () => {
    await use({ plugins: { 'test-mask': {} } })
    await gateway.fetch('/?pin=1234')
    const [server] = byKind(await collector.received(2), SERVER)
    expect(server.attributes['url.query']).toBe('pin=*')
  })
})

describe('two gateways', () => {
  test('in a row make one trace', async () => {
    const inner = await startGateway(document({}, collector.address))
    const upstreams = [{ id: 'inner', nodes: { [`127.0.0.1:${inner.port}`]: 1 } }]
    const routes = [{ id: 'outer', uri: '/*', upstream_id: 'inner', plugins: { opentelemetry: ON } }]
    await use({ rest: { upstreams, routes } })
    await gateway.fetch('/', { headers: { tracestate: 'dropped=1' } })
    const spans = await collector.received(4)
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(1)
    const outer = byKind(spans, SERVER).find((span) => span.attributes['sekisho.route_id'] === 'outer')!
    const second = byKind(spans, SERVER).find((span) => span.attributes['sekisho.route_id'] === 'r1')!
    const clients = byKind(spans, CLIENT)
    expect(outer.parentSpanId).toBe('')
    expect(clients.map((span) => span.parentSpanId).sort()).toEqual([outer.spanId, second.spanId].sort())
    expect(clients.find((span) => span.spanId === second.parentSpanId)?.parentSpanId).toBe(outer.spanId)
    const { headers } = inner.echo.requests[0]
    expect(headers['tracestate']).toBeUndefined()
    expect(headers['traceparent']).toContain(clients.find((span) => span.parentSpanId === second.spanId)!.spanId)
    await inner.close()
  })
})

describe('the context', () => {
  test('of a caller goes on with its state', async () => {
    await use()
    await gateway.fetch('/', { headers: { ...FROM_CALLER, tracestate: 'a=1,b=2' } })
    const [server] = byKind(await collector.received(2), SERVER)
    expect(server.traceState).toBe('a=1,b=2')
    expect(upstreamField('tracestate')).toBe('a=1,b=2')
  })

  test('goes on when nothing is recorded', async () => {
    await use({ config: {} })
    await gateway.fetch('/', { headers: FROM_CALLER })
    expect(upstreamField('traceparent')).toMatch(new RegExp(`^00-${TRACE}-(?!${CALLER})[0-9a-f]{16}-00$`))
    await gateway.fetch('/')
    expect(upstreamField('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  })

  test('decides about sampling where the configuration says so', async () => {
    await use({ config: { sampler: { name: 'parent_base', options: { root: { name: 'always_on' } } } } })
    await gateway.fetch('/no', { headers: { traceparent: `00-${TRACE}-${CALLER}-00` } })
    await gateway.fetch('/yes', { headers: FROM_CALLER })
    await gateway.fetch('/root')
    const spans = await collector.received(4)
    expect(byKind(spans, SERVER).map((span) => span.attributes['url.path'])).toEqual(['/yes', '/root'])
  })

  test('takes the identifier of the request where that is one', async () => {
    await use({ metadata: { trace_id_source: 'x-request-id' } })
    await gateway.fetch('/', { headers: { 'X-Request-Id': '0AF76519-16cd-43dd-8448-eb211c80319c' } })
    await gateway.fetch('/', { headers: { 'X-Request-Id': 'mine' } })
    const [one, other] = byKind(await collector.received(4), SERVER)
    expect(one.traceId).toBe(TRACE)
    expect(other.traceId).toMatch(/^[0-9a-f]{32}$/)
  })

  test('is there for logs', async () => {
    await use({
      plugins: { 'response-rewrite': { headers: { set: { 'X-Trace': '$opentelemetry_context_traceparent' } } } },
    })
    const answer = await gateway.fetch('/', { headers: FROM_CALLER })
    const [server] = byKind(await collector.received(2), SERVER)
    expect(answer.headers['x-trace']).toBe(`00-${TRACE}-${server.spanId}-01`)
  })

  test('is kept once where a global rule and a route both trace', async () => {
    await use({ rest: { global_rules: [{ id: 'g', plugins: { opentelemetry: { sampler: { name: 'always_on' } } } }] } })
    await gateway.fetch('/')
    await gateway.fetch('/')
    expect(await collector.received(4)).toHaveLength(4)
  })
})

describe('a collector that', () => {
  test('speaks gRPC gets the same', async () => {
    const grpc = await startGrpcCollector()
    try {
      const to = { protocol: 'grpc', address: grpc.address, request_headers: { 'x-key': 'k' } }
      await use({ to })
      await gateway.fetch('/a', { headers: FROM_CALLER })
      const spans = await grpc.received(2)
      expect(spans.map((span) => span.traceId)).toEqual([TRACE, TRACE])
      expect(grpc.headers['x-key']).toBe('k')
      grpc.answers.push({ status: 14 })
      await gateway.fetch('/b')
      await grpc.received(4)
      expect(grpc.batches).toBe(3)
      await use({ to: { ...to, compression: 'gzip' } })
      await gateway.fetch('/c')
      await grpc.received(6)
      grpc.answers.push({ status: 7 })
      await gateway.fetch('/refused')
      await expect.poll(async () => gateway.metrics.render()).toMatch(/plugin="opentelemetry",outcome="refused"\} 2/)
    } finally {
      await grpc.close()
    }
  })

  test('wants fields and gzip gets them', async () => {
    await use({ to: { request_headers: { Authorization: 'Bearer t', 'x-n': 1 }, compression: 'gzip' } })
    await gateway.fetch('/')
    await collector.received(2)
    expect(collector.headers).toMatchObject({ authorization: 'Bearer t', 'x-n': '1', 'content-encoding': 'gzip' })
  })

  test('says later gets a batch again; one that says never does not', async () => {
    collector.answers.push({ status: 503 })
    await use()
    await gateway.fetch('/again')
    await collector.received(2)
    expect(collector.batches).toBe(2)
    collector.answers.push({ status: 400 })
    await gateway.fetch('/never')
    await expect.poll(() => collector.batches).toBe(3)
    await gateway.fetch('/next')
    const spans = await collector.received(4)
    expect(byKind(spans, SERVER).map((span) => span.attributes['url.path'])).toEqual(['/again', '/next'])
  })

  test('is away costs no request anything; what is too much is dropped', async () => {
    await collector.close()
    const batch_span_processor = { max_queue_size: 4, inactive_timeout: 0.1, max_export_batch_size: 2 }
    await use({ metadata: { batch_span_processor } })
    const before = gateway.logs.length
    for (let request = 0; request < 10; request++) expect((await gateway.fetch('/')).status).toBe(200)
    await expect
      .poll(() => gateway.metrics.render())
      .toMatch(/sekisho_plugin_log_entries_total\{plugin="opentelemetry",outcome="dropped"\} 16/)
    const said = (words: string): number =>
      gateway.logs.slice(before).filter(({ message }) => message.includes(words)).length
    await expect.poll(() => said(`http://${collector.address} fails`)).toBe(1)
    expect(said('entries are dropped')).toBe(1)
    collector = await startHttpCollector()
  })
})

test.each([
  [{ sampler: { name: 'sometimes' } }, 'sampler'],
  [{ sampler: { options: { fraction: 2 } } }, 'fraction'],
  [{ additional_attributes: ['nobody'] }, 'there is no variable "$nobody"'],
  [{ sampel: {} }, 'sampel'],
])('%j is refused', (config, message) => {
  expect(problemsOf(opentelemetry, config).join()).toContain(message)
})

test.each([
  [{ address: 'a b' }, 'neither HOST:PORT nor a URL'],
  [{ address: 'ftp://a' }, 'only http and https'],
  [{ address: 'http://a:1/x', protocol: 'grpc' }, 'has a path'],
  [{ request_headers: { 'a b': '1' } }, 'not the name of a field'],
  [{ request_headers: { a: 'x\ny' } }, 'control character'],
])('metadata with %j is refused', async (to, message) => {
  await expect(use({ to })).rejects.toThrow(message)
})
