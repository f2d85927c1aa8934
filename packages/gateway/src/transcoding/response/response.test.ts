import { create, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { frameMessage } from '../../grpc/message-reader.ts'
import type { RoutedCall } from '../transcoder.ts'
import { LIBRARY_PROTO } from '../testing/library-proto.ts'
import { registryFrom } from '../testing/registry-from.ts'
import { Transcoder, type TranscoderOptions } from '../transcoder.ts'
import { canonicalStyle } from './json-style.ts'
import { streamFormat } from './response-transcoder.ts'
import type { CallStatus } from './status-json.ts'

let options: TranscoderOptions

beforeAll(async () => {
  options = { registry: await registryFrom(LIBRARY_PROTO) }
})

const OK: CallStatus = { code: 0, message: '', details: undefined }
const callOf = (transcoder: Transcoder, request: string): RoutedCall => {
  const [method, target] = request.split(' ')
  return transcoder.route(method, target) as RoutedCall
}

const bytesOf = (typeName: string, json: JsonValue): Uint8Array => {
  const desc = options.registry.getMessage(typeName)!
  return toBinary(desc, fromJson(desc, json, { registry: options.registry }))
}

/** The response to an upstream's answer. */
function answer(request: string, chunks: Uint8Array[], status: CallStatus = OK, more: Partial<TranscoderOptions> = {}) {
  const transcoder = new Transcoder({ ...options, ...more })
  const response = transcoder.unaryResponse(callOf(transcoder, request).binding, undefined)
  for (const chunk of chunks) response.push(chunk)
  const { bytes, ...head } = response.end(status)
  const body: unknown = head.contentType === 'application/json' ? JSON.parse(bytes.toString()) : bytes.toString()
  return { ...head, body }
}

const echo = (json: JsonValue, style: object = {}): unknown => {
  const full = { ...canonicalStyle(options.registry), ...style }
  return answer('POST /test.v1.Library/Echo', [frameMessage(bytesOf('test.v1.Everything', json))], OK, { style: full })
    .body
}

describe('canonical JSON', () => {
  test.each<[string, JsonValue]>([
    ['64-bit integers are text', { anInt64: '-9223372036854775808', aUint64: '18446744073709551615' }],
    ['what numbers are not', { aDouble: 'NaN', aFloat: '-Infinity' }],
    ['bytes are base64', { someBytes: '+/8=' }],
    ['enums by name', { color: 'RED', colors: ['BLUE', 'RED'] }],
    ['enums that are not known by number', { color: 7 }],
    ['maps', { counts: { a: '1', b: '2' }, innersById: { '1': { name: 'x' } } }],
    ['times', { time: '2026-01-02T03:04:05.006Z', duration: '1.500s', mask: 'anInt32,inner.name' }],
    ['any JSON', { struct: { a: [1, null, 'x', { b: true }] }, value: null, list: [1, 'a'] }],
    ['wrappers', { wrappedInt64: '5', wrappedBool: false, wrappedString: '', wrappedBytes: 'AA==' }],
    ['optional fields that are zero', { maybe: 0 }],
    ['a oneof', { number: 0 }],
    ['a name of its own', { otherName: 'x' }],
    ['an Any', { any: { '@type': 'type.googleapis.com/test.v1.Inner', name: 'x' } }],
    ['an Any of a well-known type', { any: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '3s' } }],
    ['a message without fields', { empty: {} }],
  ])('%s', (_, json) => expect(echo(json)).toEqual(json))

  test('zero is not written', () => expect(echo({ anInt32: 0, aString: '', numbers: [], aBool: false })).toEqual({}))
})

describe('other styles', () => {
  test('enums as numbers', () =>
    expect(echo({ color: 'RED', colors: ['BLUE'] }, { enumAsNumber: true })).toEqual({ color: 1, colors: [2] }))

  test('names as in the .proto', () =>
    expect(echo({ aString: 'x', otherName: 'y' }, { protoFieldNames: true })).toEqual({ a_string: 'x', renamed: 'y' }))

  test('defaults', () => {
    const all = echo({}, { withDefaults: true }) as Record<string, unknown>
    expect(all).toMatchObject({
      anInt32: 0,
      anInt64: '0',
      aString: '',
      color: 'COLOR_UNSPECIFIED',
      numbers: [],
      counts: {},
    })
    expect(Object.keys(all)).not.toContain('maybe')
    expect(Object.keys(all)).not.toContain('inner')
  })

  const integers = {
    anInt64: '-255',
    aUint64: '18446744073709551615',
    counts: { a: '3' },
    inner: { big: '4' },
    inners: [{ big: '5' }],
    innersById: { '1': { big: '6' } },
    wrappedInt64: '7',
    struct: { anInt64: '8' },
  }

  test('64-bit integers as numbers, where numbers can hold them', () =>
    expect(echo(integers, { int64: 'number' })).toEqual({
      anInt64: -255,
      aUint64: '18446744073709551615',
      counts: { a: 3 },
      inner: { big: 4 },
      inners: [{ big: 5 }],
      innersById: { '1': { big: 6 } },
      wrappedInt64: '7',
      struct: { anInt64: '8' },
    }))

  test('64-bit integers in hexadecimal', () =>
    expect(echo(integers, { int64: 'hexstring' })).toMatchObject({ anInt64: '-0xff', aUint64: '0xffffffffffffffff' }))
})

