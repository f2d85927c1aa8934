import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ByteReader, EndedError } from './exchange/testing/byte-reader.ts'
import { AUTHORITY, SERVER_CERTIFICATE, SERVER_KEY } from './exchange/testing/certificates.ts'
import { startProxy, startProxyTo } from './exchange/testing/proxy-harness.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { RawClient, statusOf } from './exchange/testing/raw-client.ts'
import { DEAD, RawUpstream, reply } from './exchange/testing/raw-upstream.ts'
import { eventually, releaseAll, releaseLater } from './exchange/testing/resources.ts'
import { localResponse } from './exchange/reply.ts'
import { httpProxy } from './http-proxy.ts'
import { peer } from './peers/peer.ts'

afterEach(releaseAll)

describe('a listener that drains', () => {
  /** Answers when it is told to. */
  const held = async (): Promise<{ upstream: RawUpstream; release: () => void; asked: () => number }> => {
    const waiting: (() => void)[] = []
    const upstream = await RawUpstream.answering(async ({ line, body }) => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      return reply(`${line.split(' ')[1]} ${body}`)
    })
    return { upstream, release: () => waiting.splice(0).forEach((go) => go()), asked: () => waiting.length }
  }

  test('accepts no more, finishes what is in flight, and says so to those clients', async () => {
    const { upstream, release, asked } = await held()
    const proxy = await startProxyTo(upstream.address)
    const [get, post] = await Promise.all([proxy.connect(), proxy.connect()])
    const answers = [get.get('/get'), post.post('/post', 'body')]
    await eventually('both requests', () => asked() === 2)
    const { port } = proxy
    proxy.listener.stopAccepting()
    await expect(RawClient.connect(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    const drained = proxy.listener.drain(60_000)
    release()
    for (const answer of await Promise.all(answers)) {
      expect(statusOf(answer)).toBe(200)
      expect(answer.headers.get('connection')).toBe('close')
    }
    for (const client of [get, post]) {
      expect(await client.reader.rest()).toBe('')
      client.end()
    }
    expect(await drained).toBe(0)
    expect(proxy.listener.connections).toBe(0)
    // Nothing is left that would keep a process alive.
    expect(proxy.proxy.runtime.pools).toMatchObject({ idle: 0, active: 0 })
  })

  test('waits for a client that is in the middle of its TLS handshake', async () => {
    const upstream = await RawUpstream.answering(({ line }) => reply(line))
    const proxy = httpProxy({ upstreamPeer: () => peer(upstream.address) })
    const tls = { cert: SERVER_CERTIFICATE, key: SERVER_KEY }
    const listener = await proxy.serve({ host: '127.0.0.1', port: 0 }, { tls })
    releaseLater(async () => void (await listener.drain(0)))
    const raw = connect((listener.address as AddressInfo).port, '127.0.0.1')
    let goOn: (() => void) | undefined
    const held = new Promise<void>((resolve) => (goOn = resolve))
    let flights = 0
    const wire = new Duplex({
      read: () => undefined,
      write: (bytes, _, done) => {
        if (flights++ === 0) raw.write(bytes, () => done())
        else void held.then(() => raw.write(bytes, () => done()))
      },
    })
    raw.on('data', (bytes) => wire.push(bytes)).on('end', () => wire.push(null))
    const client = connectTls({ socket: wire, servername: 'upstream.test', ca: AUTHORITY })
    releaseLater(() => void client.destroy())
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(raw, 'data')
    listener.stopAccepting()
    const drained = listener.drain(60_000)
    goOn?.()
    let text = ''
    for await (const bytes of client) text += String(bytes)
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*GET \/ HTTP/)
    expect(text.toLowerCase()).toContain('connection: close')
    raw.destroy()
    expect(await drained).toBe(0)
  })

  test('cuts a TLS handshake that takes longer than it may', async () => {
    const proxy = httpProxy({ upstreamPeer: () => peer(DEAD[0]) })
    const tls = { cert: SERVER_CERTIFICATE, key: SERVER_KEY }
    const listener = await proxy.serve({ host: '127.0.0.1', port: 0 }, { tls })
    const raw = connect((listener.address as AddressInfo).port, '127.0.0.1')
    // Accepted after it, so when this one is answered it was accepted too.
    const other = connect((listener.address as AddressInfo).port, '127.0.0.1')
    other.write('GET / HTTP/1.1\r\n\r\n')
    await once(other, 'data')
    const closed = once(raw.resume(), 'close')
    expect(await listener.drain(1)).toBe(0)
    await closed
    other.destroy()
  })

  test('lets an idle client send one more request, and closes it after a second without one', async () => {
    const clock = new FakeClock()
    const upstream = await RawUpstream.answering(({ line }) => reply(line))
    const proxy = await startProxyTo(upstream.address, {}, { deadlines: clock.deadlines })
    const [busy, idle] = await Promise.all([proxy.connect(), proxy.connect()])
    await Promise.all([busy.get(), idle.get()])
    proxy.listener.stopAccepting()
    const drained = proxy.listener.drain(60_000)
    expect((await busy.get('/last')).headers.get('connection')).toBe('close')
    busy.end()
    clock.pass(999)
    expect(idle.reader.ended).toBe(false)
    clock.pass(1)
    expect(await idle.reader.rest()).toBe('')
    expect(await drained).toBe(0)
  })

  test('cuts what is left at the deadline, and tells how many', async () => {
    const { upstream, asked } = await held()
    const proxy = await startProxyTo(upstream.address)
    const clients = await Promise.all([proxy.connect(), proxy.connect(), proxy.connect()])
    const answers = clients.slice(0, 2).map((client) => client.get().catch((error: unknown) => error))
    await eventually('both requests', () => asked() === 2)
    proxy.listener.stopAccepting()
    expect(await proxy.listener.drain(1)).toBe(2)
    for (const answer of await Promise.all(answers)) expect(answer).toBeInstanceOf(EndedError)
    await proxy.end(2)
    expect(proxy.ends.map(({ error }) => error?.code)).toEqual(['CLIENT_GONE', 'CLIENT_GONE'])
    await eventually('the connections are gone', () => proxy.proxy.connectionCount === 0)
  })

  test('leaves the other listeners of the proxy, and their upstream connections, alone', async () => {
    const upstream = await RawUpstream.answering((_request, connection) => reply(`connection ${connection.number}`))
    const proxy = await startProxyTo(upstream.address)
    const second = await proxy.proxy.serve({ host: '127.0.0.1', port: 0 })
    releaseLater(async () => void (await second.drain(0)))
    const client = await proxy.connect()
    await client.get()
    second.stopAccepting()
    expect(await second.drain(60_000)).toBe(0)
    expect((await client.get()).body).toBe('connection 1')
  })
})

