import { afterEach, expect, test } from 'vitest'
import { peer } from '../peers/peer.ts'
import type { RequestHead } from '@sekisho/wire'
import type { Session } from '../session.ts'
import { startProxy, startProxyTo } from './testing/proxy-harness.ts'
import { statusOf } from './testing/raw-client.ts'
import { DEAD, RawUpstream, reply } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const headEcho = (): Promise<RawUpstream> => RawUpstream.answering(({ head, body }) => reply(head + body))

test('newContext makes the state of one request, which every phase sees', async () => {
  const upstream = await headEcho()
  const steps: string[][] = []
  const proxy = await startProxy<{ steps: string[] }>({
    newContext: (session) => ({ steps: [session.request.target] }),
    requestFilter: ({ ctx }) => void ctx.steps.push('request'),
    upstreamPeer: ({ ctx }) => {
      ctx.steps.push('peer')
      return peer(upstream.address)
    },
    logging: ({ ctx }) => void steps.push(ctx.steps),
  })
  const client = await proxy.connect()
  await client.get('/1')
  await client.get('/2')
  await proxy.end(2)
  expect(steps).toEqual([
    ['/1', 'request', 'peer'],
    ['/2', 'request', 'peer'],
  ])
})

test('what persistConnectionContext keeps belongs to one connection', async () => {
  const upstream = await headEcho()
  const got: unknown[] = []
  const proxy = await startProxyTo(upstream.address, {
    persistConnectionContext: (session) => session.request.target,
    onConnectionReuse: (session, previous) => void got.push([session.request.target, previous, session.requestNumber]),
  })
  const [one, two] = await Promise.all([proxy.connect(), proxy.connect()])
  for (const [client, path] of [
    [one, '/a'],
    [two, '/b'],
    [one, '/c'],
    [two, '/d'],
    [one, '/e'],
  ] as const)
    await client.get(path)
  expect(got).toEqual([
    ['/c', '/a', 2],
    ['/d', '/b', 2],
    ['/e', '/c', 3],
  ])
})

test('edits of session.request go to every attempt, edits in upstreamRequestFilter to one', async () => {
  const flaky = await RawUpstream.start(async (connection) => {
    const { head } = await connection.request()
    if (connection.number === 1) connection.reset()
    else connection.send(reply(head))
  })
  const proxy = await startProxyTo(flaky.address, {
    requestFilter: ({ request }) => {
      request.target = '/new?q=1'
      request.headers.set('X-Edited', 'for all')
    },
    upstreamRequestFilter: (session, request) => {
      expect(request.headers.get('x-attempt')).toBeUndefined()
      request.headers.append('X-Attempt', String(session.attempts))
      request.headers.set('Host', 'upstream.test')
      request.method = 'PUT'
    },
  })
  const client = await proxy.connect()
  const { body } = await client.get('/old')
  expect(body).toBe('PUT /new?q=1 HTTP/1.1\r\nX-Edited: for all\r\nX-Attempt: 2\r\nHost: upstream.test\r\n\r\n')
  const { session } = await proxy.end()
  expect(session.request.method).toBe('GET')
  expect(session.request.headers.get('host')).toBe('client.test')
})

test('fields that nobody touches arrive as they were sent: case, order and repetition', async () => {
  const upstream = await headEcho()
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  const fields = 'x-LOWER: 1\r\nX-Twice: a\r\nCookie: a=b\r\nX-Twice:   b  \r\n'
  expect((await client.get('/', fields)).body).toBe(`GET / HTTP/1.1\r\nHost: client.test\r\n${fields}\r\n`)
})

test('fields of the connection stay on their side, in both directions', async () => {
  let received = ''
  const upstream = await RawUpstream.answering(({ head }) => {
    received = head
    return reply('x', 'Connection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nX-Public: 1\r\n')
  })
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  const answer = await client.get(
    '/',
    'Connection: X-Secret, keep-alive\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\nX-Open: 1\r\n',
  )
  expect(received).toBe('GET / HTTP/1.1\r\nHost: client.test\r\nX-Open: 1\r\n\r\n')
  expect(answer.head).toBe('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX-Public: 1\r\n\r\n')
})

test('an HTTP/1.0 request without a Host gets that of the peer', async () => {
  const upstream = await headEcho()
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  client.send('GET / HTTP/1.0\r\n\r\n')
  expect((await client.response()).body).toBe(`GET / HTTP/1.1\r\nHost: ${upstream.address}\r\n\r\n`)
})

test('whatever a filter writes into the framing fields, one framing goes up, and the right one', async () => {
  const upstream = await RawUpstream.answering(({ framing, body, headers }) =>
    reply(`${framing} ${body} ${headers.get('content-length') ?? '-'} ${headers.get('transfer-encoding') ?? '-'}`),
  )
  const edits: Record<string, string>[] = [
    { 'Content-Length': '2' },
    { 'Transfer-Encoding': 'chunked' },
    { 'Transfer-Encoding': 'gzip' },
    { 'Content-Length': '99', 'Transfer-Encoding': 'chunked' },
  ]
  const proxy = await startProxyTo(upstream.address, {
    upstreamRequestFilter: (session, request) => {
      for (const [name, value] of Object.entries(edits[Number(session.request.query)] ?? {}))
        request.headers.set(name, value)
    },
  })
  const client = await proxy.connect()
  for (const query of edits.keys()) {
    expect((await client.post(`/?${query}`, 'body')).body).toBe('length body 4 -')
    expect((await client.get(`/?${query}`)).body).toMatch(/^(none {2}- -|length {2}0 -)$/)
    client.send(`POST /?${query} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`)
    expect((await client.response()).body).toBe('chunked body - chunked')
  }
  expect(upstream.connections.length).toBe(1)
})

