import { NO_TIMEOUTS } from '../streams/client-stream.ts'
import { requestOf } from '../testing/request-of.ts'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { Deadlines } from '../clock/deadlines.ts'
import { DEFAULT_H1_LIMITS } from '../limits.ts'
import { listen, type Listening } from '../testing/listening.ts'
import { RawServer } from '../testing/raw-server.ts'
import { echo } from '../testing/server-side.ts'
import { WaitingExchange } from '../testing/waiting-exchange.ts'
import type { UpstreamAddress } from '../pools/upstream-address.ts'
import type { H1ClientConnection } from './client-connection.ts'
import { connectH1 } from './connect.ts'
import { CHUNKED } from './request-head.ts'

const running: { stop(): unknown }[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
})

async function upstream(answer: string, then?: (server: RawServer) => void): Promise<RawServer> {
  const server = await RawServer.start((socket, text) => {
    if (!text.endsWith('\r\n\r\n')) return
    socket.write(answer, 'latin1', () => then?.(server))
  })
  running.push(server)
  return server
}

async function connected(address: UpstreamAddress): Promise<H1ClientConnection> {
  const exchange = new WaitingExchange()
  const connection = connectH1(address, new Map(), {
    limits: DEFAULT_H1_LIMITS,
    deadlines: new Deadlines(),
    key: 'key',
    name: `${address.name}:${address.port}`,
    onClosed: () => {},
    onFree: () => {},
  })
  running.push({ stop: () => connection.discard() })
  connection.connectFor(exchange, 10_000)
  await exchange.connected
  if (exchange.error !== undefined) throw exchange.error
  return connection
}

function ask(
  connection: H1ClientConnection,
  head = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  bodyLength = 0,
): Promise<WaitingExchange> {
  const exchange = new WaitingExchange()
  connection.sendRequest(exchange, requestOf(head), bodyLength, {
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    quietTimeoutMs: 0,
  })
  return exchange.over
}

describe('an upstream that', () => {
  it('answers is asked again on the same connection', async () => {
    const server = await upstream('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    const connection = await connected(server.address)
    for (let count = 0; count < 3; count++) expect((await ask(connection)).body).toBe('ok')
    expect(server.sockets).toHaveLength(1)
  })

  it('sends too much is not used again', async () => {
    const server = await upstream(
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL',
    )
    const connection = await connected(server.address)
    const exchange = await ask(connection)
    expect(exchange).toMatchObject({ body: 'ok', ends: 1 })
    expect(connection.closed).toBe(true)
  })

  it.each([
    ['ends within its head', 'HTTP/1.1 200 OK\r\nConte', 'CLOSED_BEFORE_RESPONSE'],
    ['ends within its body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc', 'BODY_CUT'],
    ['ends within its chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc', 'BODY_CUT'],
  ])('%s', async (_, answer, code) => {
    const server = await upstream(answer, ({ sockets }) => sockets[0].end())
    const exchange = await ask(await connected(server.address))
    expect(exchange.error?.code).toBe(code)
  })

  it('resets instead of answering', async () => {
    const server = await RawServer.start((socket) => socket.resetAndDestroy())
    running.push(server)
    const exchange = await ask(await connected(server.address))
    expect(exchange.error?.code).toBe('RESET')
  })

  it('ends its body with the connection', async () => {
    const server = await upstream(`HTTP/1.0 200 OK\r\n\r\n${'x'.repeat(500_000)}`, ({ sockets }) => sockets[0].end())
    const exchange = await ask(await connected(server.address))
    expect(exchange.error).toBeUndefined()
    expect(exchange.body === 'x'.repeat(500_000)).toBe(true)
  })

  it('sends a megabyte in any framing', async () => {
    const body = Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => (at * 17) % 255)).toString('latin1')
    const chunks = body.match(/[^]{1,30011}/g)?.map((one) => `${one.length.toString(16)}\r\n${one}\r\n`)
    const answers = [
      `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks?.join('')}0\r\n\r\n`,
    ]
    for (const answer of answers) {
      const server = await upstream(answer)
      const connection = await connected(server.address)
      for (let count = 0; count < 2; count++) expect((await ask(connection)).body === body).toBe(true)
    }
  })

  it('does not read stops the request, and loses none of it', async () => {
    const server = await RawServer.start()
    running.push(server)
    const connection = await connected(server.address)
    const far = await server.connection(0)
    far.pause()
    let received = 0
    const total = 400
    const exchange = new WaitingExchange()
    connection.sendRequest(exchange, requestOf('POST / HTTP/1.1\r\nHost: a\r\n\r\n'), CHUNKED, NO_TIMEOUTS)
    const piece = Buffer.alloc(65_536, 'p')
    let sent = 0
    const pump = (): void => {
      while (sent < total) {
        sent++
        if (connection.sendBody(piece) === 2) return
      }
      connection.endBody()
    }
    exchange.onUpstreamDrain = pump
    pump()
    while (!connection.socket.writableNeedDrain) await new Promise((resolve) => setImmediate(resolve))
    expect(sent).toBeLessThan(total)
    far.on('data', (text: string) => {
      received += text.match(/p/g)?.length ?? 0
      if (text.endsWith('0\r\n\r\n')) far.write('HTTP/1.1 204 No Content\r\n\r\n')
    })
    far.resume()
    await exchange.over
    expect(exchange.head?.status).toBe(204)
    expect(received).toBe(total * piece.length)
    expect(connection.idle).toBe(true)
  })
})

it('our client talks to our server', async () => {
  const listening: Listening = await listen(echo)
  running.push(listening)
  const address = {
    host: '127.0.0.1',
    port: listening.port,
    name: 'self',
    tls: undefined,
    localAddress: '127.0.0.1',
    group: '',
    protocol: 'http/1.1' as const,
  }
  const connection = await connected(address)
  for (const body of ['', 'small', 'l'.repeat(700_000)]) {
    const exchange = new WaitingExchange()
    const chunked = body.length > 10
    const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
    const length = chunked ? CHUNKED : body.length
    connection.sendRequest(exchange, requestOf(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`), length, NO_TIMEOUTS)
    if (body !== '') {
      connection.sendBody(Buffer.from(body))
      connection.endBody()
    }
    await exchange.over
    expect(exchange.body === body).toBe(true)
  }
  expect(listening.connections).toHaveLength(1)
  const closed = once(connection.socket, 'close')
  listening.connections[0].destroy()
  await closed
  expect(connection.closed).toBe(true)
})
