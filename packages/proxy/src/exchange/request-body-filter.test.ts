import { afterEach, describe, expect, test } from 'vitest'
import { peer } from '../peers/peer.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import { exchangeOf, startProxy, startProxyTo } from './testing/proxy-harness.ts'
import { chunked, statusOf, type RawClient } from './testing/raw-client.ts'
import { RawUpstream, reply } from './testing/raw-upstream.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const echo = (): Promise<RawUpstream> => RawUpstream.answering(({ body, framing }) => reply(`${framing} ${body}`))
const postChunks = (client: RawClient, pieces: readonly string[]): void =>
  client.send(`POST / HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(pieces)}`)
const upper = (chunk: Uint8Array): Uint8Array =>
  Buffer.from(Buffer.from(chunk).toString('latin1').toUpperCase(), 'latin1')
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe.each([
  ['at once', (bytes: Uint8Array) => bytes],
  ['later', async (bytes: Uint8Array) => nextTurn().then(() => bytes)],
])('a filter that answers %s', (_, give) => {
  test('changes what goes up, and may keep the length', async () => {
    const upstream = await echo()
    const proxy = await startProxyTo(upstream.address, { requestBodyFilter: (_session, chunk) => give(upper(chunk)) })
    const client = await proxy.connect()
    expect((await client.post('/', 'hello')).body).toBe('length HELLO')
    postChunks(client, ['one', 'two'])
    expect((await client.response()).body).toBe('chunked ONETWO')
  })

  test('may change the length when it takes Content-Length away, and add to the end', async () => {
    const upstream = await echo()
    const proxy = await startProxyTo(upstream.address, {
      upstreamRequestFilter: (_session, request) => void request.headers.delete('content-length'),
      requestBodyFilter: (_session, chunk, end) =>
        give(end ? Buffer.from('>') : Buffer.concat([Buffer.from('<'), chunk])),
    })
    const client = await proxy.connect()
    expect((await client.post('/', 'hello')).body).toBe('chunked <hello>')
    postChunks(client, ['one', 'two', 'three'])
    expect((await client.response()).body).toBe('chunked <one<two<three>')
  })

  test('may swallow everything', async () => {
    const upstream = await echo()
    const proxy = await startProxyTo(upstream.address, {
      upstreamRequestFilter: (_session, request) => void request.headers.delete('content-length'),
      requestBodyFilter: () => give(new Uint8Array(0)),
    })
    const client = await proxy.connect()
    expect((await client.post('/', 'hello')).body).toBe('chunked ')
    expect((await client.post('/', 'again')).body).toBe('chunked ')
  })

  test('sees a body that was read whole, too', async () => {
    const upstream = await echo()
    const proxy = await startProxyTo(upstream.address, {
      requestFilter: async (session) => {
        await session.readBody(100)
        session.replaceBody(Buffer.from('other'))
      },
      requestBodyFilter: (_session, chunk) => give(upper(chunk)),
    })
    const client = await proxy.connect()
    expect((await client.post('/', 'hello')).body).toBe('length OTHER')
  })

  test('has its output sent again by another attempt, without being asked twice', async () => {
    let asked = 0
    const upstream = await RawUpstream.start(async (connection) => {
      const { body } = await connection.request()
      if (connection.number === 1) connection.reset()
      else connection.send(reply(body))
    })
    const proxy = await startProxyTo(upstream.address, {
      requestBodyFilter: (_session, chunk, end) => {
        if (!end) asked++
        return give(upper(chunk))
      },
    })
    const client = await proxy.connect()
    client.send('PUT / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 5\r\n\r\nhello')
    expect((await client.response()).body).toBe('HELLO')
    expect(asked).toBe(1)
  })

  test.each([
    ['longer', 'xx'],
    ['shorter', ''],
  ])(
    'that makes it %s than Content-Length is a 500, and never a request of its own for the upstream',
    async (_how, bytes) => {
      const upstream = await echo()
      const proxy = await startProxyTo(upstream.address, {
        requestBodyFilter: (session, _chunk, end) =>
          session.request.target === '/bad' && !end ? give(Buffer.from('hello'.slice(2) + bytes + bytes)) : undefined,
      })
      const client = await proxy.connect()
      expect((await client.post('/', 'hello')).body).toBe('length hello')
      expect(statusOf(await client.post('/bad', 'hello'))).toBe(500)
      expect((await client.post('/', 'world')).body).toBe('length world')
      expect(upstream.connections.length).toBe(2)
      expect(proxy.messages('error')[0]).toMatch(/than Content-Length says/)
    },
  )
})

