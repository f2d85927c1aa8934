import { afterEach, describe, expect, test } from 'vitest'
import { peer, type PeerOptions } from '../peers/peer.ts'
import type { ProxyPhases } from '../phases/phases.ts'
import type { HttpProxyOptions } from '../http-proxy.ts'
import { EndedError } from './testing/byte-reader.ts'
import { exchangeOf, startProxy, type ProxyUnderTest } from './testing/proxy-harness.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { statusOf } from './testing/raw-client.ts'
import { RawUpstream, reply } from './testing/raw-upstream.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const POST = 'POST / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 4\r\n\r\nbody'
const GET = 'GET / HTTP/1.1\r\nHost: client.test\r\n\r\n'

interface Timed {
  readonly proxy: ProxyUnderTest<undefined>
  readonly clock: FakeClock
}

async function timed(
  address: string,
  options: PeerOptions,
  phases: Partial<ProxyPhases<undefined>> = {},
  limits: HttpProxyOptions['limits'] = {},
): Promise<Timed> {
  const clock = new FakeClock()
  const proxy = await startProxy(
    { upstreamPeer: () => peer(address, options), ...phases },
    { deadlines: clock.deadlines, limits, maxRetries: 0 },
  )
  return { proxy, clock }
}

/** Time passes to just before the limit, when nothing may happen, and then past it. */
function passTo(clock: FakeClock, limitMs: number, proxy: ProxyUnderTest<undefined>): void {
  clock.pass(limitMs - 1)
  expect(proxy.ends.length).toBe(0)
  clock.pass(1)
}