describe('limits', () => {
  test('connections beyond maxConnections are closed, and the log says so', async () => {
    const upstream = await RawUpstream.answering(() => reply('hello'))
    const proxy = await startProxyTo(upstream.address, {}, { limits: { maxConnections: 2 } })
    const [one, two] = await Promise.all([proxy.connect(), proxy.connect()])
    expect((await Promise.all([one.get(), two.get()])).map(statusOf)).toEqual([200, 200])
    expect(proxy.proxy.connectionCount).toBe(2)
    const three = await proxy.connect()
    expect(await three.reader.rest()).toBe('')
    expect(proxy.log).toMatchObject([{ level: 'warn', fields: { limit: 2 } }])
    one.socket.destroy()
    await eventually('room for another one', () => proxy.proxy.connectionCount === 1)
    expect(statusOf(await (await proxy.connect()).get())).toBe(200)
  })

  test('requests beyond maxRequestsPerConnection are not taken on that connection', async () => {
    const upstream = await RawUpstream.answering(() => reply('hello'))
    const proxy = await startProxyTo(upstream.address, {}, { limits: { maxRequestsPerConnection: 2 } })
    const client = await proxy.connect()
    expect((await client.get()).headers.has('connection')).toBe(false)
    expect((await client.get()).headers.get('connection')).toBe('close')
    expect(await client.reader.rest()).toBe('')
  })

  test('a body beyond maxBodyBytes is a 413, told before it is sent where its length is', async () => {
    const upstream = await RawUpstream.answering(({ body }) => reply(body))
    const proxy = await startProxyTo(upstream.address, {}, { limits: { maxBodyBytes: 10 } })
    expect((await (await proxy.connect()).post('/', '0123456789')).body).toBe('0123456789')
    const long = await proxy.connect()
    long.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n')
    expect(statusOf(await long.response())).toBe(413)
    const chunks = await proxy.connect()
    chunks.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n')
    expect(statusOf(await chunks.response())).toBe(413)
  })
})

