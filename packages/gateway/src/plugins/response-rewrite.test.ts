import { createServer, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { fetchFrom, startGateway, type Answer, type FetchOptions, type TestGateway } from '../testing/start-gateway.ts'

let gateway: TestGateway
let server: Server
/** How the upstream answers the next requests. */
let upstream: (response: ServerResponse) => void

beforeAll(async () => {
  gateway = await startGateway({})
  server = createServer((request, response) => {
    request.resume()
    upstream(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  await gateway.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const documentWith = (config: object): object => ({
  upstreams: [{ id: 'up', nodes: { [`127.0.0.1:${(server.address() as AddressInfo).port}`]: 1 } }],
  routes: [{ id: 'r', uri: '/*', upstream_id: 'up', plugins: { 'response-rewrite': config } }],
})

const TEXT = { 'content-type': 'text/plain', etag: '"1"', 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' }
const whole =
  (body: string | Uint8Array, headers: object = {}, status = 200) =>
  (response: ServerResponse) =>
    response.writeHead(status, { ...TEXT, ...headers, 'content-length': Buffer.byteLength(body) }).end(body)

/** Sends one piece after the other, each when the one before has left. */
const pieces =
  (chunks: readonly (string | Uint8Array)[], headers: object = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(200, { ...TEXT, ...headers })
    const next = (at: number): void => {
      if (at === chunks.length) response.end()
      else response.write(chunks[at], () => setImmediate(next, at + 1))
    }
    next(0)
  }

async function rewritten(config: object, answer: typeof upstream, options?: FetchOptions): Promise<Answer> {
  upstream = answer
  await gateway.update(documentWith(config))
  return gateway.fetch('/', options)
}

afterEach(() => vi.restoreAllMocks())

/** What is written to the error log from here to the end of the test. */
function errorLog(): () => string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  return () => write.mock.calls.map(([text]) => String(text)).join('')
}

/** Everything that a client which sends two requests on one connection receives. */
async function twice(method = 'GET', version = '1.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(gateway.port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (data) => (text += data.toString()))
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    const line = `${method} / HTTP/${version}\r\nHost: a\r\n`
    socket.write(`${line}Connection: keep-alive\r\n\r\n${line}Connection: close\r\n\r\n`)
  })
}

describe('status_code', () => {
  it('replaces the status and its phrase', async () => {
    expect(await rewritten({ status_code: 503 }, whole('old'))).toMatchObject({
      status: 503,
      body: 'old',
      headers: { etag: '"1"' },
    })
    expect(await twice()).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/)
  })

  it('applies to answers of the gateway itself', async () => {
    await gateway.update({
      routes: [
        {
          id: 'r',
          uri: '/*',
          plugins: { 'response-rewrite': { status_code: 418 }, mocking: { response_example: 'm' } },
        },
      ],
    })
    expect(await gateway.fetch('/')).toMatchObject({ status: 418, body: 'm' })
  })

  it.each([204, 304])('gives a %i from the upstream a length, so that nobody waits for a body', async (status) => {
    const answer = await rewritten({ status_code: 200 }, (response) => {
      response.writeHead(status, status === 304 ? { 'content-length': 100 } : {}).end()
    })
    expect(answer).toMatchObject({ status: 200, body: '', headers: { 'content-length': '0' } })
    expect((await twice()).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2)
  })

  it.each([204, 304])('drops the body for %i', async (status) => {
    expect(await rewritten({ status_code: status }, whole('old'))).toMatchObject({ status, body: '' })
    upstream = pieces(['a', 'b'])
    expect(await gateway.fetch('/')).toMatchObject({ status, body: '' })
  })
})

describe('body', () => {
  it.each([
    ['whole', whole('a longer old body')],
    ['in pieces', pieces(['old', 'body'])],
    ['empty', whole('')],
    ['compressed', whole(gzipSync('old'), { 'content-encoding': 'gzip' })],
    ['204', (response: ServerResponse) => response.writeHead(204).end()],
  ])('replaces a body that is %s', async (_, answer) => {
    const { status, body, headers } = await rewritten({ status_code: 200, body: 'new €' }, answer)
    expect({ status, body, length: headers['content-length'] }).toEqual({ status: 200, body: 'new €', length: '7' })
    for (const name of ['etag', 'last-modified', 'content-encoding', 'transfer-encoding'])
      expect(headers).not.toHaveProperty(name)
  })

  it('may be empty, or base64', async () => {
    expect(await rewritten({ body: '' }, whole('old'))).toMatchObject({ body: '', headers: { 'content-length': '0' } })
    const base64 = Buffer.from('héllo').toString('base64')
    expect(await rewritten({ body: base64, body_base64: true }, whole('old'))).toMatchObject({ body: 'héllo' })
  })

  it('leaves the connection in order, also for HEAD and HTTP/1.0', async () => {
    await rewritten({ body: 'new' }, pieces(['old', 'body']))
    expect((await twice()).match(/\r\n\r\nnew/g)).toHaveLength(2)
    const heads = await twice('HEAD')
    expect(heads.match(/content-length: 3\r\n/gi)).toHaveLength(2)
    expect(heads).not.toContain('new')
    expect((await twice('GET', '1.0')).match(/\r\n\r\nnew/g)).toHaveLength(2)
  })

  it('replaces what the gateway answers for an upstream that is not there', async () => {
    await gateway.update({
      upstreams: [{ id: 'dead', nodes: { '127.0.0.1:1': 1 } }],
      routes: [
        {
          id: 'r',
          uri: '/*',
          upstream_id: 'dead',
          plugins: {
            'response-rewrite': {
              vars: [['status', '>=', 500]],
              body: 'sorry',
              headers: { 'Content-Type': 'text/html' },
            },
          },
        },
      ],
    })
    expect(await gateway.fetch('/')).toMatchObject({
      status: 502,
      body: 'sorry',
      headers: { 'content-type': 'text/html' },
    })
  })
})

describe('headers', () => {
  it('are set in the older form; an empty text removes one', async () => {
    const { headers } = await rewritten(
      { headers: { 'X-Id': 3, 'X-On': 'on', ETag: '' } },
      whole('x', { 'x-on': 'off' }),
    )
    expect(headers).toMatchObject({ 'x-id': '3', 'x-on': 'on' })
    expect(headers).not.toHaveProperty('etag')
  })

  it('are added, then set, then removed', async () => {
    const config = {
      headers: {
        add: ['Set-Cookie: a=1; Path=/', 'X-Url:http://a:1/', 'X-B: added', 'X-C: added'],
        set: { 'X-B': 'set', 'x-n': 1 },
        remove: ['X-C', 'Last-Modified'],
      },
    }
    const { rawHeaders, headers } = await rewritten(
      config,
      whole('x', { 'set-cookie': 'own=1', 'x-b': 'own', 'x-c': 'own' }),
    )
    expect(rawHeaders.filter(([name]) => /cookie|^x-/i.test(name))).toEqual([
      ['set-cookie', 'own=1'],
      ['Set-Cookie', 'a=1; Path=/'],
      ['X-Url', 'http://a:1/'],
      ['X-B', 'set'],
      ['x-n', '1'],
    ])
    expect(headers).not.toHaveProperty('last-modified')
  })

  it('hold variables, of the response too', async () => {
    const config = { headers: { set: { 'X-V': '$request_method-${status}-$remote_addr', ETag: '$sent_http_etag+' } } }
    expect((await rewritten(config, whole('x', {}, 201))).headers).toMatchObject({
      'x-v': 'GET-201-127.0.0.1',
      etag: '"1"+',
    })
  })

  it('cannot be broken by what a client sends', async () => {
    upstream = whole('x')
    await gateway.update(documentWith({ headers: { set: { 'X-V': '$arg_v' }, add: ['X-W: <$uri>'] } }))
    const { status, headers } = await gateway.fetch('/%0D%0ASet-Cookie:%20a=b?v=%0D%0AX-Evil:%201%00')
    expect(status).toBe(200)
    expect(headers).toMatchObject({ 'x-v': '%0D%0AX-Evil: 1%00', 'x-w': '</%0D%0ASet-Cookie: a=b>' })
    expect(headers).not.toHaveProperty('x-evil')
    expect(headers).not.toHaveProperty('set-cookie')
  })

  it('survive the removal of the length', async () => {
    await rewritten({ headers: { remove: ['Content-Length'] } }, whole('abc'))
    expect((await twice()).match(/\r\n3\r\nabc\r\n0\r\n/g)).toHaveLength(2)
  })
})

describe('vars', () => {
  const config = { vars: [['status', '==', 200]], status_code: 201, body: 'new', headers: { 'X-New': '1' } }

  it('choose the responses that are changed', async () => {
    expect(await rewritten(config, whole('old'))).toMatchObject({ status: 201, body: 'new', headers: { 'x-new': '1' } })
    const other = await rewritten(config, whole('old', {}, 404))
    expect(other).toMatchObject({ status: 404, body: 'old', headers: { etag: '"1"' } })
    expect(other.headers).not.toHaveProperty('x-new')
  })

  it('are always true when they are empty', async () => {
    expect(await rewritten({ ...config, vars: [] }, whole('old', {}, 404))).toMatchObject({ status: 201, body: 'new' })
  })
})

describe('filters', () => {
  const filters = [
    { regex: 'l+', replace: '[$0]', scope: 'global' },
    { regex: 'HELLO|HE\\[', replace: 'J', options: 'ji' },
  ]

  it.each([
    ['whole', whole('hello world, hello')],
    ['in pieces', pieces(['hel', 'lo wor', 'ld, hello'])],
    [
      'gzip',
      pieces([gzipSync('hello world, hello').subarray(0, 5), gzipSync('hello world, hello').subarray(5)], {
        'content-encoding': 'gzip',
      }),
    ],
    ['deflate', whole(deflateSync('hello world, hello'), { 'content-encoding': 'deflate' })],
    ['br', whole(brotliCompressSync('hello world, hello'), { 'content-encoding': 'br' })],
  ])('substitute in a body that is %s', async (_, answer) => {
    const { body, headers } = await rewritten({ filters }, answer)
    expect(body).toBe('Jll]o wor[l]d, he[ll]o')
    for (const name of ['etag', 'last-modified', 'content-encoding', 'content-length'])
      expect(headers).not.toHaveProperty(name)
  })

  it('leave the connection in order', async () => {
    await rewritten({ filters }, pieces(['hel', 'lo']))
    expect((await twice()).match(/\r\nJll\]o\r\n0\r\n/g)).toHaveLength(2)
    expect(await twice('HEAD')).not.toContain('Jll')
    expect((await twice('GET', '1.0')).match(/\r\n\r\nJll\]o/g)).toHaveLength(1)
  })

  it('leave an empty body empty', async () => {
    expect(await rewritten({ filters: [{ regex: '$', replace: 'x' }] }, whole(''))).toMatchObject({
      status: 200,
      body: '',
    })
    expect(await rewritten({ filters }, (response) => response.writeHead(304, { etag: '"2"' }).end())).toMatchObject({
      status: 304,
    })
  })

  it('go as far as max_resp_body_size in a larger body', async () => {
    const config = { filters: [{ regex: 'a', replace: 'b', scope: 'global' }], max_resp_body_size: 4 }
    expect((await rewritten(config, whole('aaaa'))).body).toBe('bbbb')
    expect((await rewritten(config, whole('aaaaaa'))).body).toBe('bbbbaa')
    expect((await rewritten(config, pieces(['aa', 'aaa', 'aa']))).body).toBe('bbbbaaa')
  })

  it('leave what they cannot decompress', async () => {
    const zstd = { 'content-encoding': 'zstd' }
    expect(await rewritten({ filters }, whole('hello', zstd))).toMatchObject({
      body: 'hello',
      headers: { ...zstd, etag: '"1"' },
    })
    const large = gzipSync('hello')
    const config = { filters, max_resp_body_size: large.length - 1 }
    const answer = await rewritten(config, whole(large, { 'content-encoding': 'gzip' }))
    expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(large.length) })
  })

  it.each([
    ['a compressed body is damaged', pieces(['no gzip', 'no gzip'], { 'content-encoding': 'gzip' })],
    [
      'max_resp_body_size (1000 bytes) when it is decompressed',
      pieces([gzipSync(Buffer.alloc(2_000)).subarray(0, 9), gzipSync(Buffer.alloc(2_000)).subarray(9)], {
        'content-encoding': 'gzip',
      }),
    ],
    [
      'max_resp_body_size (1000 bytes) and cannot be filtered in part',
      pieces([Buffer.alloc(900), Buffer.alloc(900)], { 'content-encoding': 'gzip' }),
    ],
  ])('break off a compressed body that cannot be filtered, and say why: %s', async (reason, answer) => {
    const log = errorLog()
    await expect(rewritten({ filters, max_resp_body_size: 1_000 }, answer)).rejects.toThrow(/aborted|hang up/)
    expect(log()).toContain(reason)
    upstream = whole('hello')
    expect((await fetchFrom(gateway.port, '/')).body).toBe('Jll]o')
  })

  it('that fail before anything was sent give way to an error page, which they filter', async () => {
    const log = errorLog()
    const answer = await rewritten(
      { filters: [{ regex: '500', replace: 'five' }] },
      whole('no gzip', { 'content-encoding': 'gzip' }),
    )
    expect(answer.status).toBe(500)
    expect(answer.body).toContain('five Internal Server Error')
    expect(log()).toContain('a compressed body is damaged')
  })

  it('of two places are kept apart', async () => {
    upstream = pieces(['a', 'b'])
    const plugins = (regex: string, replace: string): object => ({
      'response-rewrite': { filters: [{ regex, replace }] },
    })
    await gateway.update({
      ...documentWith({ filters: [{ regex: 'ab', replace: 'xy' }] }),
      global_rules: [{ id: 'g', plugins: plugins('a', 'AA') }],
    })
    expect((await gateway.fetch('/')).body).toBe('AAb')
    await gateway.update({
      ...documentWith({ filters: [{ regex: 'Ab', replace: 'xy' }] }),
      global_rules: [{ id: 'g', plugins: plugins('a', 'AA') }],
    })
    expect((await gateway.fetch('/')).body).toBe('Axy')
  })
})

