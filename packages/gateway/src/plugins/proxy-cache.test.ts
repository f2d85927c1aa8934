import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { startGateway, type FetchOptions, type TestGateway } from '../testing/start-gateway.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, number: number) => void

interface Setting {
  readonly gateway: TestGateway
  readonly requests: IncomingMessage[]
  answer: Handler
  readonly get: (
    path: string,
    headers?: Record<string, string>,
    options?: FetchOptions,
  ) => ReturnType<TestGateway['fetch']>
  readonly close: () => Promise<void>
}

const open: Setting[] = []
afterEach(async () => {
  for (const setting of open.splice(0)) await setting.close()
})

async function start(answer: Handler, config: object = {}, more: object = {}, plugins: object = {}): Promise<Setting> {
  const requests: IncomingMessage[] = []
  const setting = { answer } as { -readonly [K in keyof Setting]: Setting[K] }
  const server: Server = createServer((request, response) => {
    requests.push(request)
    request.resume()
    setting.answer(request, response, requests.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const gateway = await startGateway({
    ...more,
    routes: [
      {
        id: '1',
        uri: '/*',
        upstream: { nodes: { [`127.0.0.1:${port}`]: 1 }, retries: 0 },
        plugins: { 'proxy-cache': config, ...plugins },
      },
    ],
  })
  Object.assign(setting, {
    gateway,
    requests,
    get: (path: string, headers: Record<string, string> = {}, options: FetchOptions = {}) =>
      gateway.fetch(path, { headers, ...options }),
    close: async () => {
      await gateway.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
  open.push(setting)
  return setting
}

const fresh =
  (fields: Record<string, string> = {}, status = 200): Handler =>
  (request, response, number) => {
    response.writeHead(status, { 'cache-control': 'max-age=60', ...fields })
    response.end(request.method === 'HEAD' ? '' : `answer ${number} to ${request.url}`)
  }

/** Stored in the background: asked until it is there. */
async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !(await check()); tries++) {
    if (tries > 2_000) throw new Error('it did not come about')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it('answers from the cache, with Age and Cache-Status', async () => {
  const { get, requests } = await start(fresh())
  const first = await get('/a')
  const second = await get('/a')
  expect(first.headers['cache-status']).toBe('sekisho; fwd=uri-miss; stored')
  expect(second.body).toBe('answer 1 to /a')
  expect(second.headers['cache-status']).toMatch(/^sekisho; hit; ttl=(59|60)$/)
  expect(second.headers['age']).toMatch(/^[01]$/)
  expect((await get('/b')).body).toBe('answer 2 to /b')
  expect(requests).toHaveLength(2)
})

it('keeps hosts apart, also where the key does not name them', async () => {
  const { get } = await start(fresh(), { cache_key: ['$uri'] })
  await get('/a', {}, { host: 'one.test' })
  expect((await get('/a', {}, { host: 'two.test' })).body).toBe('answer 2 to /a')
  expect((await get('/a', {}, { host: 'ONE.test' })).body).toBe('answer 1 to /a')
})

it('does not store what says nothing, and does with cache_ttl', async () => {
  const plain: Handler = (_, response, number) => response.end(`${number}`)
  const without = await start(plain)
  await without.get('/a')
  expect((await without.get('/a')).body).toBe('2')
  const ttl = await start(plain, { cache_ttl: 60 })
  await ttl.get('/a')
  expect((await ttl.get('/a')).body).toBe('1')
})

it('serves HEAD, conditions and ranges from a stored GET', async () => {
  const { get, requests } = await start(fresh({ etag: '"v1"' }))
  await get('/a')
  const head = await get('/a', {}, { method: 'HEAD' })
  expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '14', ''])
  const same = await get('/a', { 'if-none-match': 'W/"v1"' })
  expect([same.status, same.body, same.headers['etag']]).toEqual([304, '', '"v1"'])
  const part = await get('/a', { range: 'bytes=0-5' })
  expect([part.status, part.body, part.headers['content-range']]).toEqual([206, 'answer', 'bytes 0-5/14'])
  expect((await get('/a', { range: 'bytes=99-' })).status).toBe(416)
  expect((await get('/a', { range: 'bytes=0-5', 'if-range': '"v0"' })).status).toBe(200)
  expect(requests).toHaveLength(1)
})

it('asks again when the client wants it, and answers 504 when it wants nothing but the cache', async () => {
  const { get } = await start(fresh({ etag: '"v"' }))
  expect((await get('/a', { 'cache-control': 'only-if-cached' })).status).toBe(504)
  await get('/a')
  expect((await get('/a', { 'cache-control': 'no-cache' })).body).toBe('answer 2 to /a')
  expect((await get('/a', { pragma: 'no-cache' })).body).toBe('answer 3 to /a')
  expect((await get('/a', { 'cache-control': 'max-age=0' })).body).not.toBe('answer 3 to /a')
  expect((await get('/a', { 'cache-control': 'min-fresh=120' })).body).toBe('answer 5 to /a')
})

it('validates what is stale, and takes the new head', async () => {
  const setting = await start((request, response, number) => {
    if (request.headers['if-none-match'] === '"v"') {
      response.writeHead(304, { etag: '"v"', 'cache-control': 'max-age=60', 'x-number': String(number) })
      response.end()
      return
    }
    response.writeHead(200, { etag: '"v"', 'cache-control': 'max-age=0', 'x-number': String(number) })
    response.end('body')
  })
  await setting.get('/a')
  const second = await setting.get('/a')
  expect([second.status, second.body, second.headers['x-number']]).toEqual([200, 'body', '2'])
  expect(second.headers['cache-status']).toContain('fwd-status=304')
  await until(async () => (await setting.get('/a')).headers['cache-status']?.includes('hit') === true)
  expect((await setting.get('/a')).headers['x-number']).toBe('2')
})

it('keeps variants apart', async () => {
  const { get, requests } = await start((request, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=60', vary: 'Accept-Language' })
    response.end(String(request.headers['accept-language']))
  })
  for (let round = 0; round < 3; round++) {
    for (const language of ['de', 'fr', 'ja'])
      expect((await get('/a', { 'accept-language': language })).body).toBe(language)
  }
  expect(requests).toHaveLength(3)
})

it('uses what is stale while it is fetched anew, once', async () => {
  const { get, requests } = await start((_, response, number) => {
    response.writeHead(200, {
      'cache-control': `max-age=${number === 1 ? 0 : 60}, stale-while-revalidate=60`,
      etag: `"${number}"`,
    })
    response.end(`${number}`)
  })
  await get('/a')
  const stale = await get('/a')
  expect(stale.body).toBe('1')
  expect(stale.headers['cache-status']).toContain('updating')
  await until(async () => (await get('/a')).body === '2')
  expect(requests).toHaveLength(2)
  expect(requests[1].headers['if-none-match']).toBe('"1"')
})

it('uses what is stale when the upstream fails, unless it must not', async () => {
  for (const [more, expected] of [
    ['', 200],
    [', must-revalidate', 502],
  ] as const) {
    const setting = await start((_, response) => {
      response.writeHead(200, { 'cache-control': `max-age=0, stale-if-error=60${more}`, etag: '"a"' })
      response.end('good')
    })
    await setting.get('/a')
    setting.answer = (request) => request.socket.destroy()
    expect((await setting.get('/a')).status).toBe(expected)
    setting.answer = (_, response) => response.writeHead(503).end('bad')
    expect((await setting.get('/a')).body).toBe(expected === 200 ? 'good' : 'bad')
  }
})

it.each([
  ['no-store', { 'cache-control': 'no-store' }, {}],
  ['private', { 'cache-control': 'private, max-age=60' }, {}],
  ['Set-Cookie', { 'set-cookie': 'a=b' }, {}],
  ['Authorization', {}, { authorization: 'Bearer x' }],
  ['Vary: *', { vary: '*' }, {}],
])('does not store: %s', async (_, fields, request) => {
  const { get } = await start(fresh(fields as Record<string, string>))
  await get('/a', request as Record<string, string>)
  expect((await get('/a', request as Record<string, string>)).body).toBe('answer 2 to /a')
})

it('forgets what an unsafe request changed, and what it says it changed', async () => {
  const setting = await start(fresh())
  await setting.get('/a')
  await setting.get('/b?x=1')
  setting.answer = (_, response) => response.writeHead(201, { location: '/b?x=1' }).end()
  await setting.get('/a', {}, { method: 'POST', body: 'x' })
  setting.answer = fresh()
  expect((await setting.get('/a')).body).toBe('answer 4 to /a')
  expect((await setting.get('/b?x=1')).body).toBe('answer 5 to /b?x=1')
})

it('purges by resource in all variants, by tag, and for those alone who may', async () => {
  const { get } = await start(fresh({ vary: 'x-a', 'surrogate-key': 'one two' }), { purge_from: ['127.0.0.0/8'] })
  const [a, b] = [{ 'x-a': 'a' }, { 'x-a': 'b' }]
  await get('/1', a)
  await get('/1', b)
  await get('/2')
  expect((await get('/1', {}, { method: 'PURGE' })).status).toBe(200)
  expect((await get('/1', {}, { method: 'PURGE' })).status).toBe(404)
  expect((await get('/1', a)).body).toBe('answer 4 to /1')
  expect((await get('/1', b)).body).toBe('answer 5 to /1')
  expect((await get('/2')).body).toBe('answer 3 to /2')
  expect((await get('/any', { 'cache-tag': 'two' }, { method: 'PURGE' })).status).toBe(200)
  expect((await get('/2')).body).toBe('answer 6 to /2')
  const closed = await start(fresh(), { purge_from: [] })
  expect((await closed.get('/1', {}, { method: 'PURGE' })).status).toBe(403)
})

it('makes one request of many at a time', async () => {
  const waiting: ServerResponse[] = []
  const setting = await start((_, response) => waiting.push(response))
  const all = Array.from({ length: 50 }, () => setting.get('/a'))
  await until(() => setting.gateway.metrics.render().includes('sekisho_cache_collapsed_total{zone="memory_cache"} 49'))
  expect(waiting).toHaveLength(1)
  waiting[0].writeHead(200, { 'cache-control': 'max-age=60' }).end('one')
  expect(new Set((await Promise.all(all)).map(({ body }) => body))).toEqual(new Set(['one']))
  expect(setting.requests).toHaveLength(1)
})

it('lets all go on when the response is not for storing, and when the one that fetched is lost', async () => {
  const setting = await start((_, response, number) => {
    response.writeHead(200, { 'cache-control': 'no-store' })
    setImmediate(() => response.end(`${number}`))
  })
  const bodies = await Promise.all(Array.from({ length: 20 }, async () => (await setting.get('/a')).body))
  expect(new Set(bodies).size).toBe(20)

  const held: ServerResponse[] = []
  setting.answer = (_, response) => held.push(response)
  const leaver = connect(setting.gateway.port, '127.0.0.1')
  leaver.write('GET /b HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => held.length === 1)
  const follower = setting.get('/b', {}, { host: 'a' })
  await until(() => setting.gateway.metrics.render().includes('sekisho_cache_collapsed_total'))
  setting.answer = fresh()
  leaver.destroy()
  expect((await follower).status).toBe(200)
})

it('never gives out a part of a response that broke off', async () => {
  const setting = await start((_, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=60', 'content-length': '1000' })
    response.write('x'.repeat(500), () => response.destroy())
  })
  await expect(setting.get('/a')).rejects.toThrow()
  setting.answer = fresh()
  expect((await setting.get('/a')).body).toBe('answer 2 to /a')
})

it('gives large bodies back as they were, in parts too', async () => {
  const body = Buffer.alloc(1_000_001, 'large body ')
  const { get, requests } = await start((_, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=60' })
    response.end(body)
  })
  for (let round = 0; round < 3; round++) expect((await get('/a')).body).toBe(body.toString())
  const part = await get('/a', { range: 'bytes=65000-200000' })
  expect(part.body).toBe(body.subarray(65_000, 200_001).toString())
  expect(requests).toHaveLength(1)
})

it('has what is on disk after a restart, and not what was purged', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-proxy-cache-'))
  try {
    const more = { proxy_cache: { zones: [{ name: 'disk', disk_path: folder }] } }
    const config = { cache_zone: 'disk', cache_strategy: 'disk' }
    const large = 'large '.repeat(50_000)
    const answer: Handler = (request, response, number) => {
      response.writeHead(200, { 'cache-control': 'max-age=60' })
      response.end(request.url === '/large' ? large : `answer ${number}`)
    }
    const first = await start(answer, config, more)
    for (const path of ['/a', '/b', '/large']) await first.get(path, {}, { host: 'a' })
    await first.get('/b', {}, { host: 'a', method: 'PURGE' })
    open.splice(open.indexOf(first), 1)
    await first.close()
    const second = await start(answer, config, more)
    await until(
      async () => (await second.get('/a', { 'cache-control': 'only-if-cached' }, { host: 'a' })).body === 'answer 1',
    )
    expect((await second.get('/large', {}, { host: 'a' })).body).toBe(large)
    expect((await second.get('/b', {}, { host: 'a' })).headers['cache-status']).toContain('fwd=uri-miss')
  } finally {
    for (const setting of open.splice(0)) await setting.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

it('gives each consumer responses of its own', async () => {
  const { get } = await start(
    fresh({ 'cache-control': 'max-age=60' }),
    {},
    {
      consumers: [
        { username: 'one', plugins: { 'key-auth': { key: 'k1' } } },
        { username: 'two', plugins: { 'key-auth': { key: 'k2' } } },
      ],
    },
    { 'key-auth': {} },
  )
  expect((await get('/a', { apikey: 'k1' })).body).toBe('answer 1 to /a')
  expect((await get('/a', { apikey: 'k2' })).body).toBe('answer 2 to /a')
  expect((await get('/a', { apikey: 'k1' })).body).toBe('answer 1 to /a')
  expect((await get('/a')).status).toBe(401)
})

it('obeys bypass, no_cache, statuses, hidden headers and POST', async () => {
  const bypass = await start(fresh(), {
    cache_bypass: ['$arg_skip'],
    no_cache: ['$arg_drop'],
    hide_cache_headers: true,
  })
  await bypass.get('/a?drop=1')
  expect((await bypass.get('/a?drop=1')).body).toBe('answer 2 to /a?drop=1')
  await bypass.get('/a?skip=0')
  const hit = await bypass.get('/a?skip=0')
  expect([hit.body, hit.headers['cache-control']]).toEqual(['answer 3 to /a?skip=0', undefined])
  await bypass.get('/a?skip=1')
  expect((await bypass.get('/a?skip=1')).body).toBe('answer 5 to /a?skip=1')

  const statuses = await start(fresh({}, 404), { cache_http_status: [200] })
  await statuses.get('/a')
  expect((await statuses.get('/a')).body).toBe('answer 2 to /a')

  const post = await start(fresh(), { cache_method: ['GET', 'POST'] })
  const send = (body: string) => post.get('/a', {}, { method: 'POST', body })
  expect([(await send('x')).body, (await send('y')).body, (await send('x')).body]).toEqual([
    'answer 1 to /a',
    'answer 2 to /a',
    'answer 1 to /a',
  ])
})
