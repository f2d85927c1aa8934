import { afterEach, describe, expect, test } from 'vitest'
import { peer, type PeerOptions } from '../peers/peer.ts'
import { startProxy, startProxyTo } from './testing/proxy-harness.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { RawUpstream, reply } from './testing/raw-upstream.ts'
import { eventually, releaseAll } from './testing/resources.ts'

afterEach(releaseAll)

const numbered = (fields = ''): Promise<RawUpstream> =>
  RawUpstream.answering((_request, connection) => reply(`connection ${connection.number}`, fields))

test('one connection serves one request after the other, also of different clients', async () => {
  const upstream = await numbered()
  const proxy = await startProxyTo(upstream.address)
  for (let round = 0; round < 5; round++) {
    const client = await proxy.connect()
    expect((await client.get()).body).toBe('connection 1')
  }
  expect(proxy.proxy.runtime.pools).toMatchObject({ idle: 1, active: 0 })
})

test('the connection used last is taken first', async () => {
  const waiting: (() => void)[] = []
  const upstream = await RawUpstream.answering(async ({ line }, connection) => {
    if (line.includes('/wait')) await new Promise<void>((resolve) => waiting.push(resolve))
    return reply(`connection ${connection.number}`)
  })
  const proxy = await startProxyTo(upstream.address)
  const clients = await Promise.all([proxy.connect(), proxy.connect()])
  const answers = clients.map((client) => client.get('/wait'))
  await eventually('both requests', () => waiting.length === 2)
  waiting[1]?.()
  const second = (await Promise.race(answers)).body
  waiting[0]?.()
  const all = (await Promise.all(answers)).map(({ body }) => body)
  const last = all.find((body) => body !== second)
  for (let round = 0; round < 3; round++) expect((await (await proxy.connect()).get()).body).toBe(last)
})

test.each<[string, string, PeerOptions]>([
  ['the response says Connection: close', 'Connection: close\r\n', {}],
  ['the peer keeps none', '', { keepAlive: { maxIdle: 0 } }],
  ['each has had its number of requests', '', { keepAlive: { maxRequests: 1 } }],
])('every request has a connection of its own when %s', async (_, fields, options) => {
  const upstream = await numbered(fields)
  const proxy = await startProxy({ upstreamPeer: () => peer(upstream.address, options) })
  const client = await proxy.connect()
  for (let round = 1; round <= 3; round++) {
    expect((await client.get()).body).toBe(`connection ${round}`)
    expect(proxy.proxy.runtime.pools).toMatchObject({ idle: 0, active: 0 })
    await (
      await upstream.connection(round)
    ).hungUp
  }
})

test('an idle connection is closed after its time', async () => {
  const clock = new FakeClock()
  const upstream = await numbered()
  const options = { keepAlive: { idleTimeoutMs: 5_000 } }
  const proxy = await startProxy(
    { upstreamPeer: () => peer(upstream.address, options) },
    { deadlines: clock.deadlines },
  )
  const client = await proxy.connect()
  await client.get()
  clock.pass(4_999)
  expect((await client.get()).body).toBe('connection 1')
  clock.pass(5_001)
  await (
    await upstream.connection()
  ).hungUp
  expect((await client.get()).body).toBe('connection 2')
})

test('the proxy as a whole keeps so many idle connections; the others are closed', async () => {
  const upstreams = await Promise.all([numbered(), numbered(), numbered()])
  const proxy = await startProxy(
    { upstreamPeer: (session) => peer(upstreams[Number(session.request.query)]?.address) },
    { maxIdleUpstreamConnections: 2 },
  )
  const client = await proxy.connect()
  for (const at of [0, 1, 2]) await client.get(`/?${at}`)
  expect(proxy.proxy.runtime.pools.idle).toBe(2)
  await (
    await upstreams[0].connection()
  ).hungUp
  expect((await client.get('/?2')).body).toBe('connection 1')
})

describe('an idle connection is never used again when it', () => {
  test.each([
    ['got a byte', 'x'],
    ['got a whole response', reply('for nobody')],
  ])('%s', async (_, bytes) => {
    const upstream = await numbered()
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    await client.get()
    const connection = await upstream.connection()
    connection.send(bytes)
    await connection.hungUp
    expect(proxy.proxy.runtime.pools).toMatchObject({ idle: 0, active: 0 })
    expect((await client.get()).body).toBe('connection 2')
  })

  test('got more than its response in the same read', async () => {
    const upstream = await RawUpstream.answering((_request, connection) => {
      const body = `connection ${connection.number}`
      return reply(body) + reply('of somebody else')
    })
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    for (let round = 1; round <= 3; round++) expect((await client.get()).body).toBe(`connection ${round}`)
  })

  test('had its response cut by a client that went away', async () => {
    const upstream = await RawUpstream.start(async (connection) => {
      await connection.request()
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    })
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
    await client.reader.until('half')
    client.reset()
    expect((await proxy.end()).error?.code).toBe('CLIENT_GONE')
    await (
      await upstream.connection()
    ).hungUp
    expect(proxy.proxy.runtime.pools).toMatchObject({ idle: 0, active: 0 })
  })

  test('belongs to a client that left before the answer', async () => {
    const upstream = await RawUpstream.start(() => undefined)
    const proxy = await startProxyTo(upstream.address)
    const client = await proxy.connect()
    client.send('GET / HTTP/1.1\r\nHost: client.test\r\n\r\n')
    await (await upstream.connection()).request()
    client.reset()
    await proxy.end()
    await (
      await upstream.connection()
    ).hungUp
    expect(proxy.proxy.runtime.pools).toMatchObject({ idle: 0, active: 0 })
  })
})

test('plain connections of different groups and local addresses are kept apart', async () => {
  const upstream = await numbered()
  let options: PeerOptions = {}
  const proxy = await startProxy({ upstreamPeer: () => peer(upstream.address, options) })
  const client = await proxy.connect()
  const variants: PeerOptions[] = [
    {},
    { group: 'a' },
    { group: 'b' },
    { localAddress: '127.0.0.2' },
    { group: 'a', localAddress: '127.0.0.2' },
  ]
  for (let round = 0; round < 2; round++) {
    for (const [at, variant] of variants.entries()) {
      options = variant
      expect((await client.get()).body).toBe(`connection ${at + 1}`)
    }
  }
  expect((await upstream.connection(4)).socket.remoteAddress).toBe('127.0.0.2')
})

test('many requests at the same time open as many connections, and all of them are kept', async () => {
  const waiting: (() => void)[] = []
  const upstream = await RawUpstream.answering(async ({ line }) => {
    await new Promise<void>((resolve) => waiting.push(resolve))
    return reply(line.split(' ')[1])
  })
  const proxy = await startProxyTo(upstream.address)
  const clients = await Promise.all(Array.from({ length: 20 }, () => proxy.connect()))
  const answers = clients.map((client, at) => client.get(`/${at}`))
  await eventually('all requests', () => waiting.length === 20)
  expect(proxy.proxy.runtime.pools).toMatchObject({ idle: 0, active: 20 })
  for (const release of waiting) release()
  expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(clients.map((_, at) => `/${at}`))
  expect(proxy.proxy.runtime.pools).toMatchObject({ idle: 20, active: 0 })
})
