import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import type { FunctionUrl } from '../catalog/function-catalog.ts'
import { FakeCatalog } from '../control-api/testing/fake-catalog.ts'
import { FakeEngine, result } from '../control-api/testing/fake-engine.ts'
import { startControlApi, type RunningControlApi } from '../control-api/testing/start-control-api.ts'
import { throttled } from '../model/service-error.ts'
import { signRequest } from '../signature/index.ts'
import { FunctionUrls, type FunctionUrlsOptions } from './function-urls.ts'
import { functionUrlAddress } from './url-path.ts'

const ID = 'abcdefghijklmnopqrstuvwxyz012345'
let api: RunningControlApi
let engine: FakeEngine
let catalog: FakeCatalog
const malformed: string[] = []
afterEach(() => api.close())

async function start(url: Partial<FunctionUrl> = {}, options: Partial<FunctionUrlsOptions> = {}): Promise<void> {
  engine = new FakeEngine()
  catalog = new FakeCatalog('echo')
  catalog.allowed.add('*')
  catalog.urls.push({
    id: ID,
    functionName: 'echo',
    qualifier: undefined,
    authType: 'NONE',
    invokeMode: 'BUFFERED',
    cors: undefined,
    ...url,
  })
  malformed.length = 0
  const urls = new FunctionUrls({
    catalog,
    engine,
    region: 'us-east-1',
    account: '000000000000',
    accessKeys: undefined,
    onMalformed: (_, problem) => malformed.push(problem),
    wall: () => 1_583_348_638_390,
    ...options,
  })
  api = await startControlApi({ catalog, engine, urls })
}
const answer = (value: unknown): void => {
  engine.onInvoke = (_, sink) => sink.onResult(result({ payload: Buffer.from(JSON.stringify(value)) }))
}
const eventOf = (at = 0): Record<string, unknown> =>
  JSON.parse(engine.invocations[at].payload.toString()) as Record<string, unknown>
const address = (): string => functionUrlAddress(api.endpoint, ID)

interface RawAnswer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A request with any Host, which fetch cannot send. */
const withHost = (host: string, path: string): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(api.endpoint)
    const sent = httpRequest({ host: '127.0.0.1', port, path, headers: { host }, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
    })
    sent.on('error', reject)
    sent.end()
  })

describe('a function URL', () => {
  it('calls the function with a payload 2.0 event', async () => {
    await start()
    answer({ statusCode: 201, headers: { 'X-A': 'b' }, cookies: ['a=1', 'b=2'], body: 'made' })
    const response = await fetch(`${address()}a%20b?c=d`, {
      method: 'POST',
      body: '{"e":1}',
      headers: { 'content-type': 'application/json', cookie: 'x=y', 'x-forwarded-for': '6.6.6.6' },
    })
    expect([response.status, response.headers.get('x-a'), await response.text()]).toEqual([201, 'b', 'made'])
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(response.headers.get('x-amzn-requestid')).toBe(engine.invocations[0].requestId)
    expect(eventOf()).toMatchObject({
      version: '2.0',
      routeKey: '$default',
      rawPath: '/a%20b',
      rawQueryString: 'c=d',
      cookies: ['x=y'],
      headers: { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' },
      requestContext: {
        accountId: 'anonymous',
        apiId: ID,
        domainPrefix: ID,
        http: { method: 'POST', path: '/a%20b', sourceIp: '127.0.0.1' },
        stage: '$default',
      },
      body: '{"e":1}',
      isBase64Encoded: false,
    })
  })

  it('is found by host, by id and by name', async () => {
    await start()
    answer('hello')
    const byHost = await withHost(`${ID}.lambda-url.us-east-1.on.aws`, '/2015-03-31/functions/x?a')
    expect([byHost.status, byHost.body]).toEqual([200, 'hello'])
    expect(eventOf()).toMatchObject({
      rawPath: '/2015-03-31/functions/x',
      requestContext: { domainName: `${ID}.lambda-url.us-east-1.on.aws` },
    })
    expect(await (await fetch(`${api.endpoint}/lambda-url/echo`)).text()).toBe('hello')
    expect(eventOf(1)).toMatchObject({ rawPath: '/' })
  })

  it.each(['/lambda-url/nobody/', '/lambda-url/', '/lambda-url/%zz/'])('is not there at %s', async (path) => {
    await start()
    const response = await fetch(api.endpoint + path)
    expect([response.status, response.headers.get('x-amzn-errortype'), await response.text()]).toEqual([
      403,
      'AccessDeniedException',
      '{"Message":null}',
    ])
    const byHost = await withHost('nobody.lambda-url.us-east-1.on.aws', '/')
    expect([byHost.status, byHost.body]).toEqual([403, '{"Message":null}'])
  })

  it.each<[string, () => void]>([
    [
      'an error of the function',
      () => {
        engine.onInvoke = (_, sink) => sink.onResult(result({ functionError: 'Unhandled' }))
      },
    ],
    ['an answer that is none', () => answer({ statusCode: 200, body: {} })],
  ])('answers 502 for %s', async (_, prepare) => {
    await start()
    prepare()
    const response = await fetch(address())
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      502,
      'text/plain; charset=utf-8',
      'Internal Server Error',
    ])
  })

  it('answers 429 when the function is throttled', async () => {
    await start()
    engine.onInvoke = (_, sink) => sink.onRefused(throttled('ConcurrentInvocationLimitExceeded'))
    const response = await fetch(address())
    expect([response.status, await response.json()]).toEqual([
      429,
      { Reason: 'ConcurrentInvocationLimitExceeded', Type: 'User', message: 'Rate Exceeded.' },
    ])
  })
})

