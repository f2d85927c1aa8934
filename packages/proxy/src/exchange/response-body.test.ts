import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import type { ProxyPhases } from '../phases/phases.ts'
import { EndedError } from './testing/byte-reader.ts'
import { exchangeOf, startProxyTo } from './testing/proxy-harness.ts'
import { chunked, RawClient, statusOf } from './testing/raw-client.ts'
import { CHUNKED_HEAD, RawUpstream, reply } from './testing/raw-upstream.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const digest = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex')
const pattern = (length: number): string =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7) & 0xff)).toString('latin1')
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function inPieces(body: string, size: number): string[] {
  const pieces: string[] = []
  for (let at = 0; at < body.length; at += size) pieces.push(body.slice(at, at + size))
  return pieces
}

describe.each([
  ['nothing', 0],
  ['one byte', 1],
  ['20 KB', 20_000],
  ['1 MB', 1_048_576],
  ['10 MB', 10_485_760],
])('a body of %s', (_, size) => {
  const body = pattern(size)

  test.each<[string, 'length' | 'chunked', () => string]>([
    ['by length', 'length', () => reply(body)],
    ['in chunks', 'chunked', () => CHUNKED_HEAD + chunked(inPieces(body, 70_001))],
    ['until the close', 'chunked', () => `HTTP/1.1 200 OK\r\n\r\n${body}`],
    ['of HTTP/1.0', 'chunked', () => `HTTP/1.0 200 OK\r\n\r\n${body}`],
  ])('comes down intact %s, and the client connection lives on', async (how, framing, text) => {
    const upstream = await RawUpstream.start(async (connection) => {
      for (;;) {
        await connection.request()
        connection.send(text())
        if (how.startsWith('until') || how.startsWith('of')) connection.end()
      }
    })
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    for (let round = 0; round < 2; round++) {
      const answer = await client.get()
      expect(answer.framing).toBe(framing)
      expect(digest(answer.body)).toBe(digest(body))
    }
  })

  test('comes down intact to an HTTP/1.0 client, which is told the end by the close', async () => {
    const upstream = await RawUpstream.answering(() => CHUNKED_HEAD + chunked(inPieces(body, 70_001)))
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send('GET / HTTP/1.0\r\n\r\n')
    const answer = await client.response()
    expect(answer.framing).toBe('close')
    expect(digest(answer.body)).toBe(digest(body))
  })
})

