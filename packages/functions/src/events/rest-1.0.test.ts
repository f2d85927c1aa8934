/* eslint-disable typescript/no-explicit-any -- events and answers are looked into as a function would */
import { describe, expect, it } from 'vitest'
import type { EventRequest } from './event-request.ts'
import { MalformedAnswer } from './http-answer.ts'
import { MediaTypes } from './media-types.ts'
import { restAnswer, restEvent, type RestContext } from './rest-1.0.ts'

const request: EventRequest = {
  method: 'POST',
  path: '/a/7',
  query: 'q=1&q=%202&__proto__=x',
  headers: [
    ['X-A', '1'],
    ['x-a', '2'],
    ['Content-Length', '3'],
    ['Connection', 'close'],
    ['Content-Type', 'image/png'],
    ['User-Agent', 'agent'],
  ],
  body: Buffer.from([1, 2, 255]),
  sourceIp: '192.0.2.1',
  protocol: 'HTTP/1.1',
  domainName: 'api.example.com',
}
const context: RestContext = {
  accountId: '123456789012',
  apiId: 'api',
  domainPrefix: 'api',
  requestId: 'id',
  extendedRequestId: 'xid=',
  resource: '/a/{id}',
  resourceId: 'r',
  stage: 'prod',
  timeMs: 1_583_348_638_390,
  binaryTypes: new MediaTypes(['image/*']),
  pathParameters: { id: '7' },
}

describe('a payload 1.0 event', () => {
  it('has all parts', () => {
    const event = restEvent(request, context) as any
    expect(event).toMatchObject({
      resource: '/a/{id}',
      path: '/a/7',
      httpMethod: 'POST',
      headers: { 'X-A': '2', 'Content-Type': 'image/png', 'User-Agent': 'agent' },
      multiValueHeaders: { 'X-A': ['1', '2'], 'Content-Type': ['image/png'] },
      pathParameters: { id: '7' },
      stageVariables: null,
      body: 'AQL/',
      isBase64Encoded: true,
      requestContext: {
        path: '/prod/a/7',
        stage: 'prod',
        requestTime: '04/Mar/2020:19:03:58 +0000',
        requestTimeEpoch: 1_583_348_638_390,
        resourcePath: '/a/{id}',
        identity: { sourceIp: '192.0.2.1', userAgent: 'agent', user: null },
      },
    })
    expect(Object.keys(event.headers)).toEqual(['X-A', 'Content-Type', 'User-Agent'])
    expect(JSON.stringify(event.queryStringParameters)).toBe('{"q":" 2","__proto__":"x"}')
    expect(JSON.stringify(event.multiValueQueryStringParameters)).toBe('{"q":["1"," 2"],"__proto__":["x"]}')
  })

  it('has null where there is nothing', () => {
    const bare = { ...request, query: '', headers: [], body: Buffer.alloc(0) }
    expect(restEvent(bare, { ...context, pathParameters: undefined, stage: '$default' })).toMatchObject({
      headers: null,
      multiValueHeaders: null,
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      pathParameters: null,
      body: null,
      isBase64Encoded: false,
      requestContext: { path: '/a/7', identity: { userAgent: null } },
    })
  })

  it.each([
    [[], false],
    [['image/png'], true],
    [['image/*'], true],
    [['*/*'], true],
    [['text/*'], false],
  ])('is base64 for the types %j: %s', (types, base64) => {
    expect(restEvent(request, { ...context, binaryTypes: new MediaTypes(types) })).toMatchObject({
      isBase64Encoded: base64,
    })
  })
})

const NONE = { binaryTypes: new MediaTypes([]), accept: undefined }
const answer = (value: unknown, binary = NONE) => restAnswer(Buffer.from(JSON.stringify(value) ?? ''), binary)

describe('a payload 1.0 answer', () => {
  const JSON_TYPE = ['Content-Type', 'application/json']
  it.each<[string, unknown, number, unknown, string]>([
    [
      'all',
      { statusCode: 201, headers: { 'X-A': 'b', 'X-B': true, 'X-N': 5 }, body: 'ż' },
      201,
      [['X-A', 'b'], ['X-B', 'true'], ['X-N', '5'], JSON_TYPE],
      'ż',
    ],
    ['a status as text', { statusCode: '404' }, 404, [JSON_TYPE], ''],
    ['no status', {}, 200, [JSON_TYPE], ''],
    ['nulls', { statusCode: 200, headers: null, multiValueHeaders: null, body: null }, 200, [JSON_TYPE], ''],
    [
      'both kinds of headers',
      { multiValueHeaders: { 'x-a': ['1', '2'] }, headers: { 'X-A': '3', 'X-B': '4' } },
      200,
      [['x-a', '1'], ['x-a', '2'], ['x-a', '3'], ['X-B', '4'], JSON_TYPE],
      '',
    ],
    ['the same in both', { multiValueHeaders: { a: ['1'] }, headers: { A: '1' } }, 200, [['a', '1'], JSON_TYPE], ''],
    ['base64 that nobody asked for', { body: 'AQ==', isBase64Encoded: true }, 200, [JSON_TYPE], 'AQ=='],
  ])('of %s', (_, value, status, headers, body) => {
    const made = answer(value)
    expect(made).toMatchObject({ status, headers })
    expect((made as { body: Buffer }).body.toString()).toBe(body)
  })

  it.each([
    [['image/*'], 'image/png,*/*', true],
    [['image/*'], 'text/html, image/png', false],
    [['image/*'], undefined, false],
    [['*/*'], undefined, true],
  ])('is decoded for %j and Accept %s: %s', (types, accept, decoded) => {
    const made = answer({ body: 'AQL/', isBase64Encoded: true }, {
      binaryTypes: new MediaTypes(types),
      accept,
    } as never)
    expect((made as { body: Buffer }).body.length).toBe(decoded ? 3 : 4)
  })

  it.each([
    [{ statusCode: 200, cookies: [] }, '"cookies" is no key of an answer'],
    ['text', 'the answer is no object'],
    [null, 'the answer is no object'],
    [[], 'the answer is no object'],
    [undefined, 'the answer is no JSON'],
    [{ statusCode: null }, 'null is no status'],
    [{ statusCode: 200.5 }, '200.5 is no status'],
    [{ headers: [] }, 'headers is no object'],
    [{ multiValueHeaders: [] }, 'multiValueHeaders is no object'],
    [{ multiValueHeaders: { a: 'b' } }, 'multiValueHeaders.a is no list'],
    [{ multiValueHeaders: { a: [{}] } }, 'a value of header a is no text'],
    [{ headers: { 'a b': 'c' } }, '"a b" is no name of a header'],
    [{ headers: { a: 'b\r\nc: d' } }, 'the value of header a has a control character'],
    [{ body: {} }, 'body is no text'],
    [{ isBase64Encoded: 'true' }, 'isBase64Encoded is neither true nor false'],
  ])('is malformed: %j', (value, problem) => {
    expect(answer(value)).toEqual(new MalformedAnswer(problem))
  })
})
