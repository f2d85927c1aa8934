/* eslint-disable typescript/no-explicit-any -- events and answers are looked into as a function would */
import { once } from 'node:events'
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, type ClientOptions } from 'ws'
import { FakeLambda } from '../functions/testing/fake-lambda.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import connectionsPlugin from './lambda-connections.ts'
import webSocketPlugin from './lambda-websocket.ts'
import { problemsOf } from './testing/mounted.ts'

let lambda: FakeLambda
let gateway: TestGateway
let management: ApiGatewayManagementApiClient
const sockets: WebSocket[] = []
let disconnects: ((event: any) => void)[] = []
const seen: any[] = []

beforeAll(async () => {
  lambda = await FakeLambda.start({
    connect: (event) => {
      const { queryStringParameters: query = {} } = event
      if (query.fail !== undefined) throw new Error('x')
      if (query.nothing !== undefined) return null
      return {
        statusCode: Number(query.status ?? 200),
        ...(query.protocol === undefined ? {} : { headers: { 'Sec-WebSocket-Protocol': query.protocol } }),
      }
    },
    message: (event) => {
      seen.push(event)
      if (event.body === 'fail') throw new Error('x')
      return { statusCode: 200, body: 'not sent' }
    },
    ping: (event) => ({ statusCode: 200, body: `pong ${JSON.parse(event.body).n}` }),
    disconnect: (event) => {
      disconnects.forEach((told) => told(event))
      return {}
    },
  })
  const { endpoint } = lambda
  const fn = (function_name: string) => ({ function_name })
  gateway = await startGateway({
    routes: [
      {
        id: 'chat',
        uri: '/chat',
        plugins: {
          'lambda-websocket': {
            endpoint,
            routes: {
              $connect: fn('connect'),
              $disconnect: fn('disconnect'),
              $default: fn('message'),
              ping: { ...fn('ping'), route_response: true },
            },
          },
        },
      },
      {
        id: 'bare',
        uri: '/bare',
        plugins: { 'lambda-websocket': { endpoint, stage: 'other', routes: { ping: fn('ping') }, idle_timeout: 0.05 } },
      },
      {
        id: 'manage',
        uri: '/prod/@connections/*',
        plugins: { 'lambda-connections': { keys: [{ accesskey: 'A', secretkey: 'S' }] } },
      },
      { id: 'open', uri: '/open/@connections/*', plugins: { 'lambda-connections': { allow_unsigned: true } } },
    ],
  })
  management = client({ accessKeyId: 'A', secretAccessKey: 'S' })
})

const client = (credentials: { accessKeyId: string; secretAccessKey: string }) =>
  new ApiGatewayManagementApiClient({
    endpoint: `http://127.0.0.1:${gateway.port}/prod`,
    region: 'us-east-1',
    credentials,
    maxAttempts: 1,
  })

beforeEach(() => {
  seen.splice(0)
  lambda.calls.splice(0)
  disconnects = []
})

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate()
})

afterAll(async () => {
  management.destroy()
  await gateway.close()
  await lambda.close()
})

function open(path = '/chat', protocols: string[] = [], options: ClientOptions = {}): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, protocols, options)
  socket.on('error', () => undefined)
  sockets.push(socket)
  return socket
}

async function opened(path?: string, protocols?: string[], options?: ClientOptions): Promise<WebSocket> {
  const socket = open(path, protocols, options)
  await once(socket, 'open')
  return socket
}

async function next(socket: WebSocket): Promise<string> {
  const [data] = (await once(socket, 'message')) as [Buffer]
  return data.toString()
}

const disconnected = (code: number): Promise<any> =>
  new Promise((resolve) => {
    disconnects.push((event) => event.requestContext.disconnectStatusCode === code && resolve(event))
  })

/** A connection and its id. */
async function known(): Promise<{ socket: WebSocket; id: string }> {
  const socket = await opened()
  return { socket, id: lambda.calls.at(-1)?.event.requestContext.connectionId as string }
}