test.each<[string, (body: Buffer) => Buffer[]]>([
  ['by length', (body) => [Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body]],
  [
    'in chunks',
    (body) => [Buffer.from(`${CHUNKED_HEAD}${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')],
  ],
])('a slow client holds the upstream back (%s): what waits in between does not grow', async (_, parts) => {
  const size = 64 * 1_048_576
  const upstream = await RawUpstream.start(async (connection) => {
    await connection.request()
    for (const part of parts(Buffer.alloc(size, 'x'))) connection.socket.write(part)
  })
  let backlog = (): number => 0
  const proxy = await startProxyTo(upstream.address, {
    responseFilter: (session) => {
      const machine = exchangeOf(session)
      backlog = () => machine.downstream.backlog
    },
  })
  const client = await proxy.connect()
  client.socket.pause()
  client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
  await eventually('the queue of the client is full', () => backlog() >= 262_144)
  const full = backlog()
  for (let turn = 0; turn < 1_000; turn++) await nextTurn()
  expect(backlog()).toBe(full)
  expect(full).toBeLessThan(262_144 + 2 * 65_536)
  client.socket.resume()
  expect((await client.response()).body.length).toBe(size)
})

describe('body filters', () => {
  const withFilter = async (
    text: string,
    phases: Partial<ProxyPhases<undefined>>,
    pieces: readonly string[] = [],
  ): Promise<{ client: RawClient; upstream: RawUpstream }> => {
    const upstream = await RawUpstream.answering(() => text)
    const proxy = await startProxyTo(upstream.address, phases)
    const client = await proxy.connect()
    client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
    const connection = await upstream.connection()
    let seen = ''
    for (const piece of pieces) {
      // Each piece in a read of its own: the client saw the one before.
      seen = await client.reader.until('\r\n')
      expect(seen).not.toBe('')
      connection.send(piece)
    }
    return { client, upstream }
  }

  test('change a small body, and its length with it', async () => {
    const { client } = await withFilter(reply('hello'), {
      upstreamResponseBodyFilter: (_session, chunk, end) => {
        expect(end).toBe(true)
        return Buffer.concat([Buffer.from('<'), chunk])
      },
      responseBodyFilter: (_session, chunk) => Buffer.concat([chunk, Buffer.from('>')]),
    })
    const answer = await client.response()
    expect([answer.framing, answer.body]).toEqual(['length', '<hello>'])
    expect((await client.get()).body).toBe('<hello>')
  })

  test.each(['length', 'chunked'] as const)('gather a large one (%s) and send it at the end', async (framing) => {
    const body = pattern(300_000)
    const gathered: Buffer[] = []
    const { client } = await withFilter(
      framing === 'length' ? reply(body) : CHUNKED_HEAD + chunked(inPieces(body, 9_999)),
      {
        responseFilter: (_session, response) => void response.headers.delete('content-length'),
        responseBodyFilter: (_session, chunk, end) => {
          gathered.push(Buffer.from(chunk))
          return end ? Buffer.from(digest(Buffer.concat(gathered.splice(0)).toString('latin1'))) : new Uint8Array(0)
        },
      },
    )
    const answer = await client.response()
    expect([answer.framing, answer.body]).toEqual(['chunked', digest(body)])
    // An empty piece is no last chunk: the connection is in step.
    expect((await client.get()).body).toBe(digest(body))
  })

  test('change each piece of a stream', async () => {
    const body = pattern(1_000_000)
    const { client } = await withFilter(reply(body), {
      responseBodyFilter: (_session, chunk) => Buffer.from(chunk).map((byte) => byte ^ 1),
    })
    const flipped = Buffer.from(body, 'latin1').map((byte) => byte ^ 1)
    expect(digest((await client.response()).body)).toBe(digest(Buffer.from(flipped).toString('latin1')))
  })

  test.each([
    ['more', 'Content-Length says', 2],
    ['less', 'Content-Length says', 0.5],
  ])('that send %s of a stream than the head tells cut it', async (_, reason, factor) => {
    const body = pattern(300_000)
    const upstream = await RawUpstream.answering(() => reply(body))
    const proxy = await startProxyTo(upstream.address, {
      responseBodyFilter: (_session, chunk) => Buffer.alloc(Math.floor(chunk.length * factor), 'x'),
    })
    const client = await proxy.connect()
    const failure: unknown = await client.get().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(EndedError)
    expect((failure as EndedError).partial.length).toBeLessThan(body.length)
    expect((await proxy.end()).error?.message).toContain(reason)
  })

  test('a response filter that writes a wrong length is put right, or cut', async () => {
    const set = (_session: unknown, response: { headers: { set(name: string, value: string): void } }): void =>
      response.headers.set('Content-Length', '3')
    const small = await withFilter(reply('hello'), { responseFilter: set })
    expect((await small.client.response()).body).toBe('hello')
    const large = await withFilter(reply(pattern(300_000)), { responseFilter: set })
    await large.client.reader.until('\r\n\r\n')
    expect((await large.client.reader.rest()).length).toBeLessThanOrEqual(3)
  })

  test('are not asked for the body of a HEAD, 204 or 304, which has none', async () => {
    const asked: string[] = []
    const heads = [
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "1"\r\n\r\n',
    ]
    const upstream = await RawUpstream.answering(({ line }) =>
      line.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n' : (heads.shift() ?? reply('hello')),
    )
    const proxy = await startProxyTo(upstream.address, {
      responseBodyFilter: (_session, chunk) => {
        asked.push(Buffer.from(chunk).toString())
        return Buffer.from('something else')
      },
    })
    const client = await proxy.connect()
    client.send('HEAD / HTTP/1.1\r\nHost: client.test\r\n\r\n')
    expect((await client.response(true)).headers.get('content-length')).toBe('5')
    expect(statusOf(await client.get())).toBe(204)
    expect((await client.get()).headers.get('content-length')).toBe('5')
    expect((await client.get()).body).toBe('something else')
    expect(asked).toEqual(['hello'])
  })

  test('filtersResponseBody decides for each response', async () => {
    const upstream = await RawUpstream.answering(({ line }) => reply(line))
    const proxy = await startProxyTo(upstream.address, {
      filtersResponseBody: (session) => session.request.path === '/yes',
      responseBodyFilter: () => Buffer.from('filtered'),
    })
    const client = await proxy.connect()
    expect((await client.get('/yes')).body).toBe('filtered')
    expect((await client.get('/no')).body).toBe('GET /no HTTP/1.1')
  })
})

describe('pauseResponse', () => {
  test('slows a stream down, and lets a slow client hold it back all the same', async () => {
    const size = 16 * 1_048_576
    let backlog = (): number => 0
    let pieces = 0
    const upstream = await RawUpstream.answering(() => reply('x'.repeat(size)))
    const proxy = await startProxyTo(upstream.address, {
      responseBodyFilter: (session, _chunk, end) => {
        const machine = exchangeOf(session)
        backlog = () => machine.downstream.backlog
        pieces++
        if (!end && pieces % 4 === 0) session.pauseResponse(0)
      },
    })
    const client = await proxy.connect()
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
    await eventually('the queue of the client is full', () => backlog() >= 262_144)
    const full = pieces
    for (let turn = 0; turn < 1_000; turn++) await nextTurn()
    // One read may have been under way.
    expect(pieces).toBeLessThanOrEqual(full + 1)
    client.socket.resume()
    expect((await client.response()).body.length).toBe(size)
  })

  test('nothing comes before its time is over', async () => {
    const upstream = await RawUpstream.start(() => undefined)
    let paused = 0
    const proxy = await startProxyTo(upstream.address, {
      responseBodyFilter: (session) => {
        if (paused === 0) session.pauseResponse(60_000)
        paused++
      },
    })
    const client = await proxy.connect()
    client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
    const connection = await upstream.connection()
    await connection.request()
    connection.send(`${CHUNKED_HEAD}3\r\none\r\n`)
    await client.reader.until('one\r\n')
    await connection.sendAll('3\r\ntwo\r\n')
    for (let turn = 0; turn < 200; turn++) await nextTurn()
    expect(paused).toBe(1)
    client.reset()
    await proxy.end()
    await connection.hungUp
  })
})