test('a request that breaks the rules is answered, logged with its reason, told to onRefused, and its connection closed', async () => {
  const refused: string[] = []
  const upstream = await RawUpstream.start(() => undefined)
  const proxy = await startProxy(
    { upstreamPeer: () => peer(upstream.address) },
    { onRefused: (_connection, { code }) => void refused.push(code) },
  )
  for (const [request, status, code] of [
    ['GET / HTTP/1.1\r\n\r\n', 400, 'HOST_MISSING'],
    [
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
      'LENGTH_AND_ENCODING',
    ],
    ['GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505, 'VERSION'],
    ['CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n', 405, 'CONNECT'],
  ] as const) {
    const client = await proxy.connect()
    client.send(request)
    const answer = await client.response()
    expect(statusOf(answer)).toBe(status)
    expect(JSON.parse(answer.body)).toMatchObject({ reason: code })
    expect(await client.reader.rest()).toBe('')
    expect(refused.pop()).toBe(code)
    expect(proxy.log.pop()).toMatchObject({ level: 'info', fields: { code, client: '127.0.0.1' } })
  }
  expect(upstream.connections.length).toBe(0)
  expect(proxy.ends.length).toBe(0)
})

test('renderError makes the body of every error', async () => {
  const proxy = await startProxyTo(
    DEAD[0],
    {},
    {
      maxRetries: 0,
      renderError: (status, reason) =>
        localResponse(status, `<h1>${status} ${reason}</h1>`, { 'Content-Type': 'text/html' }),
    },
  )
  const client = await proxy.connect()
  expect((await client.get()).body).toBe('<h1>502 CONNECT_REFUSED</h1>')
  client.send('GET / HTTP/1.1\r\nHost: a b\r\n\r\n')
  expect((await client.response()).body).toBe('<h1>400 HOST</h1>')
})

test('without a logger errors are lines of JSON on standard error, and the noise of clients is left out', async () => {
  const lines: string[] = []
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0)
  releaseLater(() => write.mockRestore())
  const proxy = httpProxy({ upstreamPeer: () => peer(undefined) })
  const listener = await proxy.serve({ host: '127.0.0.1', port: 0 })
  releaseLater(async () => void (await listener.drain(0)))
  const client = await RawClient.connect((listener.address as { port: number }).port)
  expect(statusOf(await client.get())).toBe(503)
  client.send('nonsense\r\n\r\n')
  expect(statusOf(await client.response())).toBe(400)
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({
      level: 'warn',
      msg: 'no upstream node is available',
      code: 'NO_UPSTREAM',
      client: '127.0.0.1',
    }),
  ])
})

test('a unix socket serves and is an upstream as well', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-'))
  releaseLater(() => rmSync(folder, { recursive: true }))
  const behind = await startProxy({
    requestFilter: (session) => session.respond(200, 'behind the socket'),
    upstreamPeer: () => peer(undefined),
  })
  const path = join(folder, 'proxy.sock')
  const listener = await behind.proxy.serve({ path })
  releaseLater(async () => {
    listener.stopAccepting()
    await listener.drain(0)
  })
  expect(listener.address).toBe(path)
  const front = await startProxyTo(`unix:${path}`)
  expect((await (await front.connect()).get()).body).toBe('behind the socket')
  const socket = connect(path)
  releaseLater(() => void socket.destroy())
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  expect((await new ByteReader(socket).message()).body).toBe('behind the socket')
})