describe('lambda-websocket', () => {
  it('asks $connect', async () => {
    await opened('/chat?a=1', [], { headers: { 'X-A': 'b' } })
    const { event } = lambda.calls[0]
    expect(event).toMatchObject({
      headers: { 'X-A': 'b', 'X-Forwarded-For': '127.0.0.1' },
      multiValueHeaders: { 'X-A': ['b'] },
      queryStringParameters: { a: '1' },
      isBase64Encoded: false,
      requestContext: {
        routeKey: '$connect',
        eventType: 'CONNECT',
        messageDirection: 'IN',
        stage: 'prod',
        apiId: 'chat',
        domainName: '127.0.0.1',
        identity: { sourceIp: '127.0.0.1' },
      },
    })
    expect(event).not.toHaveProperty('httpMethod')
    expect(event.requestContext.connectionId).toMatch(/^[\w-]{19}=$/)
  })

  it.each([
    ['?status=401', 401],
    ['?status=503', 503],
    ['?fail', 502],
    ['?nothing', 502],
    ['?protocol=other', 502],
  ])('lets nobody in when it says no: %s', async (query, status) => {
    const [, response] = (await once(open(`/chat${query}`, ['a', 'b']), 'unexpected-response')) as [
      unknown,
      { statusCode: number },
    ]
    expect(response.statusCode).toBe(status)
  })

  it('picks a subprotocol', async () => {
    expect((await opened('/chat?protocol=b', ['a', 'b'])).protocol).toBe('b')
  })

  it('refuses what is no handshake', async () => {
    const plain = await gateway.fetch('/chat')
    expect([plain.status, plain.headers['upgrade']]).toEqual([426, 'websocket'])
    expect(lambda.calls.filter(({ event }) => event.requestContext.eventType === 'CONNECT')).toHaveLength(0)
  })

  it('routes messages by their content, and answers where it is said', async () => {
    const socket = await opened()
    socket.send('{"action":"ping","n":7}')
    expect(await next(socket)).toBe('pong 7')
    for (const message of ['no JSON', '{"action":"unknown"}', '{"action":"$connect"}', '[]', '{"action":{}}'])
      socket.send(message)
    socket.send(Buffer.from([0xff, 0]))
    socket.send('{"action":"ping","n":8}')
    await next(socket)
    while (seen.length < 6) await new Promise((resolve) => setImmediate(resolve))
    expect(seen.map(({ requestContext }) => requestContext.routeKey)).toEqual(Array(6).fill('$default'))
    expect(seen.find(({ isBase64Encoded }) => isBase64Encoded)?.body).toBe('/wA=')
    const event = seen.find(({ body }) => body === 'no JSON')
    expect(event.requestContext).toMatchObject({
      eventType: 'MESSAGE',
      connectionId: expect.any(String),
      messageId: expect.any(String),
    })
    expect(Object.keys(event).sort()).toEqual(['body', 'isBase64Encoded', 'requestContext'])
  })

  it('tells the client of a function that failed', async () => {
    const { socket, id } = await known()
    socket.send('fail')
    expect(JSON.parse(await next(socket))).toEqual({
      message: 'Internal server error',
      connectionId: id,
      requestId: expect.any(String),
    })
  })

  it('tells the client when there is no route', async () => {
    const socket = await opened('/bare')
    socket.send('{"action":"none"}')
    expect(JSON.parse(await next(socket))).toMatchObject({ message: 'Forbidden' })
  })

  it('tells $disconnect how it ended', async () => {
    const told = disconnected(3_001)
    const socket = await opened()
    socket.close(3_001, 'enough')
    const { requestContext } = await told
    expect(requestContext).toMatchObject({
      routeKey: '$disconnect',
      eventType: 'DISCONNECT',
      disconnectStatusCode: 3_001,
      disconnectReason: 'enough',
    })
    const lost = disconnected(1006)
    ;(await opened()).terminate()
    expect((await lost).requestContext.disconnectStatusCode).toBe(1006)
  })

  it('has limits', async () => {
    const large = await opened()
    large.send('x'.repeat(32_769))
    expect((await once(large, 'close'))[0]).toBe(1009)
    const long = await opened()
    for (let part = 0; part < 5; part++) long.send('x'.repeat(30_000), { fin: part === 4 })
    expect((await once(long, 'close'))[0]).toBe(1009)
    const idle = await opened('/bare')
    expect((await once(idle, 'close'))[0]).toBe(1001)
  })

  it('answers pings', async () => {
    const socket = await opened()
    socket.ping('x')
    expect(String((await once(socket, 'pong'))[0])).toBe('x')
  })

  it.each([
    [{ routes: {} }, 1],
    [{ routes: { $other: { function_name: 'a' } } }, 1],
    [{ routes: { $connect: { function_name: 'a', route_response: true } } }, 1],
    [{ routes: { a: { function_name: 'a' } }, route_selection_expression: '$request.header.a' }, 1],
    [{ routes: { a: { function_name: 'a' } }, route_selection_expression: '$request.body.a.b' }, 0],
  ])('%j has %d faults', (config, count) => {
    expect(problemsOf(webSocketPlugin, config)).toHaveLength(count)
  })
})

