import { afterEach, describe, expect, test } from 'vitest'
import { peer } from '../peers/peer.ts'
import { EndedError, type RawMessage } from './testing/byte-reader.ts'
import { startProxy, type ProxyUnderTest } from './testing/proxy-harness.ts'
import { statusOf, type RawClient } from './testing/raw-client.ts'
import { CHUNKED_HEAD, RawUpstream, reply, type UpstreamConnection } from './testing/raw-upstream.ts'
import { releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

type Misbehave = (connection: UpstreamConnection) => void | Promise<void>

const says =
  (text: string): Misbehave =>
  (connection) =>
    connection.send(text)
const saysAndEnds =
  (text: string): Misbehave =>
  (connection) => {
    connection.send(text)
    connection.end()
  }
const saysAndResets =
  (text: string): Misbehave =>
  async (connection) => {
    await connection.sendAll(text)
    connection.reset()
  }
const withField = (line: string): Misbehave => says(`HTTP/1.1 200 OK\r\n${line}\r\n\r\nbody`)

/** Nothing of these may look like an answer: 502. */
const REFUSED: Readonly<Record<string, Misbehave>> = {
  'hangs up': (connection) => connection.end(),
  'resets the connection': (connection) => connection.reset(),
  'sends garbage in lines': says('SSH-2.0-OpenSSH_9.2\r\n'),
  'sends garbage in bytes': says('\0\x01\xfe\xff\x80garbage'),
  'sends an HTTP/2 frame': says('\0\0\x12\x04\0\0\0\0\0'),
  'sends a request': says('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  'sends half a status line and hangs up': saysAndEnds('HTTP/1.1 20'),
  'sends half a head and hangs up': saysAndEnds('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n'),
  'sends half a head and resets': saysAndResets('HTTP/1.1 200 OK\r\nContent-Le'),
  'sends 1xx and hangs up': saysAndEnds('HTTP/1.1 100 Continue\r\n\r\n'),
  'sends a status of two digits': says('HTTP/1.1 20 OK\r\n\r\n'),
  'sends a status of four digits': says('HTTP/1.1 2000 OK\r\n\r\n'),
  'sends a status of letters': says('HTTP/1.1 abc OK\r\n\r\n'),
  'sends a status below 100': says('HTTP/1.1 099 OK\r\n\r\n'),
  'sends no status': says('HTTP/1.1\r\n\r\n'),
  'sends another version': says('HTTP/3.0 200 OK\r\n\r\n'),
  'ends lines in LF': says('HTTP/1.1 200 OK\nContent-Length: 4\n\nbody'),
  'folds a line': withField('Content-Length: 4\r\nX-Fold: a\r\n b'),
  'sends a NUL': withField('Content-Length: 4\r\nX: a\0b'),
  'sends a line without a colon': withField('Content-Length: 4\r\nno colon here'),
  'puts a space before the colon': withField('Content-Length : 4'),
  'sends two lengths': withField('Content-Length: 4\r\nContent-Length: 4'),
  'sends a list of lengths': withField('Content-Length: 4, 4'),
  'sends a negative length': withField('Content-Length: -4'),
  'sends a length in hex': withField('Content-Length: 0x4'),
  'sends an empty length': withField('Content-Length:'),
  'sends length and chunks': says(
    'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
  'sends another coding': withField('Transfer-Encoding: gzip, chunked'),
  'sends chunked twice': withField('Transfer-Encoding: chunked, chunked'),
  'sends chunks in HTTP/1.0': says('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  'switches protocols': says('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbytes'),
  'sends a head that is too large': withField(`Content-Length: 4\r\nX: ${'x'.repeat(40_000)}`),
  'sends too many fields': withField('X: y\r\n'.repeat(200) + 'Content-Length: 4'),
  'never ends its head': saysAndEnds(`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`),
}

/** The head may have left when these go wrong: the client sees a 502 or a cut, never a whole response. */
const CUT: Readonly<Record<string, Misbehave>> = {
  'hangs up within the body': saysAndEnds('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
  'resets within the body': saysAndResets('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
  'hangs up within a chunk': saysAndEnds(`${CHUNKED_HEAD}64\r\nhalf`),
  'hangs up before the last chunk': saysAndEnds(`${CHUNKED_HEAD}4\r\nhalf\r\n`),
  'hangs up within the trailers': saysAndEnds(`${CHUNKED_HEAD}4\r\nhalf\r\n0\r\nX: y\r\n`),
  'sends a chunk size that is none': says(`${CHUNKED_HEAD}4\r\nhalf\r\nzz\r\n`),
  'sends a negative chunk size': says(`${CHUNKED_HEAD}-4\r\nhalf\r\n`),
  'sends an endless chunk size': says(`${CHUNKED_HEAD}${'f'.repeat(40)}\r\n`),
  'sends a chunk longer than its size': says(`${CHUNKED_HEAD}4\r\nhalf more\r\n0\r\n\r\n`),
  'ends a chunk in LF': says(`${CHUNKED_HEAD}4\nhalf\n0\n\n`),
  'sends endless extensions': says(`${CHUNKED_HEAD}4;${'x'.repeat(70_000)}\r\nhalf\r\n0\r\n\r\n`),
  'sends a trailer that is none': says(`${CHUNKED_HEAD}4\r\nhalf\r\n0\r\nno colon\r\n\r\n`),
  'frames in the trailers': says(`${CHUNKED_HEAD}4\r\nhalf\r\n0\r\nContent-Length: 9\r\n\r\n`),
}

/** A good response, and something else: the client gets the good one, and nobody the rest. */
const EXTRA: Readonly<Record<string, Misbehave>> = {
  'sends more than the length': says('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyand more'),
  'sends a second response': says(reply('body') + reply("somebody else's")),
  'sends more than the last chunk': says(`${CHUNKED_HEAD}4\r\nbody\r\n0\r\n\r\nand more`),
  'sends a body for 204': says('HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody'),
  'sends a body for 304': says('HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nbody'),
  'sends it byte by byte': async (connection) => {
    for (const byte of reply('body')) {
      await connection.sendAll(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
  },
  'hangs up behind it': saysAndEnds(reply('body')),
}

/** `/good…` echoes its path; everything else misbehaves, on the first or only on the second request of a connection. */
async function proxyTo(misbehave: Misbehave, when: 'at once' | 'second'): Promise<ProxyUnderTest<undefined>> {
  const good = await RawUpstream.answering(({ line }) => reply(line.split(' ')[1]))
  const bad = await RawUpstream.start(async (connection) => {
    if (when === 'second' && connection.number === 1) {
      await connection.request()
      connection.send(reply('well'))
    }
    for (;;) {
      await connection.request()
      await misbehave(connection)
    }
  })
  return startProxy(
    { upstreamPeer: (session) => peer(session.request.path.startsWith('/good') ? good.address : bad.address) },
    { maxRetries: 1 },
  )
}

type Outcome = RawMessage | EndedError
const ask = (client: RawClient, path: string): Promise<Outcome> =>
  client.get(path).catch((error: unknown) => {
    if (error instanceof EndedError) return error
    throw error
  })

test.each(Object.keys(CUT))(
  'an HTTP/1.0 client, to which the close is the end, sees a reset from an upstream that %s',
  async (name) => {
    const proxy = await proxyTo(CUT[name], 'at once')
    const client = await proxy.connect()
    client.send('GET /bad HTTP/1.0\r\n\r\n')
    const outcome = await client.response().catch((error: unknown) => error)
    if (!(outcome instanceof EndedError)) expect(statusOf(outcome as RawMessage)).toBe(502)
  },
)

// libuv takes bytes and a reset that come in the same turn for bytes and a FIN: only a reset that comes later can be told apart.
test.each(['1.0', '1.1'])(
  'a reset where the close would be the end is no good end for an HTTP/%s client',
  async (version) => {
    const upstream = await RawUpstream.start(() => undefined)
    const proxy = await startProxy({ upstreamPeer: () => peer(upstream.address) })
    const client = await proxy.connect()
    client.send(`GET / HTTP/${version}\r\nHost: client.test\r\n\r\n`)
    const connection = await upstream.connection()
    await connection.request()
    connection.send('HTTP/1.1 200 OK\r\n\r\nhalf')
    await client.reader.until('half')
    connection.reset()
    expect((await client.reader.rest()).replace('\r\n', '')).toBe('')
    expect((await proxy.end()).error?.code).toBe('BODY_CUT')
    if (version === '1.0') expect(await client.closed).toMatchObject({ code: 'ECONNRESET' })
  },
)

/** A client whose connection is new, one that has been served before, and an upstream connection that was. */
const SITUATIONS = ['a fresh client', 'a keep-alive client', 'a pooled connection'] as const

async function meet(
  misbehave: Misbehave,
  situation: (typeof SITUATIONS)[number],
  judge: (outcome: Outcome) => void,
): Promise<void> {
  const pooled = situation === 'a pooled connection'
  const proxy = await proxyTo(misbehave, pooled ? 'second' : 'at once')
  const client = await proxy.connect()
  if (pooled) expect(await ask(client, '/bad')).toMatchObject({ body: 'well' })
  if (situation !== 'a fresh client') expect(await ask(client, '/good/before')).toMatchObject({ body: '/good/before' })
  const outcome = await ask(client, '/bad')
  judge(outcome)
  // The same client, if it was not cut, and another one get what is theirs.
  if (!(outcome instanceof EndedError)) {
    const next = await ask(client, '/good/next')
    expect(next).toMatchObject({ body: '/good/next' })
  } else await client.reader.rest()
  const other = await proxy.connect()
  expect(await ask(other, '/good/other')).toMatchObject({ body: '/good/other' })
  judge(await ask(other, '/bad'))
  expect(proxy.messages('error')).toEqual([])
  expect(proxy.proxy.runtime.pools.active).toBe(0)
}

describe.each(SITUATIONS)('for %s', (situation) => {
  test.each(Object.entries(REFUSED))('an upstream that %s: 502', async (_, misbehave) => {
    await meet(misbehave, situation, (outcome) => {
      expect(outcome).not.toBeInstanceOf(EndedError)
      // Where a 1xx came first it has gone through.
      expect(statusOf(outcome as RawMessage)).toBe(502)
      expect(JSON.parse((outcome as RawMessage).body)).toMatchObject({ error_msg: '502 Bad Gateway' })
    })
  })

  test.each(Object.entries(CUT))('an upstream that %s: 502 or a cut', async (_, misbehave) => {
    await meet(misbehave, situation, (outcome) => {
      if (!(outcome instanceof EndedError)) expect(statusOf(outcome)).toBe(502)
    })
  })

  test.each(Object.entries(EXTRA))('an upstream that %s: its response', async (_, misbehave) => {
    await meet(misbehave, situation, (outcome) => {
      expect(outcome).not.toBeInstanceOf(EndedError)
      expect((outcome as RawMessage).body).toBe(/^HTTP\/1.1 (204|304)/.test((outcome as RawMessage).line) ? '' : 'body')
    })
  })
})
