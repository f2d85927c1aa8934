import { createServer, type Server } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { compileProto } from '../transcoding/compile-proto.ts'
import { LIBRARY_PROTO } from '../transcoding/testing/library-proto.ts'
import { type LibraryServer, startLibraryServer } from '../transcoding/testing/library-server.ts'

let library: LibraryServer
let compressing: LibraryServer
let plain: Server
let gateway: TestGateway

const TYPES = { 'Content-Type': 'application/json' }
const plugin = (config: object): object => ({ plugins: { 'grpc-transcode': config } })

beforeAll(async () => {
  library = await startLibraryServer(LIBRARY_PROTO)
  compressing = await startLibraryServer(LIBRARY_PROTO, true)
  plain = createServer((_, response) => response.writeHead(503, { 'Content-Type': 'text/html' }).end('<p>down'))
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  const descriptors = await compileProto({ id: 'x', content: LIBRARY_PROTO })
  const get = { proto_id: 'library', service: 'test.v1.Library', method: 'Get' }
  gateway = await startGateway({
    protos: [
      { id: 'library', content: LIBRARY_PROTO },
      { id: 'set', content: (descriptors as { descriptors: string }).descriptors },
    ],
    upstreams: [
      { id: 'library', scheme: 'grpc', nodes: { [`127.0.0.1:${library.port}`]: 1 } },
      { id: 'compressing', scheme: 'grpc', nodes: { [`127.0.0.1:${compressing.port}`]: 1 } },
      { id: 'plain', nodes: { [`127.0.0.1:${(plain.address() as AddressInfo).port}`]: 1 } },
      { id: 'dead', scheme: 'grpc', nodes: { '127.0.0.1:1': 1 }, retries: 0 },
    ],
    routes: [
      { uri: '/v1/*', upstream_id: 'library', ...plugin({ proto_id: 'library' }) },
      { uri: '/test.v1.Library/*', upstream_id: 'library', ...plugin({ proto_id: 'set' }) },
      {
        uri: '/api/*',
        upstream_id: 'library',
        plugins: { 'grpc-transcode': { proto_id: 'library' }, 'proxy-rewrite': { regex_uri: ['^/api(/.*)', '$1'] } },
      },
      { uri: '/fixed', upstream_id: 'library', ...plugin(get) },
      {
        uri: '/apisix',
        upstream_id: 'library',
        ...plugin({
          ...get,
          show_status_in_body: true,
          pb_option: ['int64_as_string', 'enum_as_value'],
          field_names: 'proto',
          deadline: 5_000,
          ignore_unknown_fields: true,
        }),
      },
      { uri: '/small', upstream_id: 'library', ...plugin({ ...get, max_req_body_size: 10, max_resp_body_size: 10 }) },
      { uri: '/plain', upstream_id: 'plain', ...plugin(get) },
      { uri: '/compressed', upstream_id: 'compressing', ...plugin(get) },
      { uri: '/dead', upstream_id: 'dead', ...plugin(get) },
      {
        uri: '/reflected/*',
        upstream_id: 'library',
        plugins: { 'grpc-transcode': { reflection: true }, 'proxy-rewrite': { regex_uri: ['^/reflected(/.*)', '$1'] } },
      },
      { uri: '/reflected-dead', upstream_id: 'dead', ...plugin({ reflection: true }) },
      { uri: '/reflected-plain', upstream_id: 'plain', ...plugin({ reflection: true }) },
      { uri: '/reflected-wrong', upstream_id: 'library', ...plugin({ reflection: true, service: 'test.v1.Nothing' }) },
    ],
  })
})
afterAll(async () => {
  await gateway.close()
  library.close()
  compressing.close()
  plain.close()
})
beforeEach(() => void library.deadlines.splice(0))

