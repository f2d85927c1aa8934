import { fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf'
import { beforeAll, describe, expect, test } from 'vitest'
import { MessageReader } from '../../grpc/message-reader.ts'
import { LIBRARY_PROTO } from '../testing/library-proto.ts'
import { registryFrom } from '../testing/registry-from.ts'
import { Transcoder, type TranscoderOptions } from '../transcoder.ts'

let options: TranscoderOptions

beforeAll(async () => {
  options = { registry: await registryFrom(LIBRARY_PROTO) }
})

interface Sent {
  readonly grpcPath: string
  readonly messages: JsonValue[]
}

/** What the upstream would get, its messages as canonical JSON; or what the client is told. */
function send(
  request: string,
  body: string | object = '',
  more: Partial<TranscoderOptions> = {},
  type = 'application/json',
): Sent | string {
  const transcoder = new Transcoder({ ...options, ...more })
  const [method, target] = request.split(' ')
  const call = transcoder.route(method, target)
  if ('allowed' in call) return `not routed: ${call.allowed.join()}`
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const framed = transcoder.encodeRequest(call, { contentType: type, bytes })
  if (!Buffer.isBuffer(framed)) {
    expect(framed.status).toBe(3)
    return framed.message
  }
  const reader = new MessageReader()
  const messages: JsonValue[] = []
  reader.push(framed)
  const { input } = call.binding.method
  for (let message = reader.next(); message !== undefined; message = reader.next())
    messages.push(toJson(input, fromBinary(input, message), { registry: options.registry }))
  expect(reader.end()).toBeUndefined()
  return { grpcPath: call.grpcPath, messages }
}

/** The only message of a request. */
function message(request: string, body?: string | object, more?: Partial<TranscoderOptions>): JsonValue | string {
  const sent = send(request, body, more)
  if (typeof sent === 'string') return sent
  expect(sent.messages).toHaveLength(1)
  return sent.messages[0]
}

describe('which method is called', () => {
  test.each([
    ['GET /v1/shelves/1/books/2', 'Get'],
    ['GET /v1/books/2', 'Get'],
    ['DELETE /v1/books/2', 'Delete'],
    ['SEARCH /v1/books', 'Search'],
    ['PATCH /v1/shelves/1/books/2', 'Update'],
    ['POST /test.v1.Library/Echo', 'Echo'],
  ])('%s', (request, method) => {
    expect(send(request)).toMatchObject({ grpcPath: `/test.v1.Library/${method}` })
  })

  test.each([
    ['POST /v1/books/2', 'not routed: GET,DELETE'],
    ['GET /test.v1.Library/Echo', 'not routed: POST'],
    ['POST /test.v1.Library/Get', 'not routed: '],
    ['GET /nothing', 'not routed: '],
  ])('%s calls none', (request, told) => expect(send(request)).toBe(told))
})

describe('the path', () => {
  test.each([
    ['GET /v1/shelves/1/books/a%20b', { name: 'shelves/1/books/a b' }],
    ['GET /v1/shelves/1/books/a%2Fb', { name: 'shelves/1/books/a%2Fb' }],
    ['GET /v1/books/a%2Fb%20%C3%A9', { name: 'a/b é' }],
    ['GET /v1/any/x/y/z:copy', { name: 'x/y/z' }],
    ['GET /v1/any:copy', {}],
    ['GET /v1/books/x:copy', { name: 'x:copy' }],
    ['GET /v1/books/%ff', 'the path is not percent-encoded UTF-8 where it gives "name"'],
  ])('%s', (request, wanted) => expect(message(request)).toEqual(wanted))

  test('goes before the body', () => {
    expect(message('PATCH /v1/shelves/s/books/b', { name: 'other', pages: 3 })).toEqual({
      shelf: 's',
      book: { name: 'b', pages: 3 },
    })
    expect(message('PUT /v1/all/x', { parent: { inner: { name: 'other', tags: ['t'] }, name: 'n' } })).toEqual({
      parent: { name: 'n', inner: { name: 'x', tags: ['t'] } },
    })
    expect(message('PUT /v1/all/x', { parent: null })).toEqual({ parent: { inner: { name: 'x' } } })
    expect(message('PUT /v1/all/x', { parent: 7 })).toBe('"parent" is not an object')
    expect(message('PUT /v1/all/x', '[]')).toBe('the body is not an object')
  })
})

describe('the query', () => {
  test.each([
    ['color=BLUE', { color: 'BLUE' }],
    ['color=2', { color: 'BLUE' }],
    ['filter.name=a+b%2B&filter.inner.name=c', { filter: { name: 'a b+', inner: { name: 'c' } } }],
    ['pages=1&pages=2', { pages: [1, 2] }],
    ['filter.tags=a&filter.tags=b', { filter: { tags: ['a', 'b'] } }],
    ['full=true', { full: true }],
    ['flag=false', { flag: false }],
    ['mask=name,filter.name', { mask: 'name,filter.name' }],
    ['since=2026-01-02T03:04:05.678Z', { since: '2026-01-02T03:04:05.678Z' }],
    ['filter.big=9007199254740993', { filter: { big: '9007199254740993' } }],
    ['&&full=true&', { full: true }],
  ])('%s', (query, wanted) => expect(message(`GET /v1/books/n?${query}`)).toEqual({ name: 'n', ...wanted }))

  test.each([
    ['unknown=1', 'query parameter "unknown": test.v1.GetBook has no field "unknown"'],
    ['filter.x=1', 'query parameter "filter.x": test.v1.Inner has no field "x"'],
    ['full.x=1', 'query parameter "full.x": "full" is not a message that has fields'],
    ['filter=1', 'query parameter "filter" is not a value; name a field of it'],
    ['name=x', 'query parameter "name" is given by the path'],
    ['full=true&full=false', 'query parameter "full" is given twice'],
    ['full=%', 'the query is not percent-encoded UTF-8'],
    ['__proto__=1', 'query parameter "__proto__": test.v1.GetBook has no field "__proto__"'],
  ])('%s is refused', (query, told) => expect(message(`GET /v1/books/n?${query}`)).toBe(told))

  test.each(['full=1', 'pages=x', 'pages=', 'color=PINK', 'since=yesterday', 'flag=maybe'])(
    '%s is refused by its type',
    (query) => expect(message(`GET /v1/books/n?${query}`)).toMatch(/^cannot decode/),
  )

  test('of a request whose body is a field', () => {
    expect(message('PATCH /v1/shelves/s/books/b?mask=pages', { pages: 1 })).toMatchObject({ mask: 'pages' })
    expect(message('PATCH /v1/shelves/s/books/b?book.pages=2', {})).toBe(
      'query parameter "book.pages" is a part of the body',
    )
  })

  test('of a request whose body is the message', () => {
    expect(message('POST /test.v1.Library/Echo?aString=x', {})).toBe(
      'query parameter "aString": the body is the whole message, the query fills nothing',
    )
  })

  test('parameters that are for others', () => {
    expect(message('GET /v1/books/n?apikey=1', '', { ignoredParameters: new Set(['apikey']) })).toEqual({ name: 'n' })
    expect(message('GET /v1/books/n?any=1', '', { ignoreUnknown: true })).toEqual({ name: 'n' })
    expect(message('POST /test.v1.Library/Echo?x=1', {}, { ignoreUnknown: true })).toEqual({})
  })
})

describe('the body', () => {
  test.each([
    ['{"an_int32": 1, "aString": "x"}', { anInt32: 1, aString: 'x' }],
    ['', {}],
    ['{"unknown": 1}', expect.stringContaining('"unknown" is unknown')],
    ['{"anInt32": "x"}', expect.stringMatching(/^cannot decode field test\.v1\.Everything\.an_int32/)],
    ['{"text": "a", "number": 1}', expect.stringContaining('oneof')],
    ['[]', expect.stringMatching(/^cannot decode/)],
    ['{', expect.stringMatching(/^the body is not JSON: /)],
    ['{"a\u0000": 1}', expect.stringMatching(/^the body is not JSON: /)],
  ])('%s', (body, wanted) => expect(message('POST /test.v1.Library/Echo', body)).toEqual(wanted))

  test.each([
    ['9007199254740993', '9007199254740993'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['"9007199254740993"', '9007199254740993'],
    ['12345678901234567', '12345678901234567'],
  ])('64-bit integers are exact: %s', (written, exact) => {
    const body = `{"name": "9007199254740993 \\" 9007199254740993", "author": {"big": ${written}}}`
    expect(message('PATCH /v1/shelves/s/books/b', body)).toMatchObject({ book: { author: { big: exact } } })
    expect(message('PUT /v1/all/x', `{"book": ${body}}`)).toMatchObject({
      book: { name: '9007199254740993 " 9007199254740993', author: { big: exact } },
    })
  })

  test.each(['9223372036854775808', '1e30', '1.5'])('no 64-bit integer: %s', (written) => {
    expect(message('PATCH /v1/shelves/s/books/b', `{"author": {"big": ${written}}}`)).toMatch(/^cannot decode/)
  })

  test('where any JSON may stand, a number stays a number', () => {
    expect(message('POST /v1/raw', '{"a": 12345678901234567890}')).toEqual({ a: 12345678901234567000 })
  })

  test('deep nesting is refused', () => {
    expect(message('POST /test.v1.Library/Echo', `{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).toMatch(
      /recursion|stack/i,
    )
  })

  test('what is not JSON is refused', () => {
    expect(send('POST /test.v1.Library/Echo', '<x/>', {}, 'text/xml')).toBe('a body of type text/xml is not JSON')
    expect(send('POST /test.v1.Library/Echo', '{}', {}, 'application/vnd.x+json; charset=utf-8')).toMatchObject({
      messages: [{}],
    })
    expect(send('POST /test.v1.Library/Echo', '\ud800', {})).toMatch(/^the body is not/)
  })

  test('of a message that is a value in JSON', () => {
    expect(message('POST /v1/raw', '[1,"a",null]')).toEqual([1, 'a', null])
    expect(message('POST /v1/raw', '"text"')).toBe('text')
  })

  test('google.api.HttpBody takes it as it is', () => {
    const sent = send('POST /v1/files/a', '\u0001<x/>', {}, 'text/xml')
    expect(sent).toMatchObject({
      messages: [{ name: 'a', file: { contentType: 'text/xml', data: Buffer.from('\u0001<x/>').toString('base64') } }],
    })
  })

  test('unknown fields may be left out', () => {
    expect(message('POST /test.v1.Library/Echo', { x: 1, aBool: true }, { ignoreUnknown: true })).toEqual({
      aBool: true,
    })
  })
})

describe('a stream of messages', () => {
  test.each([
    ['[{"pages":1},{"pages":2}]', 'application/json'],
    ['{"pages":1}\n{"pages":2}\n', 'application/x-ndjson'],
    ['{"pages":1}\n\n{"pages":2}', 'application/json'],
  ])('%j', (body, type) => {
    const sent = send('POST /v1/shelves/s/books', body, {}, type) as Sent
    expect(sent.messages).toEqual([{ name: 's', pages: 1 }, { pages: 2 }])
  })

  test('none at all', () => {
    expect((send('POST /v1/shelves/s/books') as Sent).messages).toEqual([{ name: 's' }])
    expect((send('POST /test.v1.Library/Chat', '[]') as Sent).messages).toEqual([])
  })

  test('an error in one of them', () => {
    expect(send('POST /v1/shelves/s/books', '{"pages":1}\n{')).toMatch(/^the body is not JSON/)
    expect(send('POST /v1/shelves/s/books', '[{"pages":1},{"x":2}]')).toMatch(/"x" is unknown/)
  })
})

describe('a method that the configuration names', () => {
  const fixed = (name: string): Partial<TranscoderOptions> => ({
    method: options.registry.getService('test.v1.Library')?.method[name],
  })

  test('takes the query, a form or a body from any path', () => {
    expect(message('GET /any/path?name=x&filter.name=y', '', fixed('get'))).toEqual({
      name: 'x',
      filter: { name: 'y' },
    })
    expect(message('POST /any?name=ignored', { name: 'x' }, fixed('get'))).toEqual({ name: 'x' })
    const form = send('POST /any', 'name=a+b&full=true', fixed('get'), 'application/x-www-form-urlencoded')
    expect(form).toMatchObject({ messages: [{ name: 'a b', full: true }] })
  })
})

test('a field may have the name of something that every object has', async () => {
  const registry = await registryFrom(`
    syntax = "proto3";
    package race;
    import "google/api/annotations.proto";
    message Car { string constructor = 1; Driver toString = 2; }
    message Driver { string name = 1; }
    service Cars {
      rpc Find(Car) returns (Car) { option (google.api.http) = { get: "/cars" response_body: "constructor" }; }
    }`)
  const found = message('GET /cars?constructor=Lotus&toString.name=Jim', '', { registry })
  expect(found).toEqual({ constructor: 'Lotus', toString: { name: 'Jim' } })
})
