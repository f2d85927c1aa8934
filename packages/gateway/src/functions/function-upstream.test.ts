/* eslint-disable typescript/no-explicit-any -- events and answers are looked into as a function would */
import { get as httpGet } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { FakeLambda, FakeRefusal, FakeStream, RawPayload } from './testing/fake-lambda.ts'

let lambda: FakeLambda
let gateway: TestGateway
let openGate: () => void = () => undefined
const gate = new Promise<void>((resolve) => (openGate = resolve))
let hang: () => void = () => undefined

beforeAll(async () => {
  lambda = await FakeLambda.start({
    hello: (event) => ({
      statusCode: 201,
      headers: { 'X-Own': 'a' },
      cookies: ['a=1', 'b=2'],
      body: JSON.stringify({ path: event.rawPath, body: event.body }),
    }),
    echo: (event) => ({ statusCode: 200, body: JSON.stringify(event) }),
    bare: () => 'hello',
    binary: () => ({ statusCode: 200, body: Buffer.from([0xff, 0, 1]).toString('base64'), isBase64Encoded: true }),
    empty: () => ({ statusCode: 204 }),
    fails: () => {
      throw new Error('secret')
    },
    malformed: () => new RawPayload('<html>'),
    large: () => ({ statusCode: 200, body: 'x'.repeat(3_000_000) }),
    throttled: () => new FakeRefusal(429),
    hangs: () => new Promise((resolve) => (hang = () => resolve({}))),
    streams: () =>
      new FakeStream(
        '{"statusCode":202,"headers":{"Content-Type":"text/plain"},"cookies":["a=1"]}\0\0\0\0\0\0',
        '\0\0one ',
        'two',
      ),
    'stream-fails': () => new FakeStream('{"statusCode":200}\0\0\0\0\0\0\0\0', 'one', new Error('x')),
    'stream-fails-late': () => new FakeStream('{"statusCode":200}\0\0\0\0\0\0\0\0one', gate, new Error('x')),
    'stream-fails-early': () => new FakeStream(new Error('x')),
    plain: () => new FakeStream('just ', 'text'),
  })
  const { endpoint } = lambda
  const of = (name: string, more: object = {}) => ({ function: name, endpoint, ...more })
  const route = (name: string, more: object = {}, upstream: object = {}) => ({
    id: name,
    uri: `/${name}/*`,
    upstream: of(name, upstream),
    ...more,
  })
  gateway = await startGateway({
    functions: { address: `127.0.0.1:${lambda.port}` },
    upstreams: [{ id: 'shared', type: 'function', ...of('hello:live') }],
    routes: [
      route('hello', { plugins: { cors: {}, 'response-rewrite': { headers: { set: { 'X-Added': 'b' } } } } }),
      { id: 'short', uri: '/short', upstream: 'function://hello:live' },
      { id: 'by-id', uri: '/by-id', upstream_id: 'shared' },
      ...[{ upstream: of('bare') }, { upstream_id: 'shared' }].map((entry, at) => ({
        id: `split-${at}`,
        uri: `/split/${at}`,
        upstream: of('echo'),
        plugins: { 'traffic-split': { rules: [{ weighted_upstreams: [entry] }] } },
      })),
      route('echo'),
      {
        id: 'rest',
        uri: '/rest/:id/*',
        upstream: of('echo', { payload: 'rest-1.0', stage: 'prod', stage_variables: { a: 'b' } }),
      },
      { id: 'alb', uri: '/alb', upstream: of('echo', { payload: 'alb' }) },
      { id: 'url', uri: '/url', upstream: of('echo', { payload: 'function-url' }) },
      route('bare'),
      route('binary'),
      route('empty'),
      ...['fails', 'malformed', 'throttled', 'missing'].flatMap((name) =>
        ['http-2.0', 'rest-1.0', 'alb', 'function-url'].map((payload) => ({
          id: `${payload}-${name}`,
          uri: `/${payload}/${name}`,
          upstream: of(name, { payload }),
        })),
      ),
      route('large'),
      route('hangs', {}, { timeout: { connect: 1, send: 1, read: 0.2 }, payload: 'rest-1.0' }),
      { id: 'away', uri: '/away', upstream: { function: 'hello', endpoint: 'http://127.0.0.1:1' } },
      { id: 'event', uri: '/event', upstream: of('hello', { invocation_type: 'Event' }) },
      ...['streams', 'stream-fails', 'stream-fails-late', 'stream-fails-early', 'plain', 'hello'].map((name) => ({
        id: `streamed-${name}`,
        uri: `/streamed/${name}`,
        upstream: of(name, { invocation_type: 'ResponseStream' }),
      })),
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await lambda.close()
})

describe('an upstream that is a function', () => {
  it('answers a route', async () => {
    const answer = await gateway.fetch('/hello/world?a=1', {
      method: 'POST',
      body: '{"x":1}',
      headers: { 'content-type': 'application/json', 'x-amzn-trace-id': 'Root=1-2-3' },
    })
    expect(answer.status).toBe(201)
    expect(answer.json()).toEqual({ path: '/hello/world', body: '{"x":1}' })
    expect(answer.headers).toMatchObject({
      'x-own': 'a',
      'set-cookie': 'a=1, b=2',
      'content-type': 'application/json',
      'content-length': '42',
      // What plugins do with responses they do with this one.
      'access-control-allow-origin': '*',
      'x-added': 'b',
    })
    expect(answer.headers['apigw-requestid']).toMatch(/^[0-9a-f-]{36}$/)
    const call = lambda.calls.at(-1)
    expect(call?.path).toBe('/2015-03-31/functions/hello/invocations')
    expect(call?.headers).toMatchObject({
      host: `127.0.0.1:${lambda.port}`,
      'content-type': 'application/json',
      'x-amzn-trace-id': 'Root=1-2-3',
    })
    expect(call?.headers).not.toHaveProperty('authorization')
    expect(call?.headers).not.toHaveProperty('x-forwarded-for')
  })

  it.each([
    ['/split/0', 200, 'hello'],
    ['/split/1', 201, '{"path":"/split/1"}'],
  ])('may be that of a rule of traffic-split: %s', async (path, status, body) => {
    const answer = await gateway.fetch(path)
    expect([answer.status, answer.body]).toEqual([status, body])
  })

  it.each(['/short', '/by-id'])('may be written otherwise: %s', async (path) => {
    expect((await gateway.fetch(path)).status).toBe(201)
    expect(lambda.calls.at(-1)?.path).toBe('/2015-03-31/functions/hello/invocations?Qualifier=live')
  })

  it('gets a payload 2.0 event', async () => {
    const event: any = (
      await gateway.fetch('/echo/a%20b?q=1&q=2', { host: 'Api.example.com:81', headers: { cookie: 'a=1; b=2' } })
    ).json()
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'ANY /echo/{proxy+}',
      rawPath: '/echo/a%20b',
      rawQueryString: 'q=1&q=2',
      cookies: ['a=1', 'b=2'],
      queryStringParameters: { q: '1,2' },
      pathParameters: { proxy: 'a b' },
      headers: { host: 'Api.example.com:81', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' },
      requestContext: {
        accountId: '000000000000',
        apiId: 'echo',
        domainName: 'api.example.com',
        domainPrefix: 'api',
        stage: '$default',
        http: { method: 'GET', path: '/echo/a%20b', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1' },
      },
      isBase64Encoded: false,
    })
  })

  it('gets a payload 1.0 event', async () => {
    const event: any = (await gateway.fetch('/rest/7/x/y?q=1&q=2')).json()
    expect(event).toMatchObject({
      resource: '/rest/{id}/{proxy+}',
      path: '/rest/7/x/y',
      httpMethod: 'GET',
      queryStringParameters: { q: '2' },
      multiValueQueryStringParameters: { q: ['1', '2'] },
      pathParameters: { id: '7', proxy: 'x/y' },
      stageVariables: { a: 'b' },
      requestContext: { path: '/prod/rest/7/x/y', stage: 'prod', resourcePath: '/rest/{id}/{proxy+}', apiId: 'rest' },
      body: null,
    })
  })

  it('gets the event of a load balancer or function URL', async () => {
    expect((await gateway.fetch('/alb?a=%20')).json()).toMatchObject({
      requestContext: { elb: {} },
      queryStringParameters: { a: '%20' },
      body: '',
    })
    expect((await gateway.fetch('/url')).json()).toMatchObject({ routeKey: '$default', version: '2.0' })
  })

  it('may answer with anything', async () => {
    expect((await gateway.fetch('/bare/')).body).toBe('hello')
    const empty = await gateway.fetch('/empty/')
    expect([empty.status, empty.body]).toEqual([204, ''])
    expect(empty.headers).not.toHaveProperty('content-length')
    const large = await gateway.fetch('/large/')
    expect([large.status, large.body.length]).toEqual([200, 3_000_000])
    expect((await gateway.fetch('/binary/')).headers['content-length']).toBe('3')
  })

  it('answers HEAD without a body', async () => {
    const head = await gateway.fetch('/hello/x', { method: 'HEAD' })
    expect([head.status, head.body, head.headers['content-length']]).toEqual([201, '', '19'])
    expect((await gateway.fetch('/bare/')).body).toBe('hello')
  })

  it.each([
    ['http-2.0', 'fails', 500, '{"message":"Internal Server Error"}'],
    ['http-2.0', 'malformed', 500, '{"message":"Internal Server Error"}'],
    ['http-2.0', 'throttled', 503, '{"message":"Service Unavailable"}'],
    ['http-2.0', 'missing', 500, '{"message":"Internal Server Error"}'],
    ['rest-1.0', 'fails', 502, '{"message":"Internal server error"}'],
    ['rest-1.0', 'malformed', 502, '{"message":"Internal server error"}'],
    ['rest-1.0', 'missing', 500, '{"message":"Internal server error"}'],
    ['alb', 'fails', 502, /502 Bad Gateway/],
    ['alb', 'throttled', 502, /502 Bad Gateway/],
    ['function-url', 'fails', 502, 'Internal Server Error'],
    ['function-url', 'throttled', 429, '{"message":"Rate Exceeded."}'],
  ])('%s: when it %s, the answer is %d', async (payload, name, status, body) => {
    const answer = await gateway.fetch(`/${payload}/${name}`)
    expect(answer.status).toBe(status)
    if (typeof body === 'string') expect(answer.body).toBe(body)
    else expect(answer.body).toMatch(body)
    expect(answer.body).not.toContain('secret')
  })

  it('may take too long, or be away', async () => {
    const slow = await gateway.fetch('/hangs/')
    expect([slow.status, slow.body]).toEqual([504, '{"message":"Endpoint request timed out"}'])
    hang()
    const away = await gateway.fetch('/away')
    expect([away.status, away.body]).toEqual([503, '{"message":"Service Unavailable"}'])
  })

  it('takes bodies up to a limit', async () => {
    const answer = await gateway.fetch('/hello/', { method: 'POST', body: 'x'.repeat(11_000_000) })
    expect([answer.status, answer.body]).toEqual([413, '{"message":"Request Entity Too Large"}'])
    const event = await gateway.fetch('/hello/', { method: 'POST', body: 'x'.repeat(6_000_000) })
    expect(event.status).toBe(413)
  })

  it('may be asked without waiting', async () => {
    const answer = await gateway.fetch('/event', { method: 'POST', body: 'x' })
    expect([answer.status, answer.body]).toEqual([202, ''])
    expect(lambda.calls.at(-1)?.headers['x-amz-invocation-type']).toBe('Event')
  })

  it('streams', async () => {
    const answer = await gateway.fetch('/streamed/streams')
    expect(answer).toMatchObject({ status: 202, body: 'one two' })
    expect(answer.headers).toMatchObject({ 'content-type': 'text/plain', 'set-cookie': 'a=1' })
    expect(lambda.calls.at(-1)?.path).toBe('/2021-11-15/functions/streams/response-streaming-invocations')
    expect(await gateway.fetch('/streamed/plain')).toMatchObject({ status: 200, body: 'just text' })
    // A handler that does not stream.
    expect(await gateway.fetch('/streamed/hello')).toMatchObject({ status: 201 })
    expect(await gateway.fetch('/streamed/stream-fails-early')).toMatchObject({ status: 500 })
    expect(await gateway.fetch('/streamed/stream-fails')).toMatchObject({ status: 500 })
  })

  it('passes a stream on as it comes, and cuts one that fails', async () => {
    const got = await new Promise<string>((resolve, reject) => {
      let text = ''
      const request = httpGet({ port: gateway.port, path: '/streamed/stream-fails-late', agent: false }, (response) => {
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString()
          openGate()
        })
        response.on('error', () => resolve(`${response.statusCode} ${text} cut`))
        response.on('end', () => resolve(`${response.statusCode} ${text} whole`))
      })
      request.on('error', reject)
    })
    expect(got).toBe('200 one cut')
  })
})