describe('a call', () => {
  test('by its HTTP rule', async () => {
    const answer = await gateway.fetch('/v1/shelves/1/books/2?color=BLUE')
    expect(answer.status).toBe(200)
    expect(answer.json()).toEqual({ name: 'shelves/1/books/2', pages: 7, author: { name: 'BLUE' } })
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(answer.body.length),
    })
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('grpc'))).toEqual([])
    expect(answer.headers['trailer']).toBeUndefined()
  })

  test('with a body', async () => {
    const body = JSON.stringify({ pages: 3, tags: ['t'] })
    const answer = await gateway.fetch('/v1/shelves/s/books/b', { method: 'PATCH', headers: TYPES, body })
    expect(answer.json()).toEqual({ name: 'b', pages: 3, tags: ['t'] })
  })

  test('by the automatic rule, with types of a descriptor set', async () => {
    const body = JSON.stringify({ anInt64: '9007199254740993', time: '2026-01-02T03:04:05Z', counts: { a: 1 } })
    const answer = await gateway.fetch('/test.v1.Library/Echo', { method: 'POST', headers: TYPES, body })
    expect(answer.json()).toEqual({
      anInt64: '9007199254740993',
      time: '2026-01-02T03:04:05Z',
      counts: { a: '1' },
    })
  })

  test('with a large body both ways', async () => {
    const aString = 'x'.repeat(1_000_000)
    const body = JSON.stringify({ aString })
    const answer = await gateway.fetch('/test.v1.Library/Echo', { method: 'POST', headers: TYPES, body })
    expect(answer.body).toBe(body)
  })

  test('whose answer is compressed', async () => {
    const name = 'n'.repeat(5_000)
    expect((await gateway.fetch(`/compressed?name=${name}`)).json()).toMatchObject({ name, pages: 7 })
  })

  test('by the path that proxy-rewrite made', async () => {
    expect((await gateway.fetch('/api/v1/books/n?full=true')).json()).toBeInstanceOf(Object)
  })

  test('of the method that the configuration names', async () => {
    expect((await gateway.fetch('/fixed?name=n')).json()).toMatchObject({ name: 'n' })
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const answer = await gateway.fetch('/fixed', { method: 'POST', headers: form, body: 'name=a+b' })
    expect(answer.json()).toMatchObject({ name: 'a b' })
  })

  test('with a deadline', async () => {
    await gateway.fetch('/fixed')
    await gateway.fetch('/apisix')
    expect(library.deadlines[0]).toBe(Infinity)
    const left = Number(library.deadlines[1]) - Date.now()
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(5_000)
  })

  test('whose JSON is as APISIX writes it', async () => {
    const answer = await gateway.fetch('/apisix?name=n&color=BLUE&unknown=1')
    expect(answer.json()).toEqual({
      name: 'n',
      author: { name: 'BLUE', inner: undefined, tags: [], big: '0' },
      pages: 7,
      tags: [],
    })
  })
})