describe('a wrong configuration is refused', () => {
  it.each([
    [{ body: 'x', filters: [{ regex: 'a', replace: 'b' }] }, 'has both "body" and "filters"'],
    [{ status_code: 199 }, '/status_code'],
    [{ status_code: 599 }, '/status_code'],
    [{ body: 'not base64!', body_base64: true }, 'needs a "body" in base64'],
    [{ body: '', body_base64: true }, 'needs a "body" in base64'],
    [{ body_base64: true }, 'needs a "body" in base64'],
    [{ vars: [['status', '<>', 200]] }, '/vars/0'],
    [{ filters: [] }, '/filters'],
    [{ filters: [{ regex: '', replace: '' }] }, '/filters/0/regex'],
    [{ filters: [{ regex: 'a' }] }, '/filters/0'],
    [{ filters: [{ regex: 'a', replace: 'b', scope: 'all' }] }, '/filters/0/scope'],
    [
      {
        filters: [
          { regex: 'a', replace: 'b' },
          { regex: '(', replace: 'b' },
        ],
      },
      '/filters/1/regex',
    ],
    [{ filters: [{ regex: 'a', replace: '$x' }] }, '/filters/0/replace'],
    [{ filters: [{ regex: 'a', replace: 'b', options: 'z' }] }, '/filters/0/options'],
    [{ max_resp_body_size: 0 }, '/max_resp_body_size'],
    [{ headers: { 'X A': '1' } }, '"X A" is not a header name'],
    [{ headers: { set: { 'Content-Length': '5' } } }, 'Content-Length is settled by the gateway'],
    [{ headers: { add: ['Transfer-Encoding: chunked'] } }, 'Transfer-Encoding is settled by the gateway'],
    [{ headers: { add: ['no colon'] } }, 'must be a header with its value'],
    [{ headers: { add: ['X-A: a\nb'] } }, '/headers/add/0'],
    [{ headers: { set: { 'X-A': 'a\r\nX-B: b' } } }, 'has a control character'],
    [{ headers: { remove: ['X:A'] } }, '/headers/remove/0'],
  ])('%j', async (config, message) => {
    await expect(gateway.update(documentWith(config))).rejects.toThrow(message)
  })
})
