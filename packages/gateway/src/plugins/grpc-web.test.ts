import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, releaseAll } from '../../../proxy/src/exchange/testing/resources.ts'
import {
  answerWith,
  message,
  RawGrpcClient,
  RawService,
  type ReceivedCall,
  trailersOnly,
} from '../../../proxy/src/grpc/testing/raw-service.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import grpcWeb from './grpc-web.ts'
import { problemsOf } from './testing/mounted.ts'

type Answering = (call: ReceivedCall) => void

let answering: Answering
let service: RawService
let gateway: TestGateway
let h2: RawGrpcClient

const WEB = 'application/grpc-web+proto'
const TEXT = 'application/grpc-web-text'
const ORIGIN = { origin: 'https://shop.example' }

beforeAll(async () => {
  service = await RawService.start((call) => answering(call))
  const web = { 'grpc-web': {} }
  gateway = await startGateway({
    upstreams: [
      { id: 'service', scheme: 'grpc', nodes: { [service.address]: 1 } },
      { id: 'dead', scheme: 'grpc', nodes: { '127.0.0.1:1': 1 }, retries: 0 },
    ],
    consumers: [{ username: 'ada', plugins: { 'key-auth': { key: 'secret' } } }],
    routes: [
      { uri: '/test.Service/*', upstream_id: 'service', plugins: web },
      { uri: '/api/*', upstream_id: 'service', plugins: web },
      { uri: '/posted/*', methods: ['POST'], upstream_id: 'service', plugins: { ...web, 'key-auth': {} } },
      {
        uri: '/governed/*',
        methods: ['POST'],
        upstream_id: 'service',
        plugins: {
          ...web,
          'key-auth': {},
          cors: { allow_origins: ORIGIN.origin, expose_headers: 'x-more', allow_headers: 'x-mine' },
        },
      },
      {
        uri: '/late/*',
        upstream_id: 'service',
        plugins: { ...web, 'key-auth': {}, cors: { _meta: { priority: 1 }, allow_origins: ORIGIN.origin } },
      },
      { uri: '/json/*', methods: ['POST'], upstream_id: 'echo', plugins: { cors: {} } },
      { uri: '/dead/*', upstream_id: 'dead', plugins: { ...web, cors: {} } },
      { uri: '/wrong/*', upstream_id: 'echo', plugins: web },
      {
        uri: '/limited/*',
        upstream_id: 'service',
        plugins: web,
        grpc: { max_request_message_bytes: 10, max_response_message_bytes: 10 },
      },
      { uri: '/small/*', upstream_id: 'service', plugins: { 'grpc-web': { max_req_body_size: 16 } } },
      { uri: '/headers/*', upstream_id: 'service', plugins: { 'grpc-web': { cors_allow_headers: 'x-a,x-b' } } },
    ],
  })
  h2 = new RawGrpcClient(gateway.port)
})
afterAll(async () => {
  await gateway.close()
  await releaseAll()
})

interface WebAnswer {
  readonly status: number
  readonly headers: Record<string, string | undefined>
  readonly body: Buffer
  readonly trailers: object
}

interface Asked {
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array | string
  readonly agent?: Agent
}

async function http1({
  path = '/test.Service/Say',
  method = 'POST',
  headers = {},
  body,
  agent,
}: Asked): Promise<WebAnswer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: gateway.port, path, method, headers, agent: agent ?? false })
    request.on('response', resolve).on('error', reject)
    request.end(body)
  })
  const bytes = await buffer(response)
  return {
    status: response.statusCode ?? 0,
    headers: response.headers as Record<string, string>,
    body: bytes,
    trailers: response.trailers,
  }
}

async function http2({
  path = '/test.Service/Say',
  method = 'POST',
  headers = {},
  body = '',
}: Asked): Promise<WebAnswer> {
  const fields = { ':path': path, ':method': method, 'content-type': undefined, te: undefined, ...headers }
  const { headers: head, body: bytes, trailers } = await h2.call(fields, Buffer.from(body)).outcome
  return {
    status: Number(head[':status']),
    headers: head as Record<string, string>,
    body: bytes,
    trailers: trailers ?? {},
  }
}

