import { afterEach, describe, expect, test } from 'vitest'
import { LoadBalancer } from '../balancing/index.ts'
import { peer } from '../peers/peer.ts'
import { ProxyError } from '../proxy-error.ts'
import { startProxy, startProxyTo } from './testing/proxy-harness.ts'
import { statusOf } from './testing/raw-client.ts'
import { DEAD, RawUpstream, reply } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

/** Hangs up on the first `failures` requests after they were read, then answers. */
function flaky(failures: number, how: 'end' | 'reset' = 'reset'): Promise<RawUpstream> {
  let left = failures
  return RawUpstream.start(async (connection) => {
    for (;;) {
      const { body, line } = await connection.request()
      if (left-- > 0) connection[how]()
      else connection.send(reply(`${line.split(' ')[0]} ${body}`))
    }
  })
}

const failures = (log: { readonly fields: Readonly<Record<string, unknown>> }[]): unknown[] =>
  log.map(({ fields }) => fields['code'])

describe('a connection that cannot be made', () => {
  test('goes to the next node, for any method, and the failed one is not picked again', async () => {
    const good = await RawUpstream.answering(({ body }) => reply(`got ${body}`))
    const nodes = LoadBalancer.roundRobin([...DEAD, good.address])
    const proxy = await startProxy({ upstreamPeer: (session) => peer(nodes.select('', session.tried)) })
    const client = await proxy.connect()
    for (let round = 1; round <= 3; round++) {
      expect((await client.post('/', 'body')).body).toBe('got body')
      const { session } = await proxy.end(round)
      expect(session.peer?.backend?.address).toBe(good.address)
      expect(new Set(session.tried).size).toBe(session.tried.length)
      expect(session.attempts).toBe(session.tried.length + 1)
    }
    expect(new Set(failures(proxy.log))).toEqual(new Set(['CONNECT_REFUSED']))
  })

  test('is a 502 with its reason when no other node is left', async () => {
    const nodes = LoadBalancer.roundRobin([DEAD[0]])
    const proxy = await startProxy({ upstreamPeer: (session) => peer(nodes.select('', session.tried)) })
    const client = await proxy.connect()
    const answer = await client.get()
    expect(statusOf(answer)).toBe(502)
    expect(JSON.parse(answer.body)).toMatchObject({ reason: 'CONNECT_REFUSED' })
    const { error, session } = await proxy.end()
    expect(error?.message).toMatch(/refused the connection, and no other node is left$/)
    expect(session.attempts).toBe(2)
  })

  test.each([0, 2])('is tried %d times more with maxRetries', async (maxRetries) => {
    const proxy = await startProxyTo(DEAD[0], {}, { maxRetries })
    const client = await proxy.connect()
    expect(statusOf(await client.get())).toBe(502)
    expect((await proxy.end()).session.attempts).toBe(maxRetries + 1)
  })

  test('ends the request when failToConnect says so', async () => {
    const proxy = await startProxyTo(DEAD[0], {
      failToConnect: (_session, _peer, error) => {
        expect(error).toMatchObject({ code: 'CONNECT_REFUSED', source: 'upstream', status: 502, retry: true })
        error.retry = false
        error.status = 599
      },
    })
    const client = await proxy.connect()
    expect(statusOf(await client.get())).toBe(599)
    expect((await proxy.end()).session.attempts).toBe(1)
  })

  test.each([
    ['a local address that is none', { localAddress: 'nowhere' }],
    ['a certificate that is none', { tls: { ca: 'not a certificate', cert: 'x', key: 'y' } }],
  ])('because of %s is a 502, and no crash', async (_, options) => {
    const upstream = await RawUpstream.answering(() => reply('unreached'))
    const proxy = await startProxy({ upstreamPeer: () => peer(upstream.address, options) })
    const client = await proxy.connect()
    expect(statusOf(await client.get())).toBe(502)
    expect((await proxy.end()).error?.code).toBe('CONNECT_FAILED')
    expect(proxy.proxy.runtime.pools.active).toBe(0)
  })

  test('because the name has no address is a 502', async () => {
    const proxy = await startProxyTo('no-such-name.invalid:80')
    const client = await proxy.connect()
    expect(statusOf(await client.get())).toBe(502)
    expect((await proxy.end()).error?.code).toBe('NAME_NOT_RESOLVED')
  })
})

describe.each(['end', 'reset'] as const)('an upstream that hangs up (%s) before it answers', (how) => {
  test.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])('%s is sent again', async (method) => {
    const upstream = await flaky(1, how)
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send(`${method} / HTTP/1.1\r\nHost: client.test\r\n\r\n`)
    expect(statusOf(await client.response(method === 'HEAD'))).toBe(200)
    expect((await proxy.end()).session.attempts).toBe(2)
    expect(upstream.connections.length).toBe(2)
  })

  test.each(['POST', 'PATCH', 'X-CUSTOM'])('%s is not', async (method) => {
    const upstream = await flaky(1, how)
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send(`${method} / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 2\r\n\r\nhi`)
    expect(statusOf(await client.response())).toBe(502)
    expect((await proxy.end()).session.attempts).toBe(1)
    expect(upstream.connections.length).toBe(1)
  })
})