describe('response_body', () => {
  const book = (json: JsonValue): Uint8Array[] => [frameMessage(bytesOf('test.v1.Book', json))]

  test('is the field alone', () => {
    expect(answer('GET /v1/books/x', book({ name: 'b', author: { name: 'a' } })).body).toEqual({ name: 'a' })
    expect(answer('GET /v1/pages/x', book({ pages: 3 })).body).toBe(3)
    expect(answer('GET /v1/tags/x', book({ tags: ['a'] })).body).toEqual(['a'])
  })

  test('of a field that is not set is its default', () => {
    expect(answer('GET /v1/books/x', book({})).body).toBeNull()
    expect(answer('GET /v1/pages/x', book({})).body).toBe(0)
    expect(answer('GET /v1/tags/x', book({})).body).toEqual([])
  })
})

test('google.api.HttpBody is the body', () => {
  const data = Buffer.from('<x/>').toString('base64')
  const body = frameMessage(bytesOf('google.api.HttpBody', { contentType: 'text/xml', data }))
  expect(answer('POST /v1/files/a', [body])).toEqual({ httpStatus: 200, contentType: 'text/xml', body: '<x/>' })
})

describe('errors', () => {
  const status = (more: Partial<CallStatus>): CallStatus => ({
    code: 5,
    message: 'no such book',
    details: undefined,
    ...more,
  })
  const detailsOf = (...details: { typeUrl: string; value: Uint8Array }[]): string => {
    const desc = options.registry.getMessage('google.rpc.Status')!
    return Buffer.from(toBinary(desc, create(desc, { code: 5, message: 'x', details }))).toString('base64')
  }
  const inner = () => ({ typeUrl: 'type.googleapis.com/test.v1.Inner', value: bytesOf('test.v1.Inner', { name: 'i' }) })

  test('are google.rpc.Status', () =>
    expect(answer('GET /v1/books/x', [], status({}))).toEqual({
      httpStatus: 404,
      contentType: 'application/json',
      body: { code: 5, message: 'no such book', details: [] },
    }))

  test('details whose type is known are decoded, others keep their bytes', () => {
    const badRequest = {
      typeUrl: 'type.googleapis.com/google.rpc.BadRequest',
      value: bytesOf('google.rpc.BadRequest', { fieldViolations: [{ field: 'name', description: 'is empty' }] }),
    }
    const unknown = { typeUrl: 'type.googleapis.com/x.Unknown', value: new Uint8Array([1, 2]) }
    const details = detailsOf(inner(), badRequest, unknown).replace(/=+$/, '')
    expect(answer('GET /v1/books/x', [], status({ details })).body).toMatchObject({
      details: [
        { '@type': 'type.googleapis.com/test.v1.Inner', name: 'i' },
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [{ field: 'name', description: 'is empty' }],
        },
        { '@type': 'type.googleapis.com/x.Unknown', value: 'AQI=' },
      ],
    })
  })

  test('details that are none are left out', () => {
    for (const details of ['', 'AAAA', '!!!', 'x'.repeat(99)])
      expect(answer('GET /v1/books/x', [], status({ details })).body).toMatchObject({ details: [] })
  })

  test('as APISIX writes them', () => {
    const apisix = { apisixErrors: true, detailType: options.registry.getMessage('test.v1.Inner') }
    expect(answer('GET /v1/books/x', [], status({ details: detailsOf(inner()) }), apisix).body).toEqual({
      error: { code: 5, message: 'no such book', details: [{ name: 'i' }] },
    })
    expect(answer('GET /v1/books/x', [], status({}), apisix).body).toEqual({
      error: { code: 5, message: 'no such book' },
    })
  })

  test.each<[string, () => Uint8Array[], CallStatus | undefined, number, string]>([
    ['no message', () => [], OK, 502, 'the upstream sent no message'],
    [
      'two messages',
      () => [frameMessage(NONE), frameMessage(NONE)],
      OK,
      502,
      'the upstream sent more than one message',
    ],
    [
      'half a message',
      () => [frameMessage(Buffer.alloc(9)).subarray(0, 9)],
      OK,
      502,
      'the stream ended within a message',
    ],
    ['no status', () => [frameMessage(NONE)], undefined, 502, 'the upstream gave no grpc-status'],
  ])('%s', (_, chunks, given, httpStatus, message) => {
    const transcoder = new Transcoder(options)
    const response = transcoder.unaryResponse(callOf(transcoder, 'GET /v1/books/x').binding, undefined)
    for (const chunk of chunks()) response.push(chunk)
    const whole = response.end(given)
    expect(whole.httpStatus).toBe(httpStatus)
    expect(JSON.parse(whole.bytes.toString())).toMatchObject({ message })
  })

  test('a message that is not of its type', () => {
    const { body, httpStatus } = answer('GET /v1/books/x', [frameMessage(Buffer.from([0xff, 0xff]))])
    expect(httpStatus).toBe(502)
    expect(body).toMatchObject({
      code: 13,
      message: expect.stringMatching(/^the response cannot be written as JSON/) as string,
    })
  })

  test('a message above the limit', () => {
    const { body } = answer('GET /v1/books/x', [frameMessage(Buffer.alloc(100))], OK, { maxMessageBytes: 99 })
    expect(body).toMatchObject({ code: 8 })
  })
})