const frame = (lines: string): Buffer => message(lines, 0x80)
const OK = frame('grpc-status:0\r\n')
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

describe.each([
  ['HTTP/1.1', http1],
  ['HTTP/2', http2],
])('over %s', (_, send) => {
  it('a call of binary messages', async () => {
    answering = (call) => {
      call.stream.on('end', () => answerWith(call, [message('re'), message('plies')]))
    }
    const before = service.calls.length
    const body = message('hello')
    const headers = { 'content-type': WEB, 'x-grpc-web': '1', 'content-length': String(body.length) }
    const answer = await send({ headers, body })
    expect(answer).toMatchObject({ status: 200, trailers: {} })
    expect(answer.headers).toMatchObject({ 'content-type': WEB })
    expect(answer.headers).not.toHaveProperty('content-length')
    expect(answer.body).toEqual(Buffer.concat([message('re'), message('plies'), OK]))
    const call = service.calls[before]
    expect(Buffer.concat(call.received)).toEqual(body)
    expect(call.headers).toMatchObject({
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      'grpc-accept-encoding': 'identity',
      ':path': '/test.Service/Say',
    })
    expect(call.headers).not.toHaveProperty('content-length')
  })

  it('a call of text', async () => {
    answering = (call) => {
      call.stream.on('end', () => answerWith(call, [message('reply')]))
    }
    const before = service.calls.length
    const answer = await send({ headers: { 'content-type': TEXT, accept: '*/*' }, body: base64(message('hello!')) })
    expect(answer.headers['content-type']).toBe(`${TEXT}+proto`)
    // The library of the browser takes padding within the text, Node stops at it.
    const groups = answer.body.toString().match(/.{4}/gs) ?? []
    const bytes = Buffer.concat(groups.map((group) => Buffer.from(group, 'base64')))
    expect(bytes).toEqual(Buffer.concat([message('reply'), OK]))
    expect(Buffer.concat(service.calls[before].received)).toEqual(message('hello!'))
    expect(service.calls[before].headers['content-type']).toBe('application/grpc')
  })

  it.each([
    [TEXT, WEB, WEB],
    [WEB, TEXT, `${TEXT}+proto`],
    ['application/grpc-web+json; charset=utf-8', '', 'application/grpc-web+json'],
  ])('%s with Accept %j is answered by %s', async (type, accept, answered) => {
    answering = (call) => answerWith(call, [])
    const body = type === TEXT ? base64(message('')) : message('')
    const answer = await send({ headers: { 'content-type': type, ...(accept === '' ? {} : { accept }) }, body })
    expect(answer.headers['content-type']).toBe(answered)
    expect(answer.body.toString('latin1')).toBe(answered.startsWith(TEXT) ? base64(OK) : OK.toString('latin1'))
  })

  it('a status behind messages stands in the last frame, names in lower case', async () => {
    answering = ({ stream }) => {
      stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () =>
        stream.sendTrailers({
          'grpc-status': '5',
          'grpc-message': 'n%C3%B6',
          'X-More-Bin': 'AAE',
          'x-two': ['a', 'b'],
        }),
      )
      stream.end(message('one'))
    }
    const answer = await send({ headers: { 'content-type': WEB }, body: message('') })
    const lines = 'grpc-status:5\r\ngrpc-message:n%C3%B6\r\nx-more-bin:AAE\r\nx-two:a\r\nx-two:b\r\n'
    expect(answer.body).toEqual(Buffer.concat([message('one'), frame(lines)]))
    expect(answer.trailers).toEqual({})
  })

  it.each([WEB, TEXT])('a status without messages stays in the head: %s', async (type) => {
    answering = (call) => trailersOnly(call, 3, 'no')
    const answer = await send({ headers: { 'content-type': type, ...ORIGIN }, body: '' })
    expect(answer).toMatchObject({ status: 200, headers: { 'grpc-status': '3', 'grpc-message': 'no' } })
    expect(answer.body).toHaveLength(0)
    expect(answer.headers['access-control-expose-headers']).toBe('grpc-status,grpc-message,grpc-status-details-bin')
  })

  it('a call that ends without a status gets one', async () => {
    answering = ({ stream }) => {
      stream.respond({ 'content-type': 'application/grpc' })
      stream.end(message('one'))
    }
    const { body } = await send({ headers: { 'content-type': WEB }, body: message('') })
    expect(body.toString()).toContain('grpc-status:2\r\ngrpc-message:the upstream ended the call without a status\r\n')
  })

  it.each([
    ['between messages', message('one'), 14],
    ['within a message', message('one').subarray(0, 7), undefined],
  ])('a call that breaks off %s', async (where, bytes, status) => {
    answering = ({ stream }) => {
      stream.respond({ 'content-type': 'application/grpc' })
      stream.write(bytes)
    }
    const headers = { 'content-type': WEB }
    let read = Buffer.alloc(0)
    let ended: 'well' | 'cut' | undefined
    const see = (part: Buffer): void => {
      read = Buffer.concat([read, part])
    }
    const before = service.calls.length
    if (send === http1) {
      const request = httpRequest({
        port: gateway.port,
        path: '/test.Service/Say',
        method: 'POST',
        headers,
        agent: false,
      })
      request.on('error', () => (ended = 'cut'))
      request.on('response', (response) => {
        response.on('data', see).on('end', () => (ended = 'well'))
        response.on('error', () => (ended = 'cut'))
      })
      request.end(message(''))
    } else {
      const { stream } = h2.call({ ...headers, te: undefined }, message(''))
      stream.on('data', see).on('close', () => (ended = stream.rstCode === 0 ? 'well' : 'cut'))
    }
    await eventually('the first bytes are there', () => read.length === bytes.length)
    service.calls[before].session.destroy()
    await eventually('it is over', () => ended !== undefined)
    expect([where, ended]).toEqual([where, status === undefined ? 'cut' : 'well'])
    const rest = read.subarray(bytes.length)
    if (status === undefined) expect(rest).toHaveLength(0)
    else expect(rest.subarray(5).toString()).toMatch(/^grpc-status:14\r\ngrpc-message:Bad Gateway/)
  })

  it.each([{ said: true }, { said: false }])(
    'a call that is too large is refused, its length said: $said',
    async ({ said }) => {
      answering = () => undefined
      const body = message('x'.repeat(40))
      const length = said ? { 'content-length': String(body.length) } : {}
      const { status, headers } = await send({
        path: '/small/test.Service/Say',
        headers: { 'content-type': WEB, ...length },
        body,
      })
      expect([status, headers['grpc-status']]).toEqual([413, '8'])
    },
  )

  it.each([
    ['AAAAAAA', 7],
    ['AAAAAA*A', 6],
  ])('text that is not base64 is refused with words: %s', async (body, at) => {
    answering = () => undefined
    const answer = await send({ headers: { 'content-type': TEXT, ...ORIGIN }, body })
    const words = `the body is not valid base64 at character ${at}`
    expect(answer).toMatchObject({ status: 400, headers: { 'grpc-status': '13', 'grpc-message': words } })
    expect(answer.headers['access-control-allow-origin']).toBe('*')
    expect(answer.body.toString()).toBe(`${words}\n`)
  })

  describe('an upstream that does not speak gRPC', () => {
    const call = (headers: Record<string, string> = {}): Promise<WebAnswer> =>
      send({ headers: { 'content-type': WEB, ...headers }, body: message('') })
    const answerPage = (status: number, type: string, body: string | Buffer, more: object = {}): void => {
      answering = ({ stream }) => {
        stream.respond({ ':status': status, 'content-type': type, ...more })
        stream.end(body)
      }
    }

    it.each([
      [503, 'text/plain', 'gone: ünder\n', 14, 'gone: %C3%BCnder'],
      [404, 'text/html', '<p>', 12, '<p>'],
      [200, 'text/html', 'hi', 2, 'hi'],
      [401, 'application/grpc', '', 16, 'the upstream answered 401, and not gRPC'],
    ])('%d %s %j', async (status, type, body, grpcStatus, words) => {
      answerPage(status, type, body)
      const answer = await call()
      expect(answer).toMatchObject({
        status: 200,
        headers: {
          'content-type': WEB,
          'content-length': '0',
          'grpc-status': String(grpcStatus),
          'grpc-message': words,
        },
      })
    })

    it('what is compressed is not read', async () => {
      answerPage(500, 'text/plain', 'xx', { 'content-encoding': 'br' })
      expect((await call()).headers).toMatchObject({ 'grpc-message': 'the upstream answered 500, and not gRPC' })
    })

    it('of a long answer 16 KiB are told, in the body', async () => {
      answerPage(502, 'text/plain', Buffer.alloc(40_000, 'ä'))
      const { headers, body } = await call()
      expect(headers).not.toHaveProperty('grpc-status')
      const lines = body.subarray(5).toString()
      expect(lines).toBe(`grpc-status:14\r\ngrpc-message:${'%C3%A4'.repeat(8_192)}\r\n`)
      expect(body.readUInt32BE(1)).toBe(lines.length)
    })

    it('of one that does not end nothing is', async () => {
      answerPage(502, 'text/plain', Buffer.alloc(2_000_000, 'x'))
      expect((await call()).headers).toMatchObject({ 'grpc-status': '8' })
    })
  })

  describe('answers of the gateway', () => {
    const refused = (path: string, headers: Record<string, string> = {}, method = 'POST'): Promise<WebAnswer> =>
      send({ path, method, headers: { 'content-type': WEB, ...ORIGIN, ...headers }, body: message('') })

    it.each([
      ['/posted/test.Service/Say', 16, 'the request has no API key', '*'],
      ['/governed/test.Service/Say', 16, 'the request has no API key', ORIGIN.origin],
      ['/late/test.Service/Say', 16, 'the request has no API key', ORIGIN.origin],
      ['/dead/test.Service/Say', 14, 'Bad Gateway (CONNECT_REFUSED)', '*'],
      [
        '/wrong/test.Service/Say',
        14,
        'the upstream of this route has the scheme http; gRPC needs "grpc" or "grpcs"',
        '*',
      ],
    ])('%s: a status that a page may read', async (path, status, words, origin) => {
      const { status: http, headers, body } = await refused(path)
      expect(headers).toMatchObject({
        'content-type': WEB,
        'grpc-status': String(status),
        'grpc-message': words,
        'access-control-allow-origin': origin,
      })
      expect(headers['access-control-expose-headers']).toContain('grpc-status,grpc-message,grpc-status-details-bin')
      expect([http, body.length]).toEqual([200, 0])
    })

    it('no route: a status all the same', async () => {
      const { headers } = await refused('/nowhere/Say')
      expect(headers).toMatchObject({ 'content-type': WEB, 'grpc-status': '12', 'grpc-message': '404 Route Not Found' })
    })

    it('a time limit that passed', async () => {
      answering = () => undefined
      const { headers } = await refused('/test.Service/Say', { 'grpc-timeout': '20m' })
      expect(headers).toMatchObject({ 'grpc-status': '4', 'access-control-allow-origin': '*' })
    })

    it.each([WEB, TEXT])('messages that are too long: %s', async (type) => {
      answering = (call) => answerWith(call, [message(Buffer.alloc(11))])
      for (const [length, side] of [
        [11, 'request'],
        [10, 'response'],
      ] as const) {
        const bytes = message(Buffer.alloc(length))
        const body = type === WEB ? bytes : base64(bytes)
        const answer = await send({ path: '/limited/test.Service/Say', headers: { 'content-type': type }, body })
        const words = `a message of the ${side} has 11 bytes, the limit is 10`
        if (side === 'request') expect(answer.headers).toMatchObject({ 'grpc-status': '8', 'grpc-message': words })
        else {
          const text = answer.body.toString('latin1')
          const last = type === TEXT ? Buffer.from(text, 'base64') : answer.body
          expect(last).toEqual(frame(`grpc-status:8\r\ngrpc-message:${words}\r\n`))
        }
      }
    })

    it.each([
      ['PUT', {}, 'gRPC-Web calls are POST requests'],
      ['POST', { 'content-encoding': 'gzip' }, 'the body is compressed (gzip), which is not supported here'],
    ])('%s %j', async (method, headers, words) => {
      expect((await refused('/test.Service/Say', headers, method)).headers).toMatchObject({
        'grpc-status': '2',
        'grpc-message': words,
      })
    })
  })

  describe('questions of browsers', () => {
    const ask = (path: string, more: Record<string, string> = {}): Promise<WebAnswer> =>
      send({
        path,
        method: 'OPTIONS',
        headers: {
          ...ORIGIN,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type,x-grpc-web',
          ...more,
        },
      })

    it('are answered before anybody asks for credentials, though the route takes POST alone', async () => {
      const before = service.calls.length
      for (const path of ['/posted/test.Service/Say', '/test.Service/Say']) {
        expect(await ask(path)).toMatchObject({
          status: 200,
          headers: {
            'access-control-allow-origin': '*',
            'access-control-allow-methods': 'POST',
            'access-control-allow-headers': 'content-type,x-grpc-web,x-user-agent,grpc-timeout',
            'access-control-max-age': '600',
          },
        })
      }
      expect(service.calls).toHaveLength(before)
    })

    it('name the headers of the configuration', async () => {
      expect((await ask('/headers/a.B/C')).headers['access-control-allow-headers']).toBe('x-a,x-b')
    })

    it.each(['/governed/test.Service/Say', '/late/test.Service/Say'])('%s: are answered by cors', async (path) => {
      expect((await ask(path)).headers).toMatchObject({ 'access-control-allow-origin': ORIGIN.origin })
      const { headers } = await ask(path, { origin: 'https://evil.example' })
      expect(headers).not.toHaveProperty('access-control-allow-origin')
    })

    it('are answered by cors without this plugin, too', async () => {
      expect(await ask('/json/a')).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': '*' } })
    })

    it.each([
      ['those about other clients', { 'access-control-request-headers': 'content-type' }],
      ['those about another method', { 'access-control-request-method': 'PUT' }],
    ])('%s are the route’s', async (_name, more) => {
      expect((await ask('/posted/test.Service/Say', more)).status).toBe(404)
    })
  })

  it('the path behind the prefix of the route is that of the call', async () => {
    answering = (call) => answerWith(call, [])
    const before = service.calls.length
    await send({ path: '/api/test.Service/Say', headers: { 'content-type': WEB }, body: message('') })
    expect(service.calls[before].headers[':path']).toBe('/test.Service/Say')
  })

  it('what else a client unpacks is told', async () => {
    answering = (call) => answerWith(call, [])
    const before = service.calls.length
    const headers = { 'content-type': WEB, 'grpc-accept-encoding': 'gzip' }
    await send({ headers, body: message('') })
    expect(service.calls[before].headers['grpc-accept-encoding']).toBe('gzip')
  })
})

