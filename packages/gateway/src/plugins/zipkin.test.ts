import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { startLogSink, type LogSink } from './logging/testing/log-sink.ts'
import { problemsOf } from './testing/mounted.ts'
import zipkin from './zipkin.ts'

interface Endpoint {
  readonly serviceName?: string
  readonly ipv4?: string
  readonly port?: number
}
interface Span {
  readonly traceId: string
  readonly id: string
  readonly parentId?: string
  readonly kind?: string
  readonly name: string
  readonly timestamp: number
  readonly duration: number
  readonly localEndpoint: Endpoint
  readonly remoteEndpoint?: Endpoint
  readonly tags?: Readonly<Record<string, string>>
  readonly debug?: boolean
}

const TRACE = '463ac35c9f6413ad48485a3953bb6124'
const CALLER = 'a2fb4a1d1a96d312'
const KNOWN = [
  'traceId',
  'id',
  'parentId',
  'kind',
  'name',
  'timestamp',
  'duration',
  'localEndpoint',
  'remoteEndpoint',
  'tags',
  'debug',
]

/** What Zipkin's API, version 2, says of a list of spans. */
function checked(body: string): Span[] {
  const spans = JSON.parse(body) as Span[]
  for (const span of spans) {
    expect(span.traceId).toMatch(/^([0-9a-f]{16}|[0-9a-f]{32})$/)
    for (const id of [span.id, span.parentId ?? span.id]) expect(id).toMatch(/^[0-9a-f]{16}$/)
    expect(Number.isInteger(span.timestamp) && Number.isInteger(span.duration) && span.duration > 0).toBe(true)
    expect(Math.abs(span.timestamp / 1_000 - Date.now())).toBeLessThan(60_000)
    expect(Object.values(span.tags ?? {}).every((tag) => typeof tag === 'string')).toBe(true)
    expect(Object.keys(span).filter((name) => !KNOWN.includes(name))).toEqual([])
  }
  return spans
}

let gateway: TestGateway
let server: LogSink
beforeAll(async () => {
  gateway = await startGateway({})
})
afterAll(() => gateway.close())
beforeEach(async () => {
  server = await startLogSink()
  server.answer = () => ({ status: 202 })
})
afterEach(() => server.close())

const use = (config: object = {}, rest: object = {}): Promise<void> =>
  gateway.update({
    routes: [
      {
        id: 'r1',
        uri: '/*',
        upstream_id: 'echo',
        plugins: { zipkin: { endpoint: `${server.url}/api/v2/spans`, sample_ratio: 1, ...config } },
      },
    ],
    ...rest,
  })

async function spansOf(path: string, headers: Record<string, string> = {}): Promise<Map<string, Span>> {
  const before = server.requests.length
  await gateway.fetch(path, { headers })
  const request = (await server.received(before + 1))[before]
  expect(request).toMatchObject({
    method: 'POST',
    url: '/api/v2/spans',
    headers: { 'content-type': 'application/json' },
  })
  return new Map(checked(request.body).map((span) => [span.name, span]))
}

const upstream = (name: string): unknown => gateway.echo.requests.at(-1)!.headers[name]

describe('spans', () => {
  test('of version 2: the request, its attempt, and the response', async () => {
    await use({ service_name: 'shop' })
    const spans = await spansOf('/a?token=s3cret&x=1')
    const request = spans.get('apisix.request')!
    const proxy = spans.get('apisix.proxy')!
    expect([...spans.keys()]).toEqual(['apisix.request', 'apisix.proxy', 'apisix.response_span'])
    expect(request).toMatchObject({
      kind: 'SERVER',
      localEndpoint: { serviceName: 'shop', ipv4: '127.0.0.1', port: gateway.port },
      remoteEndpoint: { ipv4: '127.0.0.1' },
      tags: {
        component: 'sekisho',
        'http.method': 'GET',
        'http.url': `http://127.0.0.1:${gateway.port}/a?token=REDACTED&x=1`,
        'http.status_code': '200',
        'http.route': '/*',
      },
    })
    expect(request.parentId).toBeUndefined()
    expect(proxy).toMatchObject({
      kind: 'CLIENT',
      parentId: request.id,
      remoteEndpoint: { ipv4: '127.0.0.1', port: gateway.echo.port },
      tags: { 'http.status_code': '200' },
    })
    expect(spans.get('apisix.response_span')!.parentId).toBe(request.id)
    expect(new Set([...spans.values()].map((span) => span.traceId)).size).toBe(1)
    expect([upstream('x-b3-traceid'), upstream('x-b3-spanid')]).toEqual([request.traceId, proxy.id])
    expect([upstream('x-b3-parentspanid'), upstream('x-b3-sampled')]).toEqual([request.id, '1'])
  })

  test('of version 1: rewrite, access and body_filter too', async () => {
    await use({ span_version: 1, server_addr: '192.0.2.7' })
    const spans = await spansOf('/')
    const names = ['apisix.request', 'apisix.proxy', 'apisix.rewrite', 'apisix.access', 'apisix.body_filter']
    expect([...spans.keys()]).toEqual(names)
    expect(spans.get('apisix.body_filter')!.parentId).toBe(spans.get('apisix.proxy')!.id)
    expect(spans.get('apisix.access')!.parentId).toBe(spans.get('apisix.request')!.id)
    expect(spans.get('apisix.access')!.localEndpoint.ipv4).toBe('192.0.2.7')
  })

  test('of errors say so', async () => {
    await use()
    const spans = await spansOf('/status/503')
    expect(spans.get('apisix.request')!.tags).toMatchObject({ error: '503', 'http.status_code': '503' })
    expect(spans.get('apisix.proxy')!.tags).toMatchObject({ error: '503' })
  })
})

