import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest, Agent, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { AUTHORITY, EC_CERTIFICATE, EC_KEY } from '../testing/certificates.ts'
import { listen, RawClient, type Listening } from '../testing/listening.ts'
import { answerAtOnce, answerNothing, echo, readBody, response, type RecordedRequest } from '../testing/server-side.ts'
import { singleCertificate } from '../tls/server-tls.ts'
import { STALLED } from './output.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const running: { stop(): void }[] = []
afterEach(() => {
  for (const one of running.splice(0)) one.stop()
})
const started = async (...options: Parameters<typeof listen>): Promise<Listening> => {
  const listening = await listen(...options)
  running.push(listening)
  return listening
}
const client = (listening: Listening): RawClient => {
  const raw = new RawClient({ port: listening.port })
  running.push({ stop: () => raw.socket.destroy() })
  return raw
}

describe('accepting', () => {
  it('counts the connections that are open', async () => {
    const listening = await started(answerAtOnce)
    const clients = [client(listening), client(listening)]
    for (const one of clients) {
      one.send(GET)
      await one.until('GET /')
    }
    expect(listening.listener.connections).toBe(2)
    expect(listening.connections.map((one) => one.client.remoteAddress)).toEqual(['127.0.0.1', '127.0.0.1'])
    const closed = once(listening.connections[0].socket, 'close')
    clients[0].socket.destroy()
    clients[1].socket.destroy()
    await closed
    if (listening.listener.connections > 0) await once(listening.connections[1].socket, 'close')
    expect(listening.listener.connections).toBe(0)
    expect(listening.handler.closed).toBe(2)
  })

  it('closes connections over the limit at once, and takes others when there is room again', async () => {
    const listening = await started(answerAtOnce, { maxConnections: 1 })
    const first = client(listening)
    first.send(GET)
    await first.until('GET /')
    expect(await client(listening).untilEnd()).toBe('')
    expect(listening.overloads).toBe(1)
    const closed = once(listening.connections[0].socket, 'close')
    first.socket.destroy()
    await closed
    const third = client(listening)
    third.send(GET)
    expect(await third.until('GET /')).toContain('200 OK')
  })

  it('stops, while open connections go on', async () => {
    const listening = await started(answerAtOnce)
    const open = client(listening)
    open.send(GET)
    await open.until('GET /')
    listening.listener.stopAccepting()
    const late = new RawClient({ port: listening.port })
    const [error] = (await once(late.socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
    open.received = ''
    open.send(GET)
    expect(await open.until('GET /')).toContain('200 OK')
  })

  it('works on a unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'listener-'))
    const path = join(folder, 'a.sock')
    const listening = await started(answerAtOnce, {}, { path })
    expect(listening.listener.address).toBe(path)
    const raw = new RawClient({ path })
    running.push({ stop: () => raw.socket.destroy() })
    raw.send(GET)
    expect(await raw.until('GET /')).toContain('200 OK')
    expect(listening.connections[0].client.remoteAddress).toBe('')
    rmSync(folder, { recursive: true })
  })

  it('fails where the port is taken', async () => {
    const listening = await started(answerAtOnce)
    await expect(listen(answerAtOnce, {}, { host: '127.0.0.1', port: listening.port })).rejects.toThrow('EADDRINUSE')
  })
})

describe('over a real socket', () => {
  it('pipelined requests are answered in order', async () => {
    const listening = await started((request) => setImmediate(() => answerAtOnce(request)))
    const raw = client(listening)
    raw.send(Array.from({ length: 100 }, (_, at) => `GET /${at} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
    const text = await raw.until('GET /99')
    expect([...text.matchAll(/\r\n\r\nGET \/(\d+)/g)].map((one) => Number(one[1]))).toEqual(
      Array.from({ length: 100 }, (_, at) => at),
    )
  })

  it('a half-closed client gets its answer', async () => {
    const listening = await started(answerNothing)
    const raw = client(listening)
    raw.socket.end(GET)
    while (listening.connections[0]?.socket.readableEnded !== true)
      await new Promise((resolve) => setImmediate(resolve))
    listening.handler.requests[0].respond('still')
    expect(await raw.untilEnd()).toBe('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nstill')
  })

  it('a client that still sends gets the answer that closes the connection', async () => {
    const listening = await started((request) => request.respond('too large', {}, 413))
    const raw = client(listening)
    raw.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 700000\r\n\r\n')
    raw.send('x'.repeat(700_000))
    expect(await raw.untilEnd()).toMatch(/^HTTP\/1\.1 413 [^]*too large$/)
  })

  it('a refused request is answered and closed', async () => {
    const listening = await started(answerAtOnce)
    const raw = client(listening)
    raw.send(
      'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n',
    )
    expect(await raw.untilEnd()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(listening.handler.requests).toHaveLength(0)
  })

  it('a large body goes there and back through node:http’s client, twice on one connection', async () => {
    const listening = await started(echo)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    running.push({ stop: () => agent.destroy() })
    const body = Buffer.from(Array.from({ length: 900_000 }, (_, at) => (at * 31) % 251))
    for (const headers of [{ 'Content-Length': String(body.length) }, { 'Transfer-Encoding': 'chunked' }]) {
      const request = httpRequest({ host: '127.0.0.1', port: listening.port, method: 'PUT', agent, headers })
      request.end(body)
      const [answer] = (await once(request, 'response')) as [IncomingMessage]
      const chunks: Buffer[] = []
      for await (const chunk of answer) chunks.push(chunk as Buffer)
      expect(Buffer.concat(chunks).equals(body)).toBe(true)
    }
    expect(listening.connections).toHaveLength(1)
    expect(listening.handler.requests.map((one) => one.head.method)).toEqual(['PUT', 'PUT'])
  })

  it('a response waits for a client that does not read, and loses nothing', async () => {
    const piece = Buffer.alloc(65_536, 'p')
    const total = 400
    let sent = 0
    const pump = (request: RecordedRequest): void => {
      while (sent < total) {
        sent++
        if (request.connection.sendBody(piece) === STALLED) return
      }
      request.connection.endBody()
    }
    const listening = await started((request) => {
      request.connection.sendHead(response(200, { 'Content-Length': String(total * piece.length) }))
      request.onDownstreamDrain = () => pump(request)
      pump(request)
    })
    const raw = client(listening)
    raw.socket.pause()
    raw.send(GET)
    while (listening.connections[0]?.socket.writableNeedDrain !== true)
      await new Promise((resolve) => setImmediate(resolve))
    expect(sent).toBeLessThan(total)
    raw.socket.resume()
    const text = await raw.until('p'.repeat(10))
    while (raw.received.length < total * piece.length) await once(raw.socket, 'data')
    expect(text.startsWith('HTTP/1.1 200 OK\r\n')).toBe(true)
    expect(raw.received.length - raw.received.indexOf('\r\n\r\n') - 4).toBe(total * piece.length)
  })

  it('a client that resets within its body is told to the exchange', async () => {
    const listening = await started(readBody)
    const raw = client(listening)
    raw.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123')
    while (listening.handler.requests[0]?.body !== '123') await new Promise((resolve) => setImmediate(resolve))
    raw.socket.resetAndDestroy()
    await new Promise((resolve) => listening.connections[0].socket.once('close', resolve))
    expect(listening.handler.requests[0].lost?.code).toBe('CLIENT_GONE')
  })

  it('a draining listener closes after the answer', async () => {
    const listening = await started(answerAtOnce)
    const raw = client(listening)
    raw.send(GET)
    await raw.until('GET /')
    listening.options.draining = true
    for (const connection of listening.connections) connection.drain()
    raw.send(GET)
    expect(await raw.untilEnd()).toMatch(/Connection: close\r\n\r\nGET \/$/)
  })
})

describe('over TLS', () => {
  const target = { host: '127.0.0.1', port: 0 }
  const tls = singleCertificate({ cert: EC_CERTIFICATE, key: EC_KEY })

  it('a large body goes there and back, twice on one connection', async () => {
    const listening = await started(echo, {}, target, { tls })
    const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1, ca: AUTHORITY, servername: 'a.test' })
    running.push({ stop: () => agent.destroy() })
    const body = Buffer.from(Array.from({ length: 900_000 }, (_, at) => (at * 31) % 251))
    for (const headers of [{ 'Content-Length': String(body.length) }, { 'Transfer-Encoding': 'chunked' }]) {
      const sent = httpsRequest({ port: listening.port, host: '127.0.0.1', method: 'POST', agent, headers })
      sent.end(body)
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      const pieces: Buffer[] = []
      for await (const piece of answer) pieces.push(piece as Buffer)
      expect(Buffer.concat(pieces).equals(body)).toBe(true)
    }
    expect(listening.connections).toHaveLength(1)
    expect(listening.connections[0].client.secure).toBe(true)
  })

  it('a response that only the close ends is seen to be cut', async () => {
    const listening = await started(
      ({ connection }) => {
        connection.sendHead(response(200))
        connection.sendBody(Buffer.from('half'))
      },
      {},
      target,
      { tls },
    )
    const socket = connectTls({ port: listening.port, host: '127.0.0.1', ca: AUTHORITY, servername: 'a.test' })
    socket.write('GET / HTTP/1.0\r\n\r\n')
    // libuv takes bytes and a reset that come at once for bytes and an end.
    for (let text = ''; !text.endsWith('half');) text += String(((await once(socket, 'data')) as [Buffer])[0])
    listening.connections[0].cut()
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
  })

  it('behind the PROXY protocol tells the client’s address', async () => {
    const listening = await started(answerAtOnce, {}, target, { tls, proxyProtocol: 'required' })
    const raw = connect(listening.port, '127.0.0.1')
    raw.write('PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n')
    const socket = connectTls({ socket: raw, ca: AUTHORITY, servername: 'a.test' })
    running.push({ stop: () => socket.destroy() })
    socket.write(GET)
    expect(String(((await once(socket, 'data')) as [Buffer])[0])).toContain('200 OK')
    const { client: end } = listening.connections[0]
    expect([end.remoteAddress, end.remotePort, end.localAddress, end.localPort, end.secure]).toEqual([
      '192.0.2.7',
      50_000,
      '198.51.100.1',
      443,
      true,
    ])
  })

  it('counts connections from their first moment', async () => {
    const listening = await started(answerAtOnce, { maxConnections: 1 }, target, { tls })
    const silent = client(listening)
    await once(silent.socket, 'connect')
    while (listening.listener.unopened === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await client(listening).untilEnd()).toBe('')
    expect(listening.overloads).toBe(1)
    listening.listener.closeUnopened()
    expect(await silent.untilEnd()).toBe('')
    while (listening.listener.connections > 0) await new Promise((resolve) => setImmediate(resolve))
  })
})
