import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { A_CERTIFICATE, KEY } from '../tls/testing/server-certificates.ts'
import { definePlugin } from './definition.ts'
import httpLogger from './http-logger.ts'
import { LOG_MASK, type LogMask } from './logging/log-entry.ts'
import { startLogSink, type LogSink } from './logging/testing/log-sink.ts'
import { problemsOf } from './testing/mounted.ts'
import { Type } from '../schema/type.ts'

interface Entry {
  readonly request: {
    readonly [field: string]: unknown
    readonly headers: Record<string, string>
    readonly body?: string
  }
  readonly response: {
    readonly [field: string]: unknown
    readonly headers: Record<string, string>
    readonly body?: string
  }
  readonly [field: string]: unknown
}

/** As data-mask: it edits what was logged of the request, and leaves a mask for bodies. */
const mask = definePlugin({
  name: 'test-mask',
  priority: 1_500,
  schema: Type.Object({}),
  create: () => ({
    log({ request, ctx }) {
      request.headers.set('x-secret', 'masked')
      request.target = request.target.replace('pin=1', 'pin=*')
      ctx.setState(LOG_MASK, {
        requestBody: (text) => text.replace('1234', '****'),
        responseBody: (text) => text.replace('5678', '####'),
      } satisfies LogMask)
    },
  }),
})

let gateway: TestGateway
let sink: LogSink
beforeAll(async () => {
  gateway = await startGateway({}, [mask])
})
afterAll(() => gateway.close())
beforeEach(async () => {
  sink = await startLogSink()
})
afterEach(() => sink.close())

const use = (config: object = {}, more: object = {}, rest: object = {}): Promise<void> =>
  gateway.update({
    services: [{ id: 's1', upstream_id: 'echo' }],
    routes: [
      {
        id: 'r1',
        uri: '/*',
        service_id: 's1',
        plugins: { 'http-logger': { uri: `${sink.url}/logs`, batch_max_size: 1, ...config }, ...more },
      },
    ],
    ...rest,
  })

async function entry(path = '/a', options: Parameters<TestGateway['fetch']>[1] = {}): Promise<Entry> {
  const before = sink.requests.length
  await gateway.fetch(path, options)
  return JSON.parse((await sink.received(before + 1))[before].body) as Entry
}

describe('an entry', () => {
  test("says what APISIX's says", async () => {
    await use()
    const began = Date.now()
    const logged = await entry('/a/b?x=1&x=2&y', { headers: { 'X-One': 'ü"', Authorization: 'Basic eDp5' } })
    expect(logged).toEqual({
      request: {
        url: `http://127.0.0.1:${gateway.port}/a/b?x=1&x=2&y`,
        uri: '/a/b?x=1&x=2&y',
        method: 'GET',
        headers: expect.objectContaining({ 'x-one': expect.any(String), authorization: '***' }),
        querystring: { x: ['1', '2'], y: true },
        size: expect.any(Number),
      },
      response: { status: 200, headers: expect.objectContaining({ 'x-echo': '1' }), size: expect.any(Number) },
      server: { hostname: expect.any(String), version: expect.any(String) },
      upstream: `127.0.0.1:${gateway.echo.port}`,
      service_id: 's1',
      route_id: 'r1',
      client_ip: '127.0.0.1',
      start_time: expect.any(Number),
      latency: expect.any(Number),
      upstream_latency: expect.any(Number),
      apisix_latency: expect.any(Number),
    })
    expect(Math.abs((logged['start_time'] as number) - began)).toBeLessThan(2_000)
    const sum = (logged['upstream_latency'] as number) + (logged['apisix_latency'] as number)
    expect(Math.abs((logged['latency'] as number) - sum)).toBeLessThan(0.01)
  })

  test('names the consumer, and is there for refused requests', async () => {
    const consumers = [{ username: 'jack', plugins: { 'key-auth': { key: 'k' } } }]
    await use({}, { 'key-auth': {} }, { consumers })
    const known = await entry('/', { headers: { apikey: 'k' } })
    expect(known).toMatchObject({ consumer: { username: 'jack' }, request: { headers: { apikey: '***' } } })
    const refused = await entry('/')
    expect(refused).toMatchObject({ response: { status: 401 } })
    expect(refused).not.toHaveProperty('consumer')
    expect(refused).not.toHaveProperty('upstream')
    expect(refused).not.toHaveProperty('upstream_latency')
  })

  test('by a log_format has what that says, with route and service', async () => {
    const log_format = {
      h: '$host',
      n: { status: '$status', deep: { who: 'u=$remote_addr $arg_x' } },
      none: '$arg_none',
      fix: 7,
      auth: '$http_authorization',
    }
    await use({ log_format, log_format_extra: { more: '$request_method' } })
    expect(await entry('/?x=1', { headers: { Authorization: 'secret' } })).toEqual({
      h: '127.0.0.1',
      n: { status: 200, deep: { who: 'u=127.0.0.1 1' } },
      fix: 7,
      auth: 'secret',
      more: 'GET',
      route_id: 'r1',
      service_id: 's1',
    })
  })

  test('by the log_format of the metadata, unless the place has its own; extra fields come to the usual ones', async () => {
    const plugin_metadata = [{ id: 'http-logger', log_format: { m: '$host', t: '$time_iso8601' } }]
    await use({}, {}, { plugin_metadata })
    expect(await entry()).toMatchObject({ m: '127.0.0.1', t: expect.stringMatching(/^\d{4}-/), route_id: 'r1' })
    await use({ log_format: { own: 'x' } }, {}, { plugin_metadata })
    expect(await entry()).toEqual({ own: 'x', route_id: 'r1', service_id: 's1' })
    await use({}, {}, { plugin_metadata: [{ id: 'http-logger', log_format_extra: { tier: 'gold', u: '$uri' } }] })
    expect(await entry('/a')).toMatchObject({ tier: 'gold', u: '/a', route_id: 'r1', request: { method: 'GET' } })
  })

  test('is left out where _meta.filter says so', async () => {
    await use({ _meta: { filter: [['status', '==', 404]] } })
    await gateway.fetch('/a')
    const logged = await entry('/status/404')
    expect(logged).toMatchObject({ response: { status: 404 } })
    expect(sink.requests).toHaveLength(1)
  })
})

