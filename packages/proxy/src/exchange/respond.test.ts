import { afterEach, describe, expect, test } from 'vitest'
import { peer } from '../peers/peer.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import type { Session } from '../session.ts'
import { startProxy, startProxyTo } from './testing/proxy-harness.ts'
import { statusOf } from './testing/raw-client.ts'
import { CHUNKED_HEAD, DEAD, RawUpstream, reply } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

type Phases = ProxyPhases<undefined>
type Name = keyof Phases

/** The phases that may answer in place of the upstream, and what makes each of them run. */
const MAY_RESPOND: readonly (readonly [Name, 'get' | 'second get' | 'post' | 'refused' | 'hung up'])[] = [
  ['newContext', 'get'],
  ['onConnectionReuse', 'second get'],
  ['earlyRequestFilter', 'get'],
  ['requestFilter', 'get'],
  ['proxyUpstreamFilter', 'get'],
  ['upstreamPeer', 'get'],
  ['failToConnect', 'refused'],
  ['connectedToUpstream', 'get'],
  ['upstreamRequestFilter', 'get'],
  ['requestBodyFilter', 'post'],
  ['upstreamResponseFilter', 'get'],
  ['responseFilter', 'get'],
  ['errorWhileProxy', 'hung up'],
  ['failToProxy', 'hung up'],
]
const MAY_WAIT: ReadonlySet<Name> = new Set<Name>([
  'earlyRequestFilter',
  'requestFilter',
  'proxyUpstreamFilter',
  'upstreamPeer',
  'upstreamRequestFilter',
  'requestBodyFilter',
  'upstreamResponseFilter',
  'responseFilter',
])
const CASES = MAY_RESPOND.flatMap(([name, reach]) =>
  (MAY_WAIT.has(name) ? ['at once', 'later'] : ['at once']).map((when) => [name, when, reach] as const),
)

describe.each(CASES)('respond() in %s, %s', (name, when, reach) => {
  test('is what the client gets, and the connection lives on', async () => {
    const upstream = await RawUpstream.start(async (connection) => {
      for (;;) {
        const { line, headers } = await connection.request()
        if (headers.has('x-hang-up')) connection.end()
        else connection.send(reply(`hello ${line.split(' ')[1]}`))
      }
    })
    const usual: Phases = {
      upstreamPeer: (session) =>
        peer(reach === 'refused' && session.request.target === '/x' ? DEAD[0] : upstream.address),
    }
    const before = usual[name] as ((session: Session) => unknown) | undefined
    const phase = (session: Session): unknown => {
      const rest = before?.(session) ?? (name === 'proxyUpstreamFilter' ? true : undefined)
      if (session.request.target !== '/x') return rest
      const answer = (): unknown => {
        session.respond(418, 'a teapot', { 'X-Kind': 'local' })
        return rest
      }
      return when === 'later' ? Promise.resolve().then(answer) : answer()
    }
    const proxy = await startProxy({ ...usual, [name]: phase })
    const client = await proxy.connect()
    if (reach === 'second get') await client.get('/first')
    const fields = reach === 'hung up' ? 'X-Hang-Up: 1\r\n' : ''
    const answer = reach === 'post' ? await client.post('/x', 'body') : await client.get('/x', fields)
    expect(statusOf(answer)).toBe(418)
    expect(answer.body).toBe('a teapot')
    expect(answer.headers.get('x-kind')).toBe('local')
    expect((await client.get('/next')).body).toBe('hello /next')
    const { session } = await proxy.end(reach === 'second get' ? 2 : 1)
    expect(session.responseSource).toBe('local')
  })
})

test('what the upstream was sending is dropped when a response filter answers, and its connection is not used again', async () => {
  const upstream = await RawUpstream.start(async (connection) => {
    await connection.request()
    connection.send(`${CHUNKED_HEAD}4\r\nleft`)
    await connection.hungUp
  })
  const proxy = await startProxyTo(upstream.address, {
    upstreamResponseFilter: async (session) => session.respond(451, 'not for you'),
  })
  const client = await proxy.connect()
  expect((await client.get()).body).toBe('not for you')
  await (
    await upstream.connection()
  ).hungUp
  expect(proxy.proxy.runtime.pools.idle).toBe(0)
  expect(proxy.proxy.runtime.pools.active).toBe(0)
})