test('errorWhileProxy may forbid what is safe, and allow what is not', async () => {
  const upstream = await flaky(2)
  const proxy = await startProxyTo(upstream.address, {
    errorWhileProxy: (session, _peer, error) => {
      expect(error.retry).toBe(session.request.method === 'GET')
      error.retry = session.request.method === 'POST'
    },
  })
  const client = await proxy.connect()
  expect(statusOf(await client.get())).toBe(502)
  expect((await client.post('/', 'again')).body).toBe('POST again')
})

test('a status that a response filter does not like goes to another node', async () => {
  const bad = await RawUpstream.answering(() => reply('overloaded', '', '503 Busy'))
  const good = await RawUpstream.answering(() => reply('fine'))
  const nodes = LoadBalancer.roundRobin([bad.address, good.address])
  const proxy = await startProxy({
    upstreamPeer: (session) => peer(nodes.select('', session.tried)),
    upstreamResponseFilter: (_session, response) => {
      if (response.status !== 503) return
      const error = new ProxyError('HTTP_STATUS', 'upstream', 503, 'overloaded')
      error.retry = true
      throw error
    },
  })
  const client = await proxy.connect()
  for (let round = 0; round < 4; round++) expect((await client.get()).body).toBe('fine')
  // The response was whole: its connection is as good as before.
  expect(bad.connections.length).toBe(1)
})

describe('a pooled connection that turns out to be dead', () => {
  /** Keeps the connection after its first answer, and resets it when the second request comes. */
  const stale = (): Promise<RawUpstream> =>
    RawUpstream.start(async (connection) => {
      await connection.request()
      connection.send(reply(`connection ${connection.number}`))
      await connection.request()
      connection.reset()
    })

  test('gets the request a fresh one, and neither counts as an attempt nor speaks against the node', async () => {
    const upstream = await stale()
    const nodes = LoadBalancer.roundRobin([upstream.address])
    const reused: boolean[] = []
    const proxy = await startProxy(
      {
        upstreamPeer: (session) => peer(nodes.select('', session.tried)),
        connectedToUpstream: (_session, _peer, isReused) => void reused.push(isReused),
        errorWhileProxy: (_session, _peer, error) => expect(error.stale).toBe(true),
      },
      { maxRetries: 0 },
    )
    const client = await proxy.connect()
    expect((await client.get()).body).toBe('connection 1')
    expect((await client.get()).body).toBe('connection 2')
    expect(reused).toEqual([false, true, false])
    const { session } = await proxy.end(2)
    expect(session.attempts).toBe(1)
    expect(session.tried).toEqual([])
  })

  test('is a 502 for a POST: nobody knows whether it was carried out', async () => {
    const upstream = await stale()
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    expect(statusOf(await client.get())).toBe(200)
    expect(statusOf(await client.post('/', 'pay'))).toBe(502)
    expect(upstream.connections.length).toBe(1)
  })

  test('is not taken at all when it was closed before: even a POST gets a fresh one', async () => {
    const upstream = await RawUpstream.start(async (connection) => {
      const { body } = await connection.request()
      connection.send(reply(`got ${body}`))
      connection.end()
    })
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    const { pools: pool } = proxy.proxy.runtime
    for (let round = 1; round <= 3; round++) {
      expect((await client.post('/', `${round}`)).body).toBe(`got ${round}`)
      while (pool.idle > 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(upstream.connections.length).toBe(3)
  })
})

test('an upstream that dies while an asynchronous filter prepares the request costs an attempt, not the process', async () => {
  const good = await RawUpstream.answering(() => reply('fine'))
  const dying = await RawUpstream.start((connection) => connection.end())
  const addresses = [dying.address, good.address]
  const gone: Promise<void>[] = []
  const proxy = await startProxy({
    upstreamPeer: () => peer(addresses.shift() as string),
    connectedToUpstream: (session) => {
      const { socket } = (session as unknown as { upstream: { socket: import('node:net').Socket } }).upstream
      gone.push(new Promise((resolve) => socket.once('close', () => resolve())))
    },
    upstreamRequestFilter: async (session) => {
      if (session.attempts === 1) await gone[0]
      await new Promise((resolve) => setImmediate(resolve))
    },
  })
  const client = await proxy.connect()
  expect((await client.get()).body).toBe('fine')
  expect((await proxy.end()).session.attempts).toBe(2)
  expect(proxy.messages('error')).toEqual([])
})
