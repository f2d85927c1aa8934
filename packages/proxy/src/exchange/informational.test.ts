import { afterEach, describe, expect, test } from 'vitest'
import { startProxyTo } from './testing/proxy-harness.ts'
import { chunked, statusOf } from './testing/raw-client.ts'
import { CHUNKED_HEAD, RawUpstream, reply } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const EXPECT = 'POST / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n'

describe('early hints', () => {
  const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'

  test('go through before the response, each on its own', async () => {
    const upstream = await RawUpstream.start(() => undefined)
    const filtered: number[] = []
    const proxy = await startProxyTo(upstream.address, {
      responseFilter: (_session, head) => void filtered.push(head.status),
    })
    const client = await proxy.connect()
    client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
    const connection = await upstream.connection()
    await connection.request()
    connection.send(HINTS)
    expect((await client.response()).headers.get('link')).toBe('</a.css>; rel=preload')
    connection.send(HINTS + 'HTTP/1.1 102 Processing\r\n\r\n' + reply('done'))
    expect(statusOf(await client.response())).toBe(103)
    expect(statusOf(await client.response())).toBe(102)
    expect((await client.response()).body).toBe('done')
    expect(filtered).toEqual([200])
  })

  test('are kept from an HTTP/1.0 client, which does not know them', async () => {
    const upstream = await RawUpstream.answering(() => HINTS + reply('done'))
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send('GET / HTTP/1.0\r\n\r\n')
    expect((await client.response()).body).toBe('done')
  })

  test('without end are refused', async () => {
    const upstream = await RawUpstream.answering(() => HINTS.repeat(17) + reply('done'))
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
    for (let hint = 0; hint < 16; hint++) expect(statusOf(await client.response())).toBe(103)
    expect(statusOf(await client.response())).toBe(502)
  })
})

describe('100 Continue', () => {
  test('is sent when a connection is there to take the body, and the expectation goes no further', async () => {
    const upstream = await RawUpstream.answering(({ headers, body }) => reply(`${headers.has('expect')} ${body}`))
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send(EXPECT)
    expect(await client.reader.until('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    client.send('body')
    expect((await client.response()).body).toBe('false body')
  })

  test('of the upstream is not sent on a second time', async () => {
    const upstream = await RawUpstream.answering(({ body }) => `HTTP/1.1 100 Continue\r\n\r\n${reply(body)}`)
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send(EXPECT)
    expect(await client.reader.until('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    client.send('body')
    expect((await client.response()).body).toBe('body')
  })

  test('is not sent when the request is answered without its body; then the connection closes', async () => {
    const proxy = await startProxyTo('unused', { requestFilter: (session) => session.respond(403) })
    const client = await proxy.connect()
    client.send(EXPECT)
    const answer = await client.response()
    expect([statusOf(answer), answer.headers.get('connection')]).toEqual([403, 'close'])
  })

  test('is sent by readBody', async () => {
    const upstream = await RawUpstream.answering(({ body }) => reply(body))
    const proxy = await startProxyTo(upstream.address, {
      requestFilter: async (session) => void (await session.readBody(10)),
    })
    const client = await proxy.connect()
    client.send(EXPECT)
    expect(statusOf(await client.response())).toBe(100)
    client.send('body')
    expect((await client.response()).body).toBe('body')
  })

  test('another expectation is refused with 417', async () => {
    const proxy = await startProxyTo('unused')
    const client = await proxy.connect()
    client.send(EXPECT.replace('100-continue', '200-ok'))
    expect(statusOf(await client.response())).toBe(417)
  })
})

describe('trailers', () => {
  test('go both ways, and filters may change those that leave', async () => {
    const upstream = await RawUpstream.answering(
      ({ body, trailers }) =>
        CHUNKED_HEAD + chunked([body], `X-Request-Trailers: ${trailers.trim()}\r\nX-Secret: 1\r\n`),
    )
    const proxy = await startProxyTo(upstream.address, {
      upstreamResponseTrailerFilter: (_session, trailers) => void trailers.delete('x-secret'),
      responseTrailerFilter: (_session, trailers) => trailers.set('X-Added', 'yes'),
    })
    const client = await proxy.connect()
    for (let round = 0; round < 2; round++) {
      client.send(
        `POST / HTTP/1.1\r\nHost: client.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(['body'], 'X-Sum: 1\r\n')}`,
      )
      const answer = await client.response()
      expect(answer.body).toBe('body')
      expect(answer.trailers).toBe('X-Request-Trailers: X-Sum: 1\r\nX-Added: yes\r\n')
    }
  })

  test('of a response are dropped for an HTTP/1.0 client', async () => {
    const upstream = await RawUpstream.answering(() => CHUNKED_HEAD + chunked(['body'], 'X-Sum: 1\r\n'))
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send('GET / HTTP/1.0\r\n\r\n')
    const answer = await client.response()
    expect([answer.framing, answer.body]).toEqual(['close', 'body'])
  })
})

test.each([
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'],
  ['chunks', CHUNKED_HEAD],
  ['nothing', 'HTTP/1.1 200 OK\r\n\r\n'],
])('HEAD has no body, whatever the head tells (%s), and both connections live on', async (_, head) => {
  const upstream = await RawUpstream.answering(() => head)
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  for (let round = 0; round < 3; round++) {
    client.send('HEAD / HTTP/1.1\r\nHost: client.test\r\n\r\n')
    expect(statusOf(await client.response(true))).toBe(200)
  }
  expect(upstream.connections.length).toBe(1)
})

test('pipelined requests are answered in order, each with its own response', async () => {
  const upstream = await RawUpstream.answering(({ line, body }) => reply(`${line.split(' ')[1]} ${body}`))
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  let text = ''
  for (let at = 0; at < 20; at++) {
    text +=
      at % 2 === 0
        ? `GET /${at} HTTP/1.1\r\nHost: client.test\r\n\r\n`
        : `POST /${at} HTTP/1.1\r\nHost: client.test\r\nContent-Length: 4\r\n\r\nbody`
  }
  client.send(text)
  for (let at = 0; at < 20; at++) expect((await client.response()).body).toBe(`/${at} ${at % 2 === 0 ? '' : 'body'}`)
})