describe('streams', () => {
  test('leave in lines', async () => {
    const answer = await gateway.fetch('/v1/books?name=n')
    expect(answer.headers['content-type']).toBe('application/x-ndjson')
    expect(answer.body).toBe('{"name":"n","pages":1}\n{"name":"n","pages":2}\n{"name":"n","pages":3}\n')
  })

  test('leave as events', async () => {
    const answer = await gateway.fetch('/v1/books', { headers: { Accept: 'text/event-stream' } })
    expect(answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    expect(answer.body).toBe('data: {"pages":1}\n\ndata: {"pages":2}\n\ndata: {"pages":3}\n\n')
  })

  test('end in an error', async () => {
    const lines = (await gateway.fetch('/v1/books?full=true')).body.trim().split('\n')
    expect(lines).toHaveLength(4)
    expect(JSON.parse(lines[3])).toEqual({ error: { code: 10, message: 'enough', details: [] } })
  })

  test('of requests', async () => {
    const answer = await gateway.fetch('/v1/shelves/s/books', { method: 'POST', headers: TYPES, body: '[{},{},{}]' })
    expect(answer.json()).toEqual({ count: 3 })
  })
})

test('clients of HTTP/2 get the same', async () => {
  const session = connect(`http://127.0.0.1:${gateway.port}`)
  const get = async (path: string) => {
    const stream = session.request({ ':path': path })
    let head: Record<string, unknown> = {}
    let trailers = false
    stream.on('response', (headers) => (head = headers))
    stream.on('trailers', () => (trailers = true))
    const body = await text(stream)
    return { status: head[':status'], type: head['content-type'], trailers, body }
  }
  try {
    expect(await get('/v1/books/n')).toEqual({
      status: 200,
      type: 'application/json',
      trailers: false,
      body: '{"name":"COLOR_UNSPECIFIED"}',
    })
    expect(await get('/v1/books/error:5')).toMatchObject({ status: 404, trailers: false })
    expect(await get('/v1/books?name=n')).toMatchObject({ status: 200, trailers: false, type: 'application/x-ndjson' })
    expect(await get('/dead')).toMatchObject({ status: 502, type: 'application/json' })
  } finally {
    session.close()
  }
})

describe('errors', () => {
  test.each([
    [3, 400],
    [5, 404],
    [7, 403],
    [14, 503],
    [16, 401],
  ])('of the service: %i is HTTP %i', async (code, status) => {
    const answer = await gateway.fetch(`/v1/books/error:${code}`)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toBe('application/json')
    expect(answer.json()).toEqual({ code, message: 'that is wrong: é', details: [] })
  })

  test('as APISIX writes them', async () => {
    expect((await gateway.fetch('/apisix?name=error:5')).json()).toEqual({
      error: { code: 5, message: 'that is wrong: é' },
    })
  })

  test.each([
    ['/v1/nothing', {}, 404, 5, undefined],
    ['/v1/books/n', { method: 'POST' }, 405, 12, 'GET, DELETE'],
    ['/v1/books/n?full=1', {}, 400, 3, undefined],
    ['/test.v1.Library/Echo', { method: 'POST', body: '{' }, 400, 3, undefined],
    [
      '/test.v1.Library/Echo',
      { method: 'POST', body: 'x', headers: { 'Content-Encoding': 'gzip' } },
      415,
      3,
      undefined,
    ],
    ['/small?name=nnnnnnnnnnnn', {}, 502, 8, undefined],
  ])('of the request: %s %j', async (path, options, status, code, allow) => {
    const answer = await gateway.fetch(path, options)
    expect(answer.status).toBe(status)
    expect(answer.json()).toMatchObject({ code })
    expect(answer.headers['allow']).toBe(allow)
  })

  test('a body above the limit', async () => {
    expect((await gateway.fetch('/small', { method: 'POST', body: '{"name": "12345"}' })).status).toBe(413)
  })

  test('an answer that is not gRPC passes', async () => {
    const answer = await gateway.fetch('/plain?name=n')
    expect(answer.status).toBe(503)
    expect(answer.body).toBe('<p>down')
  })

  test('an upstream that is down', async () => {
    expect((await gateway.fetch('/dead?name=n')).status).toBe(502)
  })
})

describe('by reflection', () => {
  test('the upstream tells its types', async () => {
    const everything = {
      anInt64: '1',
      aString: 'x',
      counts: { a: '2' },
      innersById: { '1': { tags: ['t'] } },
      time: '2026-01-02T03:04:05Z',
      maybe: 0,
      number: 7,
      struct: { a: [1, null] },
      wrappedInt64: '3',
    }
    const body = JSON.stringify(everything)
    const options = { method: 'POST', headers: TYPES, body }
    const answers = await Promise.all([1, 2].map(() => gateway.fetch('/reflected/test.v1.Library/Echo', options)))
    for (const answer of answers) expect(answer.json()).toEqual(everything)
    expect((await gateway.fetch('/reflected/test.v1.Library/Nothing', options)).status).toBe(404)
  })

  test.each([
    ['/reflected-dead', /ECONNREFUSED/],
    ['/reflected-plain', /the types of the upstream are not known/],
    ['/reflected-wrong', /the types have no test\.v1\.Nothing/],
  ])('%s tells none', async (path, reason) => {
    const answer = await gateway.fetch(path)
    expect(answer.status).toBe(503)
    expect(answer.json()).toMatchObject({ code: 14, message: expect.stringMatching(reason) as string })
  })
})

describe('the configuration', () => {
  const refused = async (config: object, content = LIBRARY_PROTO): Promise<string> => {
    const document = {
      protos: [{ id: 'library', content }],
      routes: [{ uri: '/', upstream_id: 'echo', ...plugin(config) }],
    }
    return startGateway(document).then(
      async (started) => {
        await started.close()
        return 'nothing'
      },
      (error: Error) => error.message,
    )
  }

  test.each([
    [{}, 'needs "proto_id" or "reflection"'],
    [{ reflection: false }, 'must be true'],
    [{ proto_id: 'librari' }, 'there is no proto with this id; did you mean "library"?'],
    [
      { proto_id: 'library', service: 'test.v1.Librari' },
      'there is no service of this name; did you mean "test.v1.Library"?',
    ],
    [
      { proto_id: 'library', service: 'test.v1.Library', method: 'Gat' },
      'there is no method in test.v1.Library of this name',
    ],
    [{ proto_id: 'library', method: 'Get' }, 'is there without "service"'],
    [{ proto_id: 'library', status_detail_type: 'X' }, 'there is no message of this name'],
    [
      { proto_id: 'library', pb_option: ['enum_as_name', 'enum_as_value'] },
      'has both "enum_as_name" and "enum_as_value"',
    ],
    [{ proto_id: 'library', pb_option: [] }, 'pb_option'],
    [{ proto_id: 'library', deadline: -1 }, 'deadline'],
    [{ proto_id: 'library', reflection: true }, 'has both "proto_id" and "reflection"'],
  ])('%j is refused', async (config, told) => expect(await refused(config)).toContain(told))

  test('HTTP rules that are wrong are refused where they are used', async () => {
    const wrong = LIBRARY_PROTO.replace('/v1/books/{name}" response_body', '/v1/books/{nobody}" response_body')
    expect(await refused({ proto_id: 'library' }, wrong)).toContain(
      'the HTTP rule of test.v1.Library.Get is wrong: the path "/v1/books/{nobody}" names a field that is not there',
    )
    expect(await refused({ proto_id: 'library', service: 'test.v1.Library', method: 'Get' }, wrong)).toBe('nothing')
  })

  test('two methods cannot share a path', async () => {
    const wrong = LIBRARY_PROTO.replace('delete = "/v1/books/{name}"', 'get = "/v1/books/{mask}"')
    expect(await refused({ proto_id: 'library' }, wrong)).toContain(
      'GET on this path calls test.v1.Library.Get already',
    )
  })
})

test('a proto that changes takes effect', async () => {
  const one = (path: string) => ({
    protos: [{ id: 'p', content: LIBRARY_PROTO.replace('/v1/{name=shelves/*/books/*}', path) }],
    upstreams: [{ id: 'library', scheme: 'grpc', nodes: { [`127.0.0.1:${library.port}`]: 1 } }],
    routes: [{ uri: '/*', upstream_id: 'library', ...plugin({ proto_id: 'p' }) }],
  })
  const changing = await startGateway(one('/old/{name}'))
  try {
    expect((await changing.fetch('/old/x')).status).toBe(200)
    await changing.update(one('/new/{name}'))
    expect((await changing.fetch('/old/x')).status).toBe(404)
    expect((await changing.fetch('/new/x')).json()).toMatchObject({ name: 'x' })
  } finally {
    await changing.close()
  }
})