describe('who may call a function URL', () => {
  const message =
    'Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html'

  it('nobody without a permission for all', async () => {
    await start()
    catalog.allowed.clear()
    const response = await fetch(address())
    expect([response.status, response.headers.get('x-amzn-errortype'), await response.json()]).toEqual([
      403,
      'AccessDeniedException',
      { Message: message },
    ])
  })

  it('with AWS_IAM only who has signed, rightly where keys are set', async () => {
    const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'right' }
    await start({ authType: 'AWS_IAM' }, { accessKeys: (id) => (id === 'AKIDEXAMPLE' ? credentials : undefined) })
    answer('hello')
    const send = (secretAccessKey: string): Promise<Response> => {
      const { headers } = signRequest({
        method: 'POST',
        url: `${address()}a?b=c`,
        body: 'x',
        service: 'lambda',
        region: 'us-east-1',
        credentials: { ...credentials, secretAccessKey },
      })
      const { host: _host, ...sent } = headers
      return fetch(`${address()}a?b=c`, {
        method: 'POST',
        body: 'x',
        headers: { ...sent, 'content-type': 'text/plain' },
      })
    }
    expect(await (await send('right')).text()).toBe('hello')
    expect(eventOf()).toMatchObject({
      requestContext: { accountId: '000000000000', authorizer: { iam: { accessKey: 'AKIDEXAMPLE' } } },
    })
    expect((await send('wrong')).status).toBe(403)
    expect(await (await fetch(address())).json()).toEqual({ Message: message })
    expect(engine.invocations).toHaveLength(1)
  })
})

