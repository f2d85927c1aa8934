import { describe, expect, it } from 'vitest'
import type { EventRequest } from './event-request.ts'
import { functionUrlEvent } from './function-url.ts'
import { http2Answer, http2Event, type Http2Context } from './http-2.0.ts'
import { MalformedAnswer } from './http-answer.ts'

const request: EventRequest = {
  method: 'POST',
  path: '/my/p%20ath',
  query: 'parameter1=value1&parameter1=value2&parameter2=a%20b',
  headers: [
    ['Header1', 'value1'],
    ['header1', 'value2'],
    ['Cookie', 'cookie1=a; cookie2=b'],
    ['Content-Type', 'application/json; charset=utf-8'],
    ['User-Agent', 'agent'],
  ],
  body: Buffer.from('{"a":"ż"}'),
  sourceIp: '192.0.2.1',
  protocol: 'HTTP/1.1',
  domainName: 'id.execute-api.us-east-1.amazonaws.com',
}
const context: Http2Context = {
  accountId: '123456789012',
  apiId: 'api-id',
  domainPrefix: 'id',
  requestId: 'JKJaXmPLvHcESHA=',
  routeKey: 'POST /my/{path}',
  stage: '$default',
  timeMs: 1_583_348_638_390,
  pathParameters: { path: 'p ath' },
  stageVariables: { stage: 'x' },
  authorizer: { jwt: { claims: { sub: 'a' }, scopes: null } },
}

describe('a payload 2.0 event', () => {
  it('has all parts', () => {
    expect(http2Event(request, context)).toEqual({
      version: '2.0',
      routeKey: 'POST /my/{path}',
      rawPath: '/my/p%20ath',
      rawQueryString: 'parameter1=value1&parameter1=value2&parameter2=a%20b',
      cookies: ['cookie1=a', 'cookie2=b'],
      headers: { header1: 'value1,value2', 'content-type': 'application/json; charset=utf-8', 'user-agent': 'agent' },
      queryStringParameters: { parameter1: 'value1,value2', parameter2: 'a b' },
      requestContext: {
        accountId: '123456789012',
        apiId: 'api-id',
        authorizer: { jwt: { claims: { sub: 'a' }, scopes: null } },
        domainName: 'id.execute-api.us-east-1.amazonaws.com',
        domainPrefix: 'id',
        http: {
          method: 'POST',
          path: '/my/p%20ath',
          protocol: 'HTTP/1.1',
          sourceIp: '192.0.2.1',
          userAgent: 'agent',
        },
        requestId: 'JKJaXmPLvHcESHA=',
        routeKey: 'POST /my/{path}',
        stage: '$default',
        time: '04/Mar/2020:19:03:58 +0000',
        timeEpoch: 1_583_348_638_390,
      },
      pathParameters: { path: 'p ath' },
      stageVariables: { stage: 'x' },
      body: '{"a":"ż"}',
      isBase64Encoded: false,
    })
  })

  it('leaves out what is not there', () => {
    const bare = { ...request, query: '', headers: [], body: Buffer.alloc(0) }
    const event = functionUrlEvent(bare, {
      accountId: 'anonymous',
      urlId: 'u',
      requestId: 'r',
      timeMs: 0,
      accessKey: undefined,
    })
    expect(Object.keys(event)).toEqual([
      'version',
      'routeKey',
      'rawPath',
      'rawQueryString',
      'headers',
      'requestContext',
      'isBase64Encoded',
    ])
  })

  it.each([
    ['text/plain', 'a', false],
    ['application/vnd.api+json', '{}', false],
    ['image/svg+xml', '<svg/>', false],
    ['application/x-www-form-urlencoded', 'a=b', true],
    ['multipart/form-data; boundary=x', '--x', true],
    ['application/octet-stream', 'a', true],
    ['', 'a', true],
    ['text/plain', Buffer.from([0xff, 0xfe]), true],
  ])('%s with %j: base64 %s', (type, body, base64) => {
    const event = http2Event({ ...request, headers: [['content-type', type]], body: Buffer.from(body) }, context)
    expect(event).toMatchObject({
      isBase64Encoded: base64,
      body: Buffer.from(body).toString(base64 ? 'base64' : 'utf8'),
    })
  })

  it('keeps what looks like a property of all objects', () => {
    const odd = { ...request, headers: [['constructor', 'a'] as const], query: 'toString=b&toString=c' }
    expect(http2Event(odd, context)).toMatchObject({
      headers: { constructor: 'a' },
      queryStringParameters: { toString: 'b,c' },
    })
  })
})

describe('a payload 2.0 answer', () => {
  const JSON_TYPE = ['Content-Type', 'application/json']
  it.each<[string, unknown, number, readonly (readonly string[])[], string]>([
    [
      'all parts',
      { statusCode: 201, headers: { 'X-A': 'b', 'X-N': 1, 'X-B': true }, cookies: ['a=1', 'b=2'], body: 'ż' },
      201,
      [['X-A', 'b'], ['X-N', '1'], ['X-B', 'true'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2'], JSON_TYPE],
      'ż',
    ],
    [
      'a type of its own',
      { statusCode: 200, headers: { 'content-type': 'text/html' }, body: '<p>' },
      200,
      [['content-type', 'text/html']],
      '<p>',
    ],
    ['base64', { statusCode: 200, body: 'xbw=', isBase64Encoded: true }, 200, [JSON_TYPE], 'ż'],
    ['a status as text', { statusCode: '404' }, 404, [JSON_TYPE], ''],
    ['nulls', { statusCode: 200, headers: null, body: null, cookies: null }, 200, [JSON_TYPE], ''],
    [
      'framing',
      { statusCode: 200, headers: { 'Content-Length': '5', 'Transfer-Encoding': 'chunked' }, body: 'a' },
      200,
      [JSON_TYPE],
      'a',
    ],
    ['an object without statusCode', { a: 1, body: 'x' }, 200, [JSON_TYPE], '{"a":1,"body":"x"}'],
    ['a text', 'hello', 200, [JSON_TYPE], 'hello'],
    ['a number', 5, 200, [JSON_TYPE], '5'],
    ['a list', [1, 2], 200, [JSON_TYPE], '[1,2]'],
    ['nothing', null, 200, [JSON_TYPE], ''],
  ])('of %s', (_, value, status, headers, body) => {
    const answer = http2Answer(Buffer.from(JSON.stringify(value)))
    expect(answer).toMatchObject({ status, headers })
    expect((answer as { body: Buffer }).body.toString()).toBe(body)
  })

  it.each<[string, string]>([
    ['{"statusCode":"abc"}', '"abc" is no status'],
    ['{"statusCode":null}', 'null is no status'],
    ['{"statusCode":99}', '99 is no status'],
    ['{"statusCode":200.5}', '200.5 is no status'],
    ['{"statusCode":200,"headers":[]}', 'headers is no object'],
    ['{"statusCode":200,"headers":{"a":{}}}', 'the value of header a is no text'],
    ['{"statusCode":200,"headers":{"a b":"c"}}', '"a b" is no name of a header'],
    ['{"statusCode":200,"headers":{"a":"b\\r\\nc: d"}}', 'the value of header a has a control character'],
    ['{"statusCode":200,"cookies":"a"}', 'cookies is no list'],
    ['{"statusCode":200,"cookies":["a\\nb"]}', 'the value of header Set-Cookie has a control character'],
    ['{"statusCode":200,"body":{}}', 'body is no text'],
    ['<html>', 'the answer is no JSON'],
  ])('is malformed: %s', (payload, problem) => {
    expect(http2Answer(Buffer.from(payload))).toEqual(new MalformedAnswer(problem))
  })
})