test('the response filter sees one head for each response that leaves', async () => {
  const statuses: number[] = []
  const upstream = await RawUpstream.answering(() => reply('upstream'))
  const proxy = await startProxyTo(upstream.address, {
    upstreamResponseFilter: (session) => session.respond(503),
    responseFilter: (_session, head) => void statuses.push(head.status),
  })
  const client = await proxy.connect()
  expect(statusOf(await client.get())).toBe(503)
  expect(statuses).toEqual([503])
})

test('the first call counts; amendResponse changes the body from a status on and keeps every field', async () => {
  const proxy = await startProxyTo('unused', {
    earlyRequestFilter: (session) => {
      session.respond(401, 'first', { 'WWW-Authenticate': ['Basic', 'Bearer'], 'Content-Type': 'text/html' })
      session.respond(200, 'second')
      session.amendResponse(500, 'for server errors')
      session.amendResponse(400, { message: 'amended' })
      expect(session.responded).toBe(true)
    },
  })
  const client = await proxy.connect()
  const answer = await client.get()
  expect(statusOf(answer)).toBe(401)
  expect(answer.body).toBe('{"message":"amended"}\n')
  expect(answer.headers.get('www-authenticate')).toBe('Basic, Bearer')
  expect(answer.headers.get('content-type')).toBe('application/json')
})

test.each([
  ['text', 'grüß', 'text/plain; charset=utf-8', Buffer.from('grüß').toString('latin1')],
  ['bytes', new Uint8Array([0, 255, 10]), 'application/octet-stream', '\0\xff\n'],
  ['an object', { a: 'ü' }, 'application/json', Buffer.from('{"a":"ü"}\n').toString('latin1')],
  ['nothing', '', undefined, ''],
])('a body of %s', async (_, body, type, sent) => {
  const proxy = await startProxyTo('unused', { requestFilter: (session) => session.respond(200, body) })
  const client = await proxy.connect()
  const answer = await client.get()
  expect(answer.body).toBe(sent)
  expect(answer.headers.get('content-type')).toBe(type)
  expect(answer.headers.get('content-length')).toBe(String(sent.length))
  client.send('HEAD / HTTP/1.1\r\nHost: client.test\r\n\r\n')
  expect((await client.response(true)).headers.get('content-length')).toBe(String(sent.length))
  expect(statusOf(await client.get())).toBe(200)
})

test('an answer before the request body was read: a small one is dropped, a large one closes the connection', async () => {
  const proxy = await startProxyTo('unused', { requestFilter: (session) => session.respond(403) })
  const client = await proxy.connect()
  expect(statusOf(await client.post('/', 'x'.repeat(1_000)))).toBe(403)
  client.send('POST / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 1000000\r\n\r\n')
  const answer = await client.response()
  expect(answer.headers.get('connection')).toBe('close')
  expect(await client.reader.rest()).toBe('')
})

test('proxyUpstreamFilter that says no is a 502, unless it answered', async () => {
  const proxy = await startProxyTo('unused', { proxyUpstreamFilter: () => false })
  const client = await proxy.connect()
  expect(statusOf(await client.get())).toBe(502)
  expect((await proxy.end()).error?.code).toBe('NO_UPSTREAM')
})

test('a status that is none is a 500, and no broken status line', async () => {
  const proxy = await startProxyTo('unused', {
    requestFilter: (session) => session.respond(Number(session.request.query)),
  })
  for (const status of ['99', '1000', '200.5', 'NaN', '101']) {
    const client = await proxy.connect()
    expect(statusOf(await client.get(`/?${status}`))).toBe(500)
  }
})

test('an answer may be taken back in the phase that gave it, and another one given', async () => {
  const taken: unknown[] = []
  const upstream = await RawUpstream.answering(() => reply('upstream'))
  const proxy = await startProxyTo(upstream.address, {
    requestFilter: (session) => {
      taken.push(session.withdrawResponse())
      session.respond(401, 'no', { 'WWW-Authenticate': 'Basic' })
      const head = session.withdrawResponse()
      taken.push([head?.status, head?.headers.get('www-authenticate'), session.responded])
      if (session.request.target === '/other') session.respond(403, 'other')
    },
  })
  const client = await proxy.connect()
  expect(statusOf(await client.get('/'))).toBe(200)
  expect(statusOf(await client.get('/other'))).toBe(403)
  expect(taken.slice(0, 2)).toEqual([undefined, [401, 'Basic', false]])
})