describe('bodies', () => {
  const post = (body: string, headers: Record<string, string> = {}) => ({
    method: 'POST',
    body,
    headers: { 'Content-Length': String(Buffer.byteLength(body)), ...headers },
  })

  test('are there when they are asked for, cut to their limits', async () => {
    await use({ include_req_body: true, include_resp_body: true, max_req_body_bytes: 5, max_resp_body_bytes: 3 })
    const logged = await entry('/bytes/10', post('hello world'))
    expect([logged.request.body, logged.response.body]).toEqual(['hello', 'xxx'])
  })

  test('are there for those alone for which an expression is true', async () => {
    await use({
      include_req_body: true,
      include_req_body_expr: [['arg_req', '==', '1']],
      include_resp_body: true,
      include_resp_body_expr: [['status', '==', 404]],
    })
    const one = await entry('/status/200?req=1', post('a'))
    expect([one.request.body, one.response.body]).toEqual(['a', undefined])
    const other = await entry('/status/404', post('a'))
    expect(other.request.body).toBeUndefined()
    expect(other.response.body).toContain('/status/404')
  })

  test('are there as variables of a format, without being asked for otherwise', async () => {
    await use({ log_format: { req: '$request_body', resp: '$resp_body' } })
    expect(await entry('/bytes/4', post('ä'))).toMatchObject({ req: 'ä', resp: 'xxxx' })
  })

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('in %s are decoded, up to the limit', async (encoding, compress) => {
    const { createServer } = await import('node:http')
    const upstream = createServer((request, response) => {
      const whole = compress(Buffer.from(request.url === '/bomb' ? 'x'.repeat(2_000_000) : '{"a":1}'))
      response
        .writeHead(200, { 'content-encoding': encoding })
        .end(request.url === '/cut' ? whole.subarray(0, -4) : whole)
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    const { port } = upstream.address() as import('node:net').AddressInfo
    const upstreams = [{ id: 'encoded', nodes: { [`127.0.0.1:${port}`]: 1 } }]
    const services = [{ id: 's1', upstream_id: 'encoded' }]
    await use({ include_resp_body: true, max_resp_body_bytes: 4_000 }, {}, { upstreams, services })
    expect((await entry('/')).response.body).toBe('{"a":1}')
    expect((await entry('/bomb')).response.body).toBe('x'.repeat(4_000))
    upstream.close()
    upstream.closeAllConnections()
  })

  test('and all else that a mask changes are masked', async () => {
    await use({ include_req_body: true, include_resp_body: true }, { 'test-mask': {} })
    const logged = await entry('/a?pin=1&apikey=k', post('pin 1234', { 'X-Secret': 'x', 'x-answer-body': 'pin 5678' }))
    expect(logged).toMatchObject({
      request: {
        uri: '/a?pin=*&apikey=REDACTED',
        querystring: { pin: '*', apikey: 'REDACTED' },
        headers: { 'x-secret': 'masked' },
        body: 'pin ****',
      },
      response: { body: 'pin ####' },
    })
    expect(gateway.echo.requests.at(-1)).toMatchObject({ url: '/a?pin=1&apikey=k', body: 'pin 1234' })
  })
})

describe('batches', () => {
  test.each([
    ['json', (body: string) => JSON.parse(body) as Entry[]],
    ['new_line', (body: string) => body.split('\n').map((line) => JSON.parse(line) as Entry)],
  ])('are joined by %s', async (concat_method, read) => {
    await use({ batch_max_size: 3, concat_method, auth_header: 'Bearer t' })
    for (const path of ['/1', '/2', '/3']) await gateway.fetch(path)
    const [batch] = await sink.received(1)
    expect(read(batch.body).map(({ request }) => request['uri'])).toEqual(['/1', '/2', '/3'])
    expect(batch).toMatchObject({
      method: 'POST',
      url: '/logs',
      headers: { authorization: 'Bearer t', 'content-type': 'application/json' },
    })
  })

  test('of places with the same configuration are one', async () => {
    const plugins = { 'http-logger': { uri: sink.url, batch_max_size: 2 } }
    await gateway.update({ routes: ['a', 'b'].map((id) => ({ id, uri: `/${id}`, upstream_id: 'echo', plugins })) })
    await gateway.fetch('/a')
    await gateway.fetch('/b')
    const [batch] = await sink.received(1)
    expect((JSON.parse(batch.body) as Entry[]).map((one) => one['route_id'])).toEqual(['a', 'b'])
  })

  test('leave when the configuration goes', async () => {
    await use({ batch_max_size: 100 })
    await gateway.fetch('/last')
    await gateway.update({})
    expect((await sink.received(1))[0].body).toContain('/last')
  })
})

describe('a server that', () => {
  test('answers 500 gets a batch again, as often as is configured', async () => {
    let failures = 2
    sink.answer = () => ({ status: failures-- > 0 ? 500 : 200 })
    await use({ max_retry_count: 2, retry_delay: 0 })
    await gateway.fetch('/')
    expect(new Set((await sink.received(3)).map(({ body }) => body)).size).toBe(1)
  })

  test('never answers costs no request anything', async () => {
    sink.answer = () => 'nothing'
    await use({ timeout: 1 })
    // If each waited for its batch, these would take 50 s, and the test would be given up.
    for (let request = 0; request < 50; request++) await gateway.fetch('/')
    await sink.received(4)
    // No more than so many batches are under way.
    expect(sink.requests).toHaveLength(4)
  })

  test('has a certificate that nobody knows is refused, unless it is not to be verified', async () => {
    await sink.close()
    sink = await startLogSink({ cert: A_CERTIFICATE, key: KEY })
    await use({ max_retry_count: 0 })
    await gateway.fetch('/refused')
    await use({ ssl_verify: false })
    expect(await entry('/trusted')).toMatchObject({ request: { uri: '/trusted' } })
    expect(sink.requests).toHaveLength(1)
  })
})

test.each([
  [{}, 'uri'],
  [{ uri: 'ftp://a/' }, 'only http and https'],
  [{ uri: 'nothing' }, 'must be a URL'],
  [{ uri: 'http://a', auth_header: 'a\nb' }, 'control character'],
  [{ uri: 'http://a', log_format: { a: '$nobody' } }, 'there is no variable "$nobody"'],
  [{ uri: 'http://a', log_format: { a: ['$host'] } }, 'is a list'],
  [{ uri: 'http://a', log_format: { a: { b: { c: { d: { e: { f: 1 } } } } } } }, 'objects within each other'],
  [{ uri: 'http://a', include_req_body_expr: [['a', '%%', 1]] }, 'invalid operator'],
  [{ uri: 'http://a', batch_max_sice: 1 }, 'batch_max_sice'],
])('%j is refused', (config, message) => {
  expect(problemsOf(httpLogger, config).join()).toContain(message)
})

test('a wrong format in the metadata is refused', async () => {
  await expect(use({}, {}, { plugin_metadata: [{ id: 'http-logger', log_format: { a: '$nobody' } }] })).rejects.toThrow(
    '$nobody',
  )
})