describe('lambda-connections', () => {
  it('sends, asks and closes with the AWS SDK', async () => {
    const { socket, id } = await known()
    const message = next(socket)
    await management.send(new PostToConnectionCommand({ ConnectionId: id, Data: 'hello ü' }))
    expect(await message).toBe('hello ü')
    const state = await management.send(new GetConnectionCommand({ ConnectionId: id }))
    expect(state.Identity).toEqual({ SourceIp: '127.0.0.1', UserAgent: '' })
    expect(state.ConnectedAt).toBeInstanceOf(Date)
    const closed = once(socket, 'close')
    await management.send(new DeleteConnectionCommand({ ConnectionId: id }))
    await closed
    const gone = management.send(new PostToConnectionCommand({ ConnectionId: id, Data: 'x' }))
    await expect(gone).rejects.toMatchObject({ name: 'GoneException', $metadata: { httpStatusCode: 410 } })
  })

  it('knows what is gone, too large, or not of its stage', async () => {
    const post = (ConnectionId: string, Data = 'x') =>
      management.send(new PostToConnectionCommand({ ConnectionId, Data }))
    await expect(post('nonsense')).rejects.toMatchObject({ name: 'GoneException' })
    const { id } = await known()
    await expect(post(id, 'x'.repeat(131_073))).rejects.toMatchObject({ name: 'PayloadTooLargeException' })
    await opened('/bare')
    const other = (await import('../functions/web-socket/connection-registry.ts')).connections.newId()
    await expect(post(other)).rejects.toMatchObject({ name: 'GoneException' })
  })

  it('takes calls of those alone whose keys it knows', async () => {
    const { id } = await known()
    const stranger = client({ accessKeyId: 'B', secretAccessKey: 'S' })
    const call = stranger.send(new GetConnectionCommand({ ConnectionId: id }))
    await expect(call).rejects.toMatchObject({ name: 'ForbiddenException' })
    stranger.destroy()
    const path = `/@connections/${encodeURIComponent(id)}`
    expect((await gateway.fetch(`/prod${path}`)).status).toBe(403)
    expect((await gateway.fetch(`/open${path}`)).status).toBe(200)
    expect((await gateway.fetch(`/open${path}`, { method: 'PUT' })).status).toBe(403)
  })

  it.each([
    [{}, 1],
    [{ keys: [{ accesskey: 'a', secretkey: 'b' }], allow_unsigned: true }, 1],
    [{ allow_unsigned: true }, 0],
  ])('%j has %d faults', (config, count) => {
    expect(problemsOf(connectionsPlugin, config)).toHaveLength(count)
  })
})
