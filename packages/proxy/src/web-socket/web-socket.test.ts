import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket, type ClientOptions } from 'ws'
import { eventually, releaseAll, releaseLater } from '../exchange/testing/resources.ts'
import { startProxy, type ProxyUnderTest } from '../exchange/testing/proxy-harness.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import type { TunnelLimits } from '../exchange/tunnel-limits.ts'
import type { HttpProxyOptions } from '../http-proxy.ts'
import { peer } from '../peers/peer.ts'
import { startEcho, type EchoUpstream } from './testing/echo-upstreams.ts'
import { H2WebSocket } from './testing/h2-web-socket.ts'

afterEach(releaseAll)

type Version = 'h1' | 'h2'

async function proxyTo(
  upstream: EchoUpstream,
  version: Version,
  limits: Partial<TunnelLimits> = {},
  options: HttpProxyOptions = {},
): Promise<ProxyUnderTest<undefined>> {
  const node = peer(`127.0.0.1:${upstream.port}`, { protocol: version === 'h2' ? 'h2' : 'http/1.1' })
  return startProxy({ upstreamPeer: () => node, requestFilter: (session) => session.limitTunnel(limits) }, options)
}

async function upstreamOf(version: Version, perMessageDeflate = false): Promise<EchoUpstream> {
  const upstream = await startEcho(version, perMessageDeflate)
  releaseLater(() => upstream.stop())
  return upstream
}

async function h1Client(port: number, protocols: string[] = [], options: ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols, { perMessageDeflate: false, ...options })
  releaseLater(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

async function h2Client(port: number): Promise<H2WebSocket> {
  const { socket, status } = await H2WebSocket.open(`http://127.0.0.1:${port}`)
  releaseLater(() => socket.close())
  expect(status).toBe(200)
  return socket
}

const bytes = (length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 255))
const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_048_576]

describe.each<Version>(['h1', 'h2'])('an upstream of %s', (version) => {
  test('and a client of HTTP/1.1: messages of all sizes come back as they were', async () => {
    const proxy = await proxyTo(await upstreamOf(version), version)
    const socket = await h1Client(proxy.port)
    for (const size of SIZES) {
      socket.send(bytes(size))
      const [data] = (await once(socket, 'message')) as [Buffer]
      expect(data.equals(bytes(size)), `${size} bytes`).toBe(true)
    }
    socket.ping('are you there?')
    expect(String((await once(socket, 'pong'))[0])).toBe('are you there?')
    socket.close(4_321, 'done')
    expect((await once(socket, 'close'))[0]).toBe(4_321)
    expect((await proxy.end()).error).toBeUndefined()
  })

  test('and a client of HTTP/2: messages of all sizes come back as they were', async () => {
    const proxy = await proxyTo(await upstreamOf(version), version)
    const socket = await h2Client(proxy.port)
    for (const [index, size] of SIZES.entries()) {
      socket.send(2, bytes(size))
      const { opcode, payload } = await socket.frame(index + 1)
      expect([opcode, payload.length, payload.equals(bytes(size))]).toEqual([2, size, true])
    }
    socket.send(1, Buffer.from('two '), false)
    socket.send(0, Buffer.from('parts'))
    expect((await socket.frame(SIZES.length + 1)).payload.toString()).toBe('two parts')
    socket.send(8, Buffer.from([0x10, 0xe1]))
    const { opcode, payload } = await socket.frame(SIZES.length + 2)
    expect([opcode, payload.readUInt16BE(0)]).toEqual([8, 4_321])
    socket.stream.end()
    await proxy.end()
  })

  test('a slow reader stops the sender, and loses nothing', async () => {
    const upstream = await upstreamOf(version)
    const proxy = await proxyTo(upstream, version)
    const socket = await h1Client(proxy.port)
    await eventually('the upstream has the socket', () => upstream.sockets.length === 1)
    const sender = upstream.sockets[0]
    socket.pause()
    const message = bytes(1_048_576)
    for (let count = 0; count < 16; count++) sender.send(message)
    await eventually('the sender has to wait', () => sender.bufferedAmount > 0)
    let received = 0
    socket.on('message', (data: Buffer) => {
      if (data.equals(message)) received++
    })
    socket.resume()
    await eventually('all of it came', () => received === 16)
  })

  test('an idle tunnel ends, and both sides are told why', async () => {
    const clock = new FakeClock()
    const upstream = await upstreamOf(version)
    const proxy = await proxyTo(upstream, version, { idleTimeoutMs: 5_000 }, { deadlines: clock.deadlines })
    const socket = await h1Client(proxy.port)
    socket.send('x')
    await once(socket, 'message')
    const closed = once(socket, 'close')
    const closedAbove = once(upstream.sockets[0], 'close')
    clock.pass(4_999)
    clock.pass(2)
    expect((await closed)[0]).toBe(1_001)
    expect((await closedAbove)[0]).toBe(1_001)
    expect((await proxy.end()).error?.message).toBe('the tunnel was ended: idle for too long')
  })

  test.each(['client', 'upstream'] as const)('a message of the %s that is too large ends it', async (side) => {
    const upstream = await upstreamOf(version)
    const proxy = await proxyTo(upstream, version, { maxMessageBytes: 1_000 })
    const socket = await h1Client(proxy.port)
    socket.send(bytes(1_000))
    expect(((await once(socket, 'message'))[0] as Buffer).length).toBe(1_000)
    const above = upstream.sockets[0]
    const closed = once(socket, 'close')
    const closedAbove = once(above, 'close')
    if (side === 'client') socket.send(bytes(1_001))
    else above.send(bytes(1_001))
    expect((await closed)[0]).toBe(1_009)
    expect((await closedAbove)[0]).toBe(1_009)
    expect((await proxy.end()).error?.code).toBe('TUNNEL_ENDED')
  })
})