test.each([
  [
    'a line end in the target',
    (request: RequestHead) => void (request.target = '/x HTTP/1.1\r\nX-Injected: 1\r\n\r\n'),
  ],
  // Sockets are written in latin1: these would become CR and LF.
  ['letters whose low bytes are one', (request: RequestHead) => void (request.target = '/\u010d\u010a')],
  ['a space in the target', (request: RequestHead) => void (request.target = '/a b')],
  ['no target', (request: RequestHead) => void (request.target = '')],
  ['a method that is none', (request: RequestHead) => void (request.method = 'GET /y HTTP/1.1\r\n')],
])('a filter that writes %s gets a 500, and the upstream nothing', async (_, spoil) => {
  const upstream = await headEcho()
  for (const phase of ['requestFilter', 'upstreamRequestFilter'] as const) {
    const proxy = await startProxyTo(upstream.address, {
      [phase]: (session: Session, request?: RequestHead) => spoil(request ?? session.request),
    })
    const client = await proxy.connect()
    expect(statusOf(await client.get())).toBe(500)
    expect(proxy.messages('error')[0]).toContain('a request line that is none')
  }
  for (const connection of upstream.connections) expect(connection.reader.count).toBe(0)
})

test('a reason that would end the status line is left out, a status that is none is a 500', async () => {
  const upstream = await RawUpstream.answering(() => reply('hello'))
  const proxy = await startProxyTo(upstream.address, {
    responseFilter: ({ request }, response) => {
      if (request.path === '/reason') response.reason = 'Fine\u010d\u010aX-Injected: 1'
      if (request.path === '/status') response.status = 99
    },
  })
  const client = await proxy.connect()
  expect((await client.get('/reason')).head).toBe('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
  expect(statusOf(await client.get('/status'))).toBe(500)
})

test('a response may be changed before and behind where a cache would be', async () => {
  const upstream = await RawUpstream.answering(() => reply('hello', 'Server: upstream\r\n', '404 Gone Fishing'))
  const proxy = await startProxyTo(upstream.address, {
    upstreamResponseFilter: (_session, response) => void response.headers.delete('server'),
    responseFilter: (session, response) => {
      expect(session.response).toBe(response)
      expect(session.responseSource).toBe('upstream')
      expect(response.headers.has('server')).toBe(false)
      response.status = 410
      response.reason = 'Really Gone'
      response.headers.set('X-Peer', session.peer?.name ?? '')
    },
  })
  const client = await proxy.connect()
  const answer = await client.get()
  expect(answer.line).toBe('HTTP/1.1 410 Really Gone')
  expect(answer.headers.get('x-peer')).toBe(upstream.address)
  expect(answer.headers.has('server')).toBe(false)
})

test('failToProxy may change the status, or leave no answer at all', async () => {
  const proxy = await startProxyTo(
    DEAD[0],
    {
      failToProxy: (session, error) => {
        error.status = session.request.target === '/hide' ? 0 : 530
      },
    },
    { maxRetries: 0 },
  )
  const client = await proxy.connect()
  const answer = await client.get()
  expect(statusOf(answer)).toBe(530)
  expect(JSON.parse(answer.body)).toMatchObject({ reason: 'CONNECT_REFUSED' })
  client.send('GET /hide HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(await client.reader.rest()).toBe('')
  expect((await proxy.end(2)).error?.status).toBe(0)
})

test('suppressErrorLog keeps an error out of the log, requestSummary names the request in it', async () => {
  const proxy = await startProxyTo(
    DEAD[0],
    {
      suppressErrorLog: (session, error) => session.request.target === '/quiet' && error.code === 'CONNECT_REFUSED',
      requestSummary: (session) => `<${session.request.target}>`,
    },
    { maxRetries: 0 },
  )
  const client = await proxy.connect()
  await client.get('/quiet')
  expect(proxy.log).toEqual([])
  await client.get('/loud')
  expect(proxy.log).toMatchObject([
    { level: 'warn', fields: { request: '</loud>', code: 'CONNECT_REFUSED', peer: DEAD[0], attempt: 1 } },
  ])
})

test('without requestSummary the log names method, host and path, and not the query, which may hold secrets', async () => {
  const proxy = await startProxyTo(DEAD[0], {}, { maxRetries: 0 })
  const client = await proxy.connect()
  await client.get('/path?token=secret')
  expect(proxy.log[0]?.fields['request']).toBe('GET client.test/path')
  expect(JSON.stringify(proxy.log)).not.toContain('secret')
})

test('logging sees times in order, and the bytes that were on the wire', async () => {
  const upstream = await RawUpstream.answering(({ body }) => reply(body))
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  const request = 'POST / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 5\r\n\r\nhello'
  client.send(request)
  const answer = await client.response()
  const { session, error } = await proxy.end()
  expect(error).toBeUndefined()
  expect(session.startedAt).toBeGreaterThan(0)
  expect(session.sentAt).toBeGreaterThanOrEqual(session.startedAt)
  expect(session.answeredAt).toBeGreaterThanOrEqual(session.sentAt)
  expect(session.finishedAt).toBeGreaterThanOrEqual(session.answeredAt)
  expect(session.bytesReceived).toBe(request.length)
  expect(session.bytesSent).toBe(answer.head.length + answer.body.length)
  expect(session).toMatchObject({
    remoteAddress: '127.0.0.1',
    localAddress: '127.0.0.1',
    localPort: proxy.port,
    secure: false,
    headSent: true,
  })
  expect(session.remotePort).toBe(client.socket.localPort)
})