test('a promise holds later pieces back, whichever settles first', async () => {
  const upstream = await echo()
  const releases: (() => void)[] = []
  let running = 0
  const proxy = await startProxyTo(upstream.address, {
    requestBodyFilter: (_session, chunk) => {
      const text = Buffer.from(chunk).toString()
      if (!text.startsWith('slow')) return undefined
      expect(++running).toBe(1)
      return new Promise((resolve) => {
        releases.push(() => {
          running--
          resolve(Buffer.from(text.toUpperCase()))
        })
      })
    },
  })
  const client = await proxy.connect()
  postChunks(client, ['slow1', 'fast1', 'slow2', 'fast2'])
  await eventually('the first slow piece', () => releases.length === 1)
  releases[0]?.()
  await eventually('the second slow piece', () => releases.length === 2)
  releases[1]?.()
  expect((await client.response()).body).toBe('chunked SLOW1fast1SLOW2fast2')
})

test('a promise that never comes keeps the client waiting, and what it sends out of memory', async () => {
  const upstream = await echo()
  let pieces = 0
  const proxy = await startProxyTo(upstream.address, {
    requestBodyFilter: () => {
      pieces++
      return new Promise(() => undefined)
    },
  })
  const client = await proxy.connect()
  client.send('PUT / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 50000000\r\n\r\n')
  client.socket.write(Buffer.alloc(50_000_000))
  await eventually('the first piece', () => pieces === 1)
  for (let turn = 0; turn < 200; turn++) await nextTurn()
  expect(pieces).toBe(1)
  expect(client.socket.writableLength).toBeGreaterThan(0)
  // It counts as a request in flight, which a drain cuts.
  proxy.listener.stopAccepting()
  expect(await proxy.listener.drain(0)).toBe(1)
  expect((await proxy.end()).error?.code).toBe('CLIENT_GONE')
})

test('a slow upstream behind an asynchronous filter holds the client back as well', async () => {
  const upstream = await RawUpstream.start((connection) => void connection.socket.pause())
  let backlog = (): number => 0
  const phases: ProxyPhases<undefined> = {
    upstreamPeer: () => peer(upstream.address),
    connectedToUpstream: (session) => {
      const machine = exchangeOf(session)
      backlog = () => machine.upstream?.backlog ?? 0
    },
    requestBodyFilter: async () => nextTurn(),
  }
  const proxy = await startProxy(phases)
  const client = await proxy.connect()
  const size = 32 * 1_048_576
  client.send(`PUT / HTTP/1.1\r\nHost: client.test\r\nContent-Length: ${size}\r\n\r\n`)
  client.socket.write(Buffer.alloc(size))
  await eventually('the upstream queue is full', () => backlog() >= 262_144)
  for (let turn = 0; turn < 1_000; turn++) await nextTurn()
  expect(backlog()).toBeLessThan(262_144 + 2 * 65_536)
  const connection = await upstream.connection()
  connection.socket.resume()
  expect((await connection.request()).body.length).toBe(size)
})

test('an upstream that answers before it took the body ends the exchange; what is left of the body harms nobody', async () => {
  const upstream = await RawUpstream.start(async (connection) => {
    await connection.reader.until('\r\n\r\n')
    if (connection.number === 1) connection.send(reply('too much', '', '413 Content Too Large'))
    else connection.send(reply('hello'))
  })
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  client.send('POST / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 1000\r\n\r\nhalf')
  expect(statusOf(await client.response())).toBe(413)
  expect((await proxy.end()).error).toBeUndefined()
  // Within 64 KiB the rest is read and dropped, and the next request is served, on another upstream connection.
  client.send('x'.repeat(996))
  expect((await client.get()).body).toBe('hello')
  expect(upstream.connections.length).toBe(2)
})
