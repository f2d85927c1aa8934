import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import type { ProxyPhases } from '../phases/phases.ts'
import { exchangeOf, startProxyTo, type ProxyUnderTest } from './testing/proxy-harness.ts'
import { statusOf, type RawClient } from './testing/raw-client.ts'
import { RawUpstream, reply, type UpstreamConnection } from './testing/raw-upstream.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const UPGRADE = 'GET /chat HTTP/1.1\r\nHost: client.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n'
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'

interface Joined {
  readonly client: RawClient
  readonly connection: UpstreamConnection
  readonly proxy: ProxyUnderTest<undefined>
}

async function openTunnel(phases: Partial<ProxyPhases<undefined>> = {}): Promise<Joined> {
  const upstream = await RawUpstream.start(() => undefined)
  const proxy = await startProxyTo(upstream.address, phases)
  const client = await proxy.connect()
  client.send(`${UPGRADE}\r\n`)
  const connection = await upstream.connection()
  await connection.request()
  connection.send(`${SWITCHED}\r\n`)
  await client.reader.until('\r\n\r\n')
  return { client, connection, proxy }
}

/** A WebSocket frame of text, masked as clients must (RFC 6455 section 5.3). */
function frame(text: string, mask?: readonly number[]): string {
  const head = String.fromCharCode(0x81, text.length | (mask === undefined ? 0 : 0x80))
  if (mask === undefined) return head + text
  const body = Array.from(text, (letter, at) => String.fromCharCode(letter.charCodeAt(0) ^ mask[at % 4]))
  return head + String.fromCharCode(...mask) + body.join('')
}

