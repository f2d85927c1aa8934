import { connect } from 'node:http2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decodeStatusMessage } from '../grpc/status-message.ts'
import { streamFormat } from './response/response-transcoder.ts'
import { LIBRARY_PROTO } from './testing/library-proto.ts'
import { type LibraryServer, startLibraryServer } from './testing/library-server.ts'
import { registryFrom } from './testing/registry-from.ts'
import { type RoutedCall, Transcoder } from './transcoder.ts'

let server: LibraryServer
let transcoder: Transcoder

beforeAll(async () => {
  server = await startLibraryServer(LIBRARY_PROTO)
  transcoder = new Transcoder({ registry: await registryFrom(LIBRARY_PROTO) })
})
afterAll(() => server.close())

/** What a client gets that calls the server through the transcoder. */
async function call(request: string, body: object | '' = ''): Promise<{ status: number; body: string }> {
  const [method, target] = request.split(' ')
  const routed = transcoder.route(method, target) as RoutedCall
  const bytes = Buffer.from(body === '' ? '' : JSON.stringify(body))
  const framed = transcoder.encodeRequest(routed, { contentType: 'application/json', bytes })
  if (!Buffer.isBuffer(framed)) throw new Error(framed.message)
  const { binding, grpcPath } = routed
  const many = binding.method.methodKind === 'server_streaming'
  const unary = many ? undefined : transcoder.unaryResponse(binding, undefined)
  const stream = many ? transcoder.streamResponse(binding, undefined, streamFormat(binding, '')) : undefined
  const session = connect(`http://127.0.0.1:${server.port}`)
  try {
    const exchange = session.request({
      ':method': 'POST',
      ':path': grpcPath,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    exchange.end(framed)
    const parts: Buffer[] = []
    let trailers: Record<string, unknown> = {}
    exchange.on('response', (headers) => (trailers = headers))
    exchange.on('trailers', (fields) => (trailers = fields))
    exchange.on('data', (chunk: Buffer) => {
      unary?.push(chunk)
      if (stream !== undefined) parts.push(stream.push(chunk))
    })
    await new Promise((resolve, reject) => exchange.on('close', resolve).on('error', reject))
    const status = {
      code: Number(trailers['grpc-status']),
      message: decodeStatusMessage((trailers['grpc-message'] as string | undefined) ?? ''),
      details: trailers['grpc-status-details-bin'] as string | undefined,
    }
    if (stream !== undefined) return { status: 200, body: Buffer.concat([...parts, stream.end(status)]).toString() }
    const whole = unary!.end(status)
    return { status: whole.httpStatus, body: whole.bytes.toString() }
  } finally {
    session.close()
  }
}

const everything = {
  anInt32: -5,
  anInt64: '9007199254740993',
  aUint64: '18446744073709551615',
  aDouble: 1.5,
  aBool: true,
  aString: '関所',
  someBytes: 'AAEC',
  color: 'BLUE',
  numbers: [1, 2, 3],
  colors: ['RED', 'BLUE'],
  counts: { a: '1' },
  innersById: { '7': { name: 'seven' } },
  inner: { name: 'x', inner: { name: 'y' }, tags: ['a', 'b'] },
  inners: [{ name: 'p' }, {}],
  time: '2026-01-02T03:04:05.006Z',
  duration: '-1.500s',
  mask: 'anInt32,inner.name',
  struct: { a: [1, null, { b: 'c' }] },
  value: 'text',
  list: [1, true],
  wrappedInt64: '-1',
  wrappedBool: true,
  wrappedString: 's',
  wrappedBytes: 'AA==',
  maybe: 0,
  number: 9,
  otherName: 'o',
  empty: {},
  words: ['', 'w'],
}

test('a message of everything comes back from grpc-js as it went', async () => {
  const { status, body } = await call('POST /test.v1.Library/Echo', everything)
  expect(JSON.parse(body)).toEqual(everything)
  expect(status).toBe(200)
})

test('path and query arrive', async () => {
  const { body } = await call('GET /v1/shelves/1/books/2?color=BLUE')
  expect(JSON.parse(body)).toEqual({ name: 'shelves/1/books/2', pages: 7, author: { name: 'BLUE' } })
})

test('a field as the body', async () => {
  const { body } = await call('PATCH /v1/shelves/s/books/b', { pages: 3, tags: ['t'] })
  expect(JSON.parse(body)).toEqual({ name: 'b', pages: 3, tags: ['t'] })
})

test('an error', async () => {
  const { status, body } = await call('GET /v1/books/error:5')
  expect(status).toBe(404)
  expect(JSON.parse(body)).toEqual({ code: 5, message: 'that is wrong: é', details: [] })
})

test('a stream of responses', async () => {
  const { body } = await call('GET /v1/books?name=n')
  expect(body).toBe('{"name":"n","pages":1}\n{"name":"n","pages":2}\n{"name":"n","pages":3}\n')
})

test('a stream of responses that ends in an error', async () => {
  const { body } = await call('GET /v1/books?full=true')
  const lines = body.trim().split('\n')
  expect(lines).toHaveLength(4)
  expect(JSON.parse(lines[3])).toEqual({ error: { code: 10, message: 'enough', details: [] } })
})

test('a stream of requests', async () => {
  const { body } = await call('POST /v1/shelves/s/books', [{}, { pages: 1 }, {}])
  expect(JSON.parse(body)).toEqual({ count: 3 })
})
