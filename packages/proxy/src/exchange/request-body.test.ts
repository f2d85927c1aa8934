import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { peer } from '../peers/peer.ts'
import { exchangeOf, startProxy, startProxyTo } from './testing/proxy-harness.ts'
import { chunked, statusOf } from './testing/raw-client.ts'
import { DEAD, RawUpstream, reply } from './testing/raw-upstream.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const digest = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex')
/** Bytes that do not repeat with any buffer size. */
const pattern = (length: number): string =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7) & 0xff)).toString('latin1')

const echo = (): Promise<RawUpstream> =>
  RawUpstream.answering(({ body, framing, trailers }) =>
    reply(`${framing} ${body.length} ${digest(body)} ${trailers.trim()}`),
  )

describe.each([
  ['nothing', 0],
  ['one byte', 1],
  ['1 MB', 1_048_576],
  ['10 MB', 10_485_760],
])('a body of %s', (_, size) => {
  const body = pattern(size)

  test('goes up intact by its length', async () => {
    const upstream = await echo()
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    expect((await client.post('/', body)).body).toBe(`length ${size} ${digest(body)} `)
    expect((await client.post('/', 'next')).body).toBe(`length 4 ${digest('next')} `)
  })

  test('goes up intact in chunks, with its trailers', async () => {
    const upstream = await echo()
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    const pieces: string[] = []
    for (let at = 0; at < size; at += 100_003) pieces.push(body.slice(at, at + 100_003))
    client.send(
      `POST / HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(pieces, 'X-Sum: 1\r\n')}`,
    )
    expect((await client.response()).body).toBe(`chunked ${size} ${digest(body)} X-Sum: 1`)
  })
})