test('a WebSocket: handshake, frames both ways, close', async () => {
  const upstream = await RawUpstream.start(async (connection) => {
    const { headers } = await connection.request()
    expect(headers.get('connection')?.toLowerCase()).toBe('upgrade')
    expect(headers.get('upgrade')).toBe('websocket')
    const key = `${headers.get('sec-websocket-key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    connection.send(`${SWITCHED}Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n\r\n`)
    for (;;) {
      const [, length] = Array.from(await connection.reader.exactly(2), (letter) => letter.charCodeAt(0))
      const mask = Array.from(await connection.reader.exactly(4), (letter) => letter.charCodeAt(0))
      const body = await connection.reader.exactly(length & 0x7f)
      const text = Array.from(body, (letter, at) => String.fromCharCode(letter.charCodeAt(0) ^ mask[at % 4])).join('')
      connection.send(frame(`you said ${text}`))
      if (text === 'bye') connection.end()
    }
  })
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  client.send(`${UPGRADE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`)
  const answer = await client.response()
  expect(statusOf(answer)).toBe(101)
  expect(answer.headers.get('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  expect(answer.headers.get('connection')).toBe('Upgrade')
  for (const text of ['hello', 'bye']) {
    client.send(frame(text, [1, 2, 3, 4]))
    expect(await client.reader.exactly(2 + 9 + text.length)).toBe(frame(`you said ${text}`))
  }
  client.end()
  expect(await client.reader.rest()).toBe('')
  const { error, session } = await proxy.end()
  expect(error).toBeUndefined()
  expect(session.response?.status).toBe(101)
})

test("bytes that come with the 101, or before it, are the tunnel's", async () => {
  const upstream = await RawUpstream.start(() => undefined)
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  client.send(`${UPGRADE}\r\nearly`)
  const connection = await upstream.connection()
  await connection.request()
  connection.send(`${SWITCHED}\r\nfirst`)
  expect(await client.reader.until('first')).toContain('101')
  expect(await connection.reader.exactly(5)).toBe('early')
})

test('an upstream that does not switch answers as ever', async () => {
  const upstream = await RawUpstream.answering(() => reply('no upgrade here'))
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  client.send(`${UPGRADE}\r\n`)
  expect((await client.response()).body).toBe('no upgrade here')
  expect((await client.get()).body).toBe('no upgrade here')
})

test('an upstream that switches without having been asked is a 502', async () => {
  const upstream = await RawUpstream.answering(() => `${SWITCHED}\r\nGET /admin HTTP/1.1\r\n\r\n`)
  const proxy = await startProxyTo(upstream.address)
  const client = await proxy.connect()
  expect(statusOf(await client.get())).toBe(502)
})

describe('a half close goes through, and the other way stays open', () => {
  test('of the client', async () => {
    const { client, connection, proxy } = await openTunnel()
    client.send('question')
    client.end()
    expect(await connection.reader.rest()).toBe('question')
    connection.send('answer')
    expect(await client.reader.exactly(6)).toBe('answer')
    expect(proxy.ends.length).toBe(0)
    connection.end()
    expect(await client.reader.rest()).toBe('')
    expect((await proxy.end()).error).toBeUndefined()
  })

  test('of the client before the upstream switched', async () => {
    const upstream = await RawUpstream.start(() => undefined)
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send(`${UPGRADE}\r\nquestion`)
    client.end()
    const connection = await upstream.connection()
    await connection.request()
    connection.send(`${SWITCHED}\r\nanswer`)
    expect(await connection.reader.rest()).toBe('question')
    connection.end()
    expect(await client.reader.rest()).toMatch(/^HTTP\/1.1 101 [^]*answer$/)
    await proxy.end()
  })

  test('of the upstream, and all the client still sends arrives, however slowly it is taken', async () => {
    const { client, connection, proxy } = await openTunnel()
    connection.end()
    expect(await client.reader.rest()).toBe('')
    connection.socket.pause()
    const size = 8 * 1_048_576
    client.socket.write(Buffer.alloc(size, 'x'))
    client.end()
    connection.socket.resume()
    expect((await connection.reader.rest()).length).toBe(size)
    await proxy.end()
  })
})

describe('the death of one side ends the other', () => {
  test('of the client', async () => {
    const { client, connection, proxy } = await openTunnel()
    client.reset()
    await connection.hungUp
    await proxy.end()
    expect(proxy.proxy.runtime.pools).toMatchObject({ idle: 0, active: 0 })
  })

  test('of the upstream; what it sent before still arrives', async () => {
    const { client, connection, proxy } = await openTunnel()
    connection.send('last words')
    await client.reader.until('last words')
    connection.reset()
    expect(await client.reader.rest()).toBe('')
    await proxy.end()
    expect(proxy.proxy.runtime.pools).toMatchObject({ idle: 0, active: 0 })
  })
})

test.each(['client', 'upstream'] as const)('a slow %s holds the other side back', async (slow) => {
  let backlog = (): number => 0
  const { client, connection } = await openTunnel({
    responseFilter: (session) => {
      const machine = exchangeOf(session)
      backlog = () => (slow === 'client' ? machine.downstream.backlog : (machine.upstream?.backlog ?? 0))
    },
  })
  const size = 32 * 1_048_576
  const [reading, writing] = slow === 'client' ? [client, connection] : [connection, client]
  reading.socket.pause()
  writing.socket.write(Buffer.alloc(size, 'x'))
  await eventually('the queue is full', () => backlog() >= 262_144)
  const full = backlog()
  for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(backlog()).toBe(full)
  expect(full).toBeLessThan(262_144 + 2 * 65_536)
  reading.socket.resume()
  expect((await reading.reader.exactly(size)).length).toBe(size)
})

describe('response filters', () => {
  test('see the 101, and may change it', async () => {
    const upstream = await RawUpstream.answering(() => `${SWITCHED}\r\n`)
    const proxy = await startProxyTo(upstream.address, {
      responseFilter: (_session, head) => head.headers.set('X-Seen', String(head.status)),
    })
    const client = await proxy.connect()
    client.send(`${UPGRADE}\r\n`)
    expect((await client.response()).headers.get('x-seen')).toBe('101')
  })

  test('may answer in its place', async () => {
    const upstream = await RawUpstream.answering(() => `${SWITCHED}\r\n`)
    const proxy = await startProxyTo(upstream.address, {
      upstreamResponseFilter: (session, head) => (head.status === 101 ? session.respond(403, 'no chat') : undefined),
    })
    const client = await proxy.connect()
    client.send(`${UPGRADE}\r\n`)
    expect((await client.response()).body).toBe('no chat')
    await (
      await upstream.connection()
    ).hungUp
  })

  test('that throw are a 500; that reject cut the tunnel', async () => {
    const upstream = await RawUpstream.answering(() => `${SWITCHED}\r\n`)
    let later = false
    const proxy = await startProxyTo(upstream.address, {
      upstreamResponseFilter: () => {
        const error = new Error('a bug in a callback')
        if (later) return Promise.reject(error)
        throw error
      },
    })
    const client = await proxy.connect()
    client.send(`${UPGRADE}\r\n`)
    expect(statusOf(await client.response())).toBe(500)
    later = true
    const other = await proxy.connect()
    other.send(`${UPGRADE}\r\n`)
    expect(await other.reader.rest()).toContain('101')
    expect((await proxy.end(2)).error?.code).toBe('PHASE_FAILED')
  })
})