test('subprotocols and compression are settled between client and upstream', async () => {
  const upstream = await upstreamOf('h1', true)
  const proxy = await proxyTo(upstream, 'h1', { maxMessageBytes: 100_000 })
  const socket = await h1Client(proxy.port, ['chat', 'other'], { perMessageDeflate: true })
  expect([socket.protocol, socket.extensions]).toEqual(['chat', 'permessage-deflate'])
  const text = 'repeated '.repeat(20_000)
  socket.send(text)
  expect(String((await once(socket, 'message'))[0])).toBe(text)
})

test('a refused upgrade is an ordinary response, over HTTP/2 too', async () => {
  const proxy = await startProxy({
    upstreamPeer: () => peer('unused'),
    requestFilter: (session) => session.respond(403, 'no'),
  })
  const { socket, status } = await H2WebSocket.open(`http://127.0.0.1:${proxy.port}`)
  releaseLater(() => socket.close())
  expect(status).toBe(403)
})

test('a protocol that may not be switched to is a 501, over HTTP/2', async () => {
  const upstream = await upstreamOf('h1')
  const proxy = await proxyTo(upstream, 'h1', {}, { upgrades: [] })
  const { socket, status } = await H2WebSocket.open(`http://127.0.0.1:${proxy.port}`)
  releaseLater(() => socket.close())
  expect(status).toBe(501)
})

test('an upstream that takes no WebSockets over HTTP/2 is a 502', async () => {
  const { createServer } = await import('node:http2')
  const server = createServer((_, response) => response.end('ok'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  releaseLater(() => void server.close())
  const { port } = server.address() as { port: number }
  const node = peer(`127.0.0.1:${port}`, { protocol: 'h2' })
  const proxy = await startProxy({ upstreamPeer: () => node })
  const { socket, status } = await H2WebSocket.open(`http://127.0.0.1:${proxy.port}`)
  releaseLater(() => socket.close())
  expect(status).toBe(502)
  expect(proxy.messages('warn').join()).toContain('does not take upgrades over HTTP/2 (RFC 8441)')
})

test.each(['h1', 'h2'] as const)('when the gateway stops, both sides are told over %s', async (version) => {
  const upstream = await upstreamOf('h1')
  const proxy = await proxyTo(upstream, 'h1')
  const toldAbove = eventually('the upstream has the socket', () => upstream.sockets.length === 1).then(() =>
    once(upstream.sockets[0], 'close'),
  )
  let told: Promise<number>
  if (version === 'h1') told = once(await h1Client(proxy.port), 'close').then(([code]) => code as number)
  else {
    const { socket } = await H2WebSocket.open(`http://127.0.0.1:${proxy.port}`)
    releaseLater(() => socket.close())
    told = socket.frame().then(({ payload }) => payload.readUInt16BE(0))
  }
  await eventually('the upstream has the socket', () => upstream.sockets.length === 1)
  proxy.listener.stopAccepting()
  await proxy.listener.drain(0)
  expect(await told).toBe(1_001)
  expect((await toldAbove)[0]).toBe(1_001)
})
