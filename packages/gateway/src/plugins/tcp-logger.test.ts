import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { A_CERTIFICATE, KEY } from '../tls/testing/server-certificates.ts'
import { logCounts, startLoggerGateway, type LoggerGateway } from './logging/testing/logger-gateway.ts'
import { startTcpSink, type TcpSink } from './logging/testing/socket-sinks.ts'
import tcpLogger from './tcp-logger.ts'
import { problemsOf } from './testing/mounted.ts'

let tcp: LoggerGateway
let sink: TcpSink
beforeAll(async () => {
  tcp = await startLoggerGateway('tcp-logger')
})
afterAll(() => tcp.close())
afterEach(() => sink.close())

const host = '127.0.0.1'
type Entries = readonly { readonly request: { readonly uri: string } }[]

test('each batch is a JSON list on a connection of its own', async () => {
  sink = await startTcpSink()
  await tcp.use({ host, port: sink.port, batch_max_size: 2 })
  for (const path of ['/1', '/2', '/3', '/4']) await tcp.gateway.fetch(path)
  await expect.poll(() => sink.connections.length).toBe(2)
  const paths = sink.connections.map((text) => (JSON.parse(text) as Entries).map(({ request }) => request.uri))
  expect(paths).toEqual([
    ['/1', '/2'],
    ['/3', '/4'],
  ])
})

test('a batch of one is the entry itself', async () => {
  sink = await startTcpSink()
  await tcp.use({ host, port: sink.port, batch_max_size: 1, log_format: { a: '$status' } })
  await tcp.gateway.fetch('/')
  await expect.poll(() => sink.connections).toEqual(['{"a":200,"route_id":"r1"}\n'])
})

test('with TLS the certificate is verified, unless it is not to be', async () => {
  sink = await startTcpSink({ cert: A_CERTIFICATE, key: KEY })
  const config = { host, port: sink.port, tls: true, batch_max_size: 1, tls_options: 'a.example' }
  await tcp.use(config)
  await tcp.gateway.fetch('/refused')
  await expect.poll(() => logCounts(tcp.gateway, 'tcp-logger')).toMatchObject({ failed: 1 })
  await tcp.use({ ...config, ssl_verify: false })
  await tcp.gateway.fetch('/taken')
  await expect.poll(() => sink.connections.join()).toContain('/taken')
  expect(sink.connections.join()).not.toContain('/refused')
})

test('a server that comes back gets what waited, once', async () => {
  sink = await startTcpSink()
  await tcp.use({ host, port: sink.port, batch_max_size: 1, max_retry_count: 20, retry_delay: 0 })
  await sink.pause()
  await tcp.gateway.fetch('/waited')
  await sink.resume()
  await expect.poll(() => sink.connections.length, { timeout: 5_000 }).toBe(1)
  expect(sink.connections[0]).toContain('/waited')
})

test.each([
  [{ host: 'a' }, 'port'],
  [{ host: '', port: 1 }, 'host'],
  [{ host: 'a', port: 70_000 }, 'port'],
])('%j is refused', (config, message) => {
  expect(problemsOf(tcpLogger, config).join()).toContain(message)
})