describe('the context', () => {
  test('comes in one field, and goes on in both forms', async () => {
    await use()
    const spans = await spansOf('/', { b3: `${TRACE}-${CALLER}-1-05e3ac9a4f6e3b90` })
    const request = spans.get('apisix.request')!
    const proxy = spans.get('apisix.proxy')!
    expect(request).toMatchObject({ traceId: TRACE, parentId: CALLER })
    expect(upstream('b3')).toBe(`${TRACE}-${proxy.id}-1-${request.id}`)
    expect(upstream('x-b3-traceid')).toBe(TRACE)
  })

  test('comes in many fields, with an identifier of 64 bits, to be recorded in any case', async () => {
    await use({ sample_ratio: 0.00001 })
    const fields = { 'X-B3-TraceId': TRACE.slice(16), 'X-B3-SpanId': CALLER, 'X-B3-Flags': '1' }
    const spans = await spansOf('/', fields)
    expect(spans.get('apisix.request')).toMatchObject({ traceId: TRACE.slice(16), parentId: CALLER, debug: true })
    expect([upstream('x-b3-flags'), upstream('x-b3-sampled'), upstream('b3')]).toEqual(['1', undefined, undefined])
  })

  test('says what is recorded, and goes on when nothing is', async () => {
    await use()
    await gateway.fetch('/no', { headers: { b3: '0' } })
    expect([upstream('b3'), upstream('x-b3-sampled')]).toEqual([expect.stringMatching(/-0$/), '0'])
    await gateway.fetch('/no', { headers: { 'X-B3-TraceId': TRACE, 'X-B3-SpanId': CALLER, 'X-B3-Sampled': '0' } })
    expect(upstream('x-b3-traceid')).toBe(TRACE)
    const spans = await spansOf('/yes')
    expect(spans.get('apisix.request')!.tags!['http.url']).toContain('/yes')
    expect(server.requests).toHaveLength(1)
  })

  test('that is malformed counts as none', async () => {
    await use()
    const spans = await spansOf('/', { b3: 'hello', 'X-B3-TraceId': 'x', 'X-B3-SpanId': CALLER })
    expect(spans.get('apisix.request')!.parentId).toBeUndefined()
    expect(upstream('x-b3-traceid')).toMatch(/^[0-9a-f]{32}$/)
  })
})

test('Zipkin that is away costs no request anything, and gets what waits when it is back', async () => {
  await server.pause()
  await use()
  for (let request = 0; request < 5; request++) expect((await gateway.fetch(`/${request}`)).status).toBe(200)
  await expect
    .poll(() => gateway.logs.filter(({ message }) => message.startsWith(`zipkin: ${server.url} fails`)).length, {
      timeout: 5_000,
    })
    .toBe(1)
  await server.resume()
  const [{ body }] = await server.received(1)
  expect(checked(body)).toHaveLength(15)
})

test.each([
  [{ sample_ratio: 1 }, 'endpoint'],
  [{ endpoint: 'nothing', sample_ratio: 1 }, 'is not a URL'],
  [{ endpoint: 'http://a', sample_ratio: 0 }, 'sample_ratio'],
  [{ endpoint: 'http://a', sample_ratio: 1, server_addr: 'badip' }, 'IPv4'],
  [{ endpoint: 'http://a', sample_ratio: 1, span_version: 3 }, 'span_version'],
])('%j is refused', (config, message) => {
  expect(problemsOf(zipkin, config).join()).toContain(message)
})