it('gRPC passes untouched', async () => {
  answering = (call) => answerWith(call, [message('one')], 5)
  const { headers, body, trailers } = await h2.call({ origin: 'https://shop.example' }, message('')).outcome
  expect(headers['content-type']).toBe('application/grpc')
  expect(headers).not.toHaveProperty('access-control-allow-origin')
  expect(body).toEqual(message('one'))
  expect(trailers).toMatchObject({ 'grpc-status': '5' })
})

it('messages come as they are sent, each padded by itself in text', async () => {
  answering = ({ stream }) => stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
  const before = service.calls.length
  const seen: string[] = []
  const done = new Promise<void>((resolve) => {
    const headers = { 'content-type': TEXT }
    const request = httpRequest({
      port: gateway.port,
      path: '/test.Service/Say',
      method: 'POST',
      headers,
      agent: false,
    })
    request.on('response', (response) => {
      response.on('data', (chunk: Buffer) => seen.push(chunk.toString())).on('end', resolve)
    })
    request.end(base64(message('')))
  })
  const { stream } = await service.call(before + 1)
  stream.write(message('one'))
  await eventually('the first message', () => seen.join('') === base64(message('one')))
  const second = message('second')
  stream.write(second.subarray(0, 7))
  await eventually('what can be told of a part', () => seen.join('').endsWith(base64(second.subarray(0, 6))))
  stream.write(second.subarray(7))
  await eventually('the rest', () => seen.join('').endsWith(base64(second.subarray(6))))
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end()
  await done
  expect(seen.at(-1)).toBe(base64(OK))
})