test('a slow upstream holds the client back: what waits in between does not grow', async () => {
  const size = 64 * 1_048_576
  const upstream = await RawUpstream.start((connection) => void connection.socket.pause())
  let backlog = (): number => 0
  const proxy = await startProxyTo(upstream.address, {
    connectedToUpstream: (session) => {
      const machine = exchangeOf(session)
      backlog = () => machine.upstream?.backlog ?? 0
    },
  })
  const client = await proxy.connect()
  client.send(`PUT / HTTP/1.1\r\nHost: client.test\r\nContent-Length: ${size}\r\n\r\n`)
  const piece = Buffer.alloc(1_048_576)
  for (let sent = 0; sent < size; sent += piece.length) client.socket.write(piece)
  await eventually('the upstream queue is full', () => backlog() >= 262_144)
  // What the client's kernel still takes goes nowhere: the proxy reads no more, so this stays.
  const full = backlog()
  for (let turn = 0; turn < 1_000; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(backlog()).toBe(full)
  expect(full).toBeLessThan(262_144 + 65_536 + 1_024)
  const connection = await upstream.connection()
  connection.socket.resume()
  expect((await connection.request()).body.length).toBe(size)
})

describe('another attempt', () => {
  /** Reads so many bytes of the body (or all of it), then resets its first connection; answers on the second. */
  const failing = (bytes: number): Promise<RawUpstream> =>
    RawUpstream.start(async (connection) => {
      if (connection.number === 1) {
        await connection.reader.until('\r\n\r\n')
        await connection.reader.exactly(bytes)
        connection.reset()
        return
      }
      const { body } = await connection.request()
      connection.send(reply(`${body.length} ${digest(body)}`))
    })

  test('sends a body of up to 64 KiB again', async () => {
    const body = pattern(65_536)
    const upstream = await failing(body.length)
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send(`PUT / HTTP/1.1\r\nHost: client.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    expect((await client.response()).body).toBe(`${body.length} ${digest(body)}`)
  })

  test('is not made for a larger one', async () => {
    const body = pattern(65_537)
    const upstream = await failing(body.length)
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send(`PUT / HTTP/1.1\r\nHost: client.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    expect(statusOf(await client.response())).toBe(502)
    expect((await proxy.end()).session.attempts).toBe(1)
  })

  test('is made for a larger one of which nothing was sent, and for one that was read whole', async () => {
    const body = pattern(1_000_000)
    const upstream = await failing(body.length)
    const proxy = await startProxy({
      requestFilter: async (session) => void (await session.readBody(2_000_000)),
      upstreamPeer: (session) => peer(session.attempts === 1 ? DEAD[0] : upstream.address),
    })
    const client = await proxy.connect()
    client.send(`PUT / HTTP/1.1\r\nHost: client.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    expect((await client.response()).body).toBe(`${body.length} ${digest(body)}`)
    expect((await proxy.end()).session.attempts).toBe(3)
  })

  test.each(['by length', 'in chunks'])(
    'gets what the client sent (%s) while no connection was there, once and in order',
    async (how) => {
      // The client goes on sending between the loss of the first connection and the making of the second one.
      const upstream = await failing(5)
      let release = (): void => undefined
      const proxy = await startProxy({
        upstreamPeer: (session) => {
          if (session.attempts === 1) return peer(upstream.address)
          return new Promise((resolve) => (release = () => resolve(peer(upstream.address))))
        },
      })
      const client = await proxy.connect()
      const framing = how === 'by length' ? 'Content-Length: 10' : 'Transfer-Encoding: chunked'
      client.send(
        `PUT / HTTP/1.1\r\nHost: client.test\r\n${framing}\r\n\r\n${how === 'by length' ? '01234' : '5\r\n01234\r\n'}`,
      )
      await eventually('the second attempt', () => proxy.log.length > 0)
      await client.sendAll(how === 'by length' ? '56789' : '5\r\n56789\r\n0\r\n\r\n')
      release()
      expect((await client.response()).body).toBe(`10 ${digest('0123456789')}`)
    },
  )
})

describe('readBody and replaceBody', () => {
  test.each(['by length', 'in chunks'])(
    'give a phase all of it (%s), and the upstream what the phase made of it',
    async (how) => {
      const upstream = await RawUpstream.answering(({ body, framing }) => reply(`${framing} ${body}`))
      const proxy = await startProxyTo(upstream.address, {
        requestFilter: async (session) => {
          const body = Buffer.from(await session.readBody(100)).toString()
          expect(Buffer.from(await session.readBody(100)).toString()).toBe(body)
          session.replaceBody(Buffer.from(body.toUpperCase() + '!'))
        },
      })
      const client = await proxy.connect()
      for (let round = 0; round < 2; round++) {
        if (how === 'by length') client.send('POST / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 5\r\n\r\nhello')
        else
          client.send(
            `POST / HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(['he', 'llo'])}`,
          )
        expect((await client.response()).body).toBe(`${how === 'by length' ? 'length' : 'chunked'} HELLO!`)
      }
    },
  )

  test('may leave nothing of it', async () => {
    const upstream = await RawUpstream.answering(({ head, body }) =>
      reply(`${/content-length: 0/i.test(head)} ${body.length}`),
    )
    const proxy = await startProxyTo(upstream.address, {
      requestFilter: async (session) => {
        await session.readBody(100)
        session.replaceBody(new Uint8Array(0))
      },
    })
    const client = await proxy.connect()
    expect((await client.post('/', 'hello')).body).toBe('true 0')
    expect((await client.post('/', 'again')).body).toBe('true 0')
  })

  test('a request without a body has an empty one, and may be given another', async () => {
    const upstream = await RawUpstream.answering(({ body, framing }) => reply(`${framing} ${body}`))
    const proxy = await startProxyTo(upstream.address, {
      requestFilter: async (session) => {
        expect((await session.readBody(10)).length).toBe(0)
        session.request.method = 'POST'
        session.replaceBody(Buffer.from('given'))
      },
    })
    const client = await proxy.connect()
    expect((await client.get()).body).toBe('chunked given')
  })

  test.each([
    ['by length', 'Content-Length: 11\r\n\r\nhello world'],
    ['in chunks', `Transfer-Encoding: chunked\r\n\r\n${chunked(['hello ', 'world'])}`],
  ])('more than the limit (%s) is a 413', async (_, rest) => {
    const proxy = await startProxyTo('unused', { requestFilter: async (session) => void (await session.readBody(10)) })
    const client = await proxy.connect()
    client.send(`POST / HTTP/1.1\r\nHost: client.test\r\n${rest}`)
    expect(statusOf(await client.response())).toBe(413)
    expect((await proxy.end()).error?.source).toBe('downstream')
  })

  test('a phase that overlooks that it was too large sends no half of it', async () => {
    const upstream = await RawUpstream.answering(() => reply('never'))
    const proxy = await startProxyTo(upstream.address, {
      requestFilter: (session) =>
        session.readBody(10).then(
          () => undefined,
          () => undefined,
        ),
    })
    const client = await proxy.connect()
    client.send(
      `POST / HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(['hello ', 'world'])}`,
    )
    expect(statusOf(await client.response())).toBe(413)
    expect(upstream.connections.length).toBe(0)
  })

  test('come too late when the body is on its way: that is an error and no wait for ever', async () => {
    const upstream = await RawUpstream.answering(({ body }) => reply(body))
    const proxy = await startProxyTo(upstream.address, {
      responseFilter: async (session) => void (await session.readBody(10)),
    })
    const client = await proxy.connect()
    expect(statusOf(await client.post('/', 'hello'))).toBe(500)
  })

  test('a client that goes away, or breaks the rules, within the body ends the exchange once', async () => {
    const proxy = await startProxyTo('unused', { requestFilter: async (session) => void (await session.readBody(100)) })
    const one = await proxy.connect()
    one.send('POST / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 10\r\n\r\nhalf')
    await eventually('the request', () => proxy.proxy.connectionCount === 1)
    one.reset()
    expect((await proxy.end()).error).toMatchObject({ code: 'CLIENT_GONE', source: 'downstream' })
    const two = await proxy.connect()
    two.send('POST / HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')
    expect(statusOf(await two.response())).toBe(400)
    expect((await proxy.end(2)).error?.code).toBe('REQUEST_REFUSED')
    expect(proxy.ends.length).toBe(2)
  })
})