const NONE = new Uint8Array(0)

describe('a stream', () => {
  const run = (accept: string, status: CallStatus | undefined, chunks: Uint8Array[]) => {
    const transcoder = new Transcoder(options)
    const { binding } = callOf(transcoder, 'GET /v1/books')
    const format = streamFormat(binding, accept)
    const response = transcoder.streamResponse(binding, undefined, format)
    return { format, out: [...chunks.map((chunk) => response.push(chunk)), response.end(status)].map(String) }
  }
  const books = () => [1, 2, 3].map((pages) => frameMessage(bytesOf('test.v1.Book', { pages })))

  test('leaves in lines, as it arrives', () => {
    const [one, two, three] = books()
    const chunks = [Buffer.concat([one, two, three.subarray(0, 3)]), three.subarray(3)]
    expect(run('*/*', OK, chunks)).toEqual({
      format: 'ndjson',
      out: ['{"pages":1}\n{"pages":2}\n', '{"pages":3}\n', ''],
    })
  })

  test('leaves as events for who accepts them', () => {
    const [one] = books()
    expect(run('text/event-stream', OK, [one])).toEqual({ format: 'sse', out: ['data: {"pages":1}\n\n', ''] })
  })

  test('ends in an error', () => {
    const [one] = books()
    const failed = { code: 14, message: 'gone', details: undefined }
    expect(run('', failed, [one]).out[1]).toBe('{"error":{"code":14,"message":"gone","details":[]}}\n')
    expect(run('text/event-stream', failed, [one]).out[1]).toBe(
      'event: error\ndata: {"code":14,"message":"gone","details":[]}\n\n',
    )
    expect(JSON.parse(run('', undefined, [one]).out[1])).toMatchObject({ error: { code: 2 } })
  })

  test('an error within is the last that leaves', () => {
    const [one, two] = books()
    const { out } = run('', OK, [Buffer.concat([one, frameMessage(Buffer.from([0xff])), two]), two])
    expect(out[0].split('\n')).toHaveLength(3)
    expect(out[0]).toMatch(/^\{"pages":1\}\n\{"error":\{"code":13/)
    expect(out.slice(1)).toEqual(['', ''])
  })

  test('of raw bytes leaves as it is, and breaks off', () => {
    const transcoder = new Transcoder(options)
    const { binding } = callOf(transcoder, 'GET /v1/downloads/x')
    expect(streamFormat(binding, 'text/event-stream')).toBe('raw')
    const response = transcoder.streamResponse(binding, undefined, 'raw')
    const part = frameMessage(bytesOf('google.api.HttpBody', { contentType: 'a/b', data: 'AQI=' }))
    expect(response.push(Buffer.concat([part, part]))).toEqual(Buffer.from([1, 2, 1, 2]))
    expect(() => response.end({ code: 14, message: 'gone', details: undefined })).toThrow('gone')
  })
})

test('any bytes of an upstream become a response', () => {
  const transcoder = new Transcoder(options)
  const { binding } = callOf(transcoder, 'POST /test.v1.Library/Echo')
  const message = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 80 }).map(frameMessage))
  fc.assert(
    fc.property(fc.array(message, { maxLength: 3 }), fc.integer({ min: -1, max: 20 }), (chunks, code) => {
      const unary = transcoder.unaryResponse(binding, 'gzip')
      for (const chunk of chunks) unary.push(chunk)
      const whole = unary.end(code < 0 ? undefined : { code, message: '', details: undefined })
      expect(whole.httpStatus).toBeGreaterThanOrEqual(200)
      JSON.parse(whole.bytes.toString())
    }),
    { seed: 20267, numRuns: 2_000 },
  )
})

test('what no rule is for', () => {
  const transcoder = new Transcoder(options)
  const response = (request: string) => {
    const routed = transcoder.route('POST', request)
    if (!('allowed' in routed)) throw new Error('routed')
    const { httpStatus, bytes } = transcoder.notRoutedResponse(routed)
    return [httpStatus, JSON.parse(bytes.toString())]
  }
  expect(response('/nothing')).toEqual([404, { code: 5, message: 'no method is bound to this path', details: [] }])
  expect(response('/v1/books')).toEqual([405, { code: 12, message: 'this path is bound to SEARCH, GET', details: [] }])
})