describe('upstream limits', () => {
  test('connecting, TLS included: 504', async () => {
    const silent = await RawUpstream.start(() => undefined)
    const { proxy, clock } = await timed(silent.address, { tls: { verify: false }, connectTimeoutMs: 300 })
    const client = await proxy.connect()
    client.send(GET)
    await silent.connection()
    passTo(clock, 300, proxy)
    expect(statusOf(await client.response())).toBe(504)
    expect((await proxy.end()).error).toMatchObject({ code: 'CONNECT_TIMEOUT', source: 'upstream' })
    await (
      await silent.connection()
    ).hungUp
  })

  test('the first byte of the response: 504, and the late answer reaches nobody', async () => {
    const upstream = await RawUpstream.start(() => undefined)
    const { proxy, clock } = await timed(upstream.address, { readTimeoutMs: 1_000 })
    const client = await proxy.connect()
    client.send(POST)
    const connection = await upstream.connection()
    await connection.request()
    passTo(clock, 1_000, proxy)
    expect(statusOf(await client.response())).toBe(504)
    expect((await proxy.end()).error?.code).toBe('READ_TIMEOUT')
    connection.send(reply('late'))
    client.send(GET)
    const second = await upstream.connection(2)
    await second.request()
    second.send(reply('in time'))
    expect((await client.response()).body).toBe('in time')
  })

  test('half a head: 504', async () => {
    const upstream = await RawUpstream.start(() => undefined)
    const { proxy, clock } = await timed(upstream.address, { readTimeoutMs: 1_000 })
    const client = await proxy.connect()
    client.send(POST)
    const connection = await upstream.connection()
    await connection.request()
    await connection.sendAll('HTTP/1.1 200 OK\r\nContent-')
    passTo(clock, 1_000, proxy)
    expect(statusOf(await client.response())).toBe(504)
  })

  test('between two reads of the body: a cut that shows', async () => {
    const upstream = await RawUpstream.start(() => undefined)
    const { proxy, clock } = await timed(upstream.address, { readTimeoutMs: 1_000 })
    const client = await proxy.connect()
    client.send(GET)
    const connection = await upstream.connection()
    await connection.request()
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234')
    await client.reader.until('01234')
    clock.pass(999)
    connection.send('56')
    await client.reader.until('56')
    // Each read begins anew.
    passTo(clock, 1_000, proxy)
    await expect(client.reader.exactly(1)).rejects.toBeInstanceOf(EndedError)
    expect((await proxy.end()).error?.code).toBe('READ_TIMEOUT')
  })

  test('a GET that took too long is tried at another node, and a POST is not', async () => {
    const slow = await RawUpstream.start(() => undefined)
    const fast = await RawUpstream.answering(({ line }) => reply(line))
    const clock = new FakeClock()
    const proxy = await startProxy(
      {
        upstreamPeer: (session) => peer(session.attempts === 1 ? slow.address : fast.address, { readTimeoutMs: 1_000 }),
      },
      { deadlines: clock.deadlines },
    )
    const client = await proxy.connect()
    client.send(GET)
    await (await slow.connection()).request()
    clock.pass(1_000)
    expect((await client.response()).body).toBe('GET / HTTP/1.1')
    client.send(POST)
    await (await slow.connection(2)).request()
    clock.pass(1_000)
    expect(statusOf(await client.response())).toBe(504)
  })

  test('an upstream that takes no byte of the body: 504', async () => {
    const upstream = await RawUpstream.start((connection) => void connection.socket.pause())
    let stalled = (): boolean => false
    const { proxy, clock } = await timed(
      upstream.address,
      { writeTimeoutMs: 1_000 },
      {
        connectedToUpstream: (session) => {
          const machine = exchangeOf(session)
          stalled = () => (machine.upstream?.backlog ?? 0) >= 262_144
        },
      },
    )
    const client = await proxy.connect()
    client.send('POST / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 64000000\r\n\r\n')
    client.socket.write(Buffer.alloc(64_000_000))
    await eventually('the upstream queue is full', () => stalled())
    passTo(clock, 1_000, proxy)
    expect(statusOf(await client.response())).toBe(504)
    expect((await proxy.end()).error?.code).toBe('WRITE_TIMEOUT')
  })

  test("a client that is slow with its body is not the upstream's fault: 408", async () => {
    const upstream = await RawUpstream.start(() => undefined)
    const { proxy, clock } = await timed(
      upstream.address,
      { writeTimeoutMs: 100, readTimeoutMs: 100 },
      {},
      { bodyTimeoutMs: 5_000 },
    )
    const client = await proxy.connect()
    client.send('POST / HTTP/1.1\r\nHost: client.test\r\nContent-Length: 10\r\n\r\nhalf')
    const connection = await upstream.connection()
    await connection.reader.until('half')
    passTo(clock, 5_000, proxy)
    expect(statusOf(await client.response())).toBe(408)
    expect((await proxy.end()).error).toMatchObject({ code: 'REQUEST_REFUSED', source: 'downstream' })
    await connection.hungUp
  })

  test('a client that is slow to take the response is cut after body_timeout, and not before', async () => {
    const upstream = await RawUpstream.answering(() => reply('x'.repeat(64_000_000)))
    let stalled = (): boolean => false
    const { proxy, clock } = await timed(
      upstream.address,
      { readTimeoutMs: 1_000 },
      {
        responseFilter: (session) => {
          const machine = exchangeOf(session)
          stalled = () => machine.downstream.backlog >= 262_144
        },
      },
      { bodyTimeoutMs: 5_000 },
    )
    const client = await proxy.connect()
    client.socket.pause()
    client.send(GET)
    await eventually('the queue of the client is full', () => stalled())
    passTo(clock, 5_000, proxy)
    expect((await proxy.end()).error).toMatchObject({ code: 'CLIENT_GONE', source: 'downstream' })
    await (
      await upstream.connection()
    ).hungUp
  })
})

describe('client limits', () => {
  test('a head that does not come is a 408, an idle connection is closed', async () => {
    const upstream = await RawUpstream.answering(() => reply('hello'))
    const { proxy, clock } = await timed(
      upstream.address,
      {},
      {},
      { headerTimeoutMs: 2_000, keepAliveTimeoutMs: 3_000 },
    )
    const slow = await proxy.connect()
    slow.send('GET / HTTP/1.1\r\nHo')
    const idle = await proxy.connect()
    expect(statusOf(await idle.get())).toBe(200)
    clock.pass(2_000)
    expect(statusOf(await slow.response())).toBe(408)
    clock.pass(999)
    expect(statusOf(await idle.get())).toBe(200)
    clock.pass(3_000)
    expect(await idle.reader.rest()).toBe('')
  })
})