it('requests go on as they come, text across the borders of pieces', async () => {
  answering = () => undefined
  const before = service.calls.length
  const call = h2.call({ 'content-type': TEXT, te: undefined })
  const text = base64(message('hello')) + base64(message('you'))
  call.stream.write(text.slice(0, 9))
  const { stream, received } = await service.call(before + 1)
  await eventually('two groups', () => Buffer.concat(received).length === 6)
  for (const character of text.slice(9)) call.stream.write(character)
  call.stream.end()
  await eventually('all of it', () => Buffer.concat(received).equals(Buffer.concat([message('hello'), message('you')])))
  stream.respond({ 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true })
  expect((await call.outcome).headers['grpc-status']).toBe('0')
})

it('text that goes wrong behind the head of the answer ends the call with words', async () => {
  answering = ({ stream }) => {
    stream.respond({ 'content-type': 'application/grpc' })
    stream.write(message('one'))
  }
  const call = h2.call({ 'content-type': TEXT, accept: WEB, te: undefined })
  call.stream.write(base64(message('hello!')))
  await call.head
  call.stream.write('****')
  const { body } = await call.outcome
  expect(body.subarray(0, 8)).toEqual(message('one'))
  expect(body.toString()).toMatch(/grpc-status:13\r\ngrpc-message:the body is not valid base64 at character 16\r\n$/)
})

it('a connection of HTTP/1.1 serves one call after the other', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sockets = new Set<Socket>()
  agent.on('free', (socket: Socket) => sockets.add(socket))
  const cases: [Answering, string][] = [
    [(call) => answerWith(call, [message('one')]), 'application/grpc-web'],
    [(call) => trailersOnly(call, 5), 'application/grpc-web'],
    [(call) => answerWith(call, [message('two')]), TEXT],
    [({ stream }) => stream.respond({ ':status': 503 }, { endStream: true }), TEXT],
    [(call) => answerWith(call, [message('three')]), WEB],
  ]
  for (const [answer, type] of cases) {
    answering = answer
    const body = type === TEXT ? base64(message('')) : message('')
    expect((await http1({ headers: { 'content-type': type }, body, agent })).status).toBe(200)
  }
  expect(sockets.size).toBe(1)
  agent.destroy()
})

it('refuses headers that would be none', () => {
  expect(problemsOf(grpcWeb, { cors_allow_headers: 'a\r\nb' })).toEqual([
    '/cors_allow_headers: must be names of headers, joined by commas',
  ])
  expect(problemsOf(grpcWeb, { allow: 1 })).toHaveLength(1)
  expect(problemsOf(grpcWeb, {})).toEqual([])
})