describe('CORS of a function URL', () => {
  const cors: FunctionUrl['cors'] = {
    allowCredentials: true,
    allowHeaders: ['x-a'],
    allowMethods: ['GET', 'PUT'],
    allowOrigins: ['https://app.example'],
    exposeHeaders: ['x-b'],
    maxAge: 60,
  }
  const get = async (origin: string, init: RequestInit = {}): Promise<Response> =>
    fetch(address(), { ...init, headers: { origin, ...init.headers } })

  it('lets a page read that may, whatever the function says', async () => {
    await start({ cors })
    answer({ statusCode: 200, headers: { 'access-control-allow-origin': '*' }, body: 'x' })
    const good = await get('https://app.example')
    expect(good.headers.get('access-control-allow-origin')).toBe('https://app.example')
    expect(good.headers.get('access-control-allow-credentials')).toBe('true')
    expect(good.headers.get('access-control-expose-headers')).toBe('x-b')
    const bad = await get('https://evil.example')
    expect([bad.status, bad.headers.get('access-control-allow-origin'), bad.headers.get('vary')]).toEqual([
      200,
      null,
      'Origin',
    ])
  })

  it('answers preflights without the function', async () => {
    await start({ cors })
    const ask = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-a' }
    const answer = await get('https://app.example', { method: 'OPTIONS', headers: ask })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-methods')).toBe('GET,PUT')
    expect(answer.headers.get('access-control-allow-headers')).toBe('x-a')
    expect(answer.headers.get('access-control-max-age')).toBe('60')
    const evil = await get('https://evil.example', { method: 'OPTIONS', headers: ask })
    expect(evil.headers.get('access-control-allow-methods')).toBeNull()
    expect(engine.invocations).toHaveLength(0)
  })

  it('is the function’s business where none is set', async () => {
    await start()
    answer({ statusCode: 204, headers: { 'access-control-allow-origin': '*' } })
    const preflight = await get('https://a.example', {
      method: 'OPTIONS',
      headers: { 'access-control-request-method': 'PUT' },
    })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    expect(engine.invocations).toHaveLength(1)
  })
})

describe('a function URL that streams', () => {
  const TYPE = 'application/vnd.awslambda.http-integration-response'
  const stream = (type: string | undefined, chunks: readonly string[], error?: 'Unhandled'): void => {
    engine.onInvoke = (_, sink) => {
      sink.streaming?.onStart(type)
      for (const chunk of chunks) sink.streaming?.onChunk(Buffer.from(chunk))
      sink.onResult(result({ payload: Buffer.alloc(0), functionError: error }))
    }
  }

  it('takes status and headers from the prelude', async () => {
    await start({ invokeMode: 'RESPONSE_STREAM' })
    stream(TYPE, [
      '{"statusCode":418,"headers":{"content-type":"text/html"},',
      '"cookies":["a=b"]}\0\0\0',
      '\0\0\0\0\0one',
      ' two',
    ])
    const response = await fetch(address())
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      418,
      'text/html',
      'one two',
    ])
    expect(response.headers.getSetCookie()).toEqual(['a=b'])
  })

  it('passes on a stream without one', async () => {
    await start({ invokeMode: 'RESPONSE_STREAM' })
    stream(undefined, ['one', ' two'])
    const response = await fetch(address())
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'application/octet-stream',
      'one two',
    ])
  })

  it('answers 502 before, and cuts behind the head', async () => {
    await start({ invokeMode: 'RESPONSE_STREAM' })
    stream(TYPE, ['{"statusCode":200}'], 'Unhandled')
    expect((await fetch(address())).status).toBe(502)
    stream(TYPE, ['{"statusCode":200}'])
    expect((await fetch(address())).status).toBe(502)
    stream(TYPE, [`{"statusCode":1}${'\0'.repeat(8)}x`, 'y'])
    expect((await fetch(address())).status).toBe(502)
    expect(malformed).toEqual(['the prelude does not end', '1 is no status'])
    stream('text/plain', ['half'], 'Unhandled')
    await expect(fetch(address()).then((begun) => begun.text())).rejects.toThrow()
  })

  it('passes on what a handler answered that does not stream', async () => {
    await start({ invokeMode: 'RESPONSE_STREAM' })
    answer({ statusCode: 201, body: 'x' })
    const response = await fetch(address())
    expect([response.status, await response.text()]).toEqual([200, '{"statusCode":201,"body":"x"}'])
  })

  it('collects a stream in mode BUFFERED', async () => {
    await start()
    engine.onInvoke = (_, sink) =>
      sink.onResult(result({ payload: Buffer.from(`{"statusCode":202}${'\0'.repeat(8)}all`), contentType: TYPE }))
    const response = await fetch(address())
    expect([response.status, await response.text()]).toEqual([202, 'all'])
  })
})
