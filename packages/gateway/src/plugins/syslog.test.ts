import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { exchange, startNamed } from '../stream/testing/raw.ts'
import { startStreams } from '../stream/testing/start-streams.ts'
import { headerText, syslogMessage } from './logging/syslog-message.ts'
import { startLoggerGateway, type LoggerGateway } from './logging/testing/logger-gateway.ts'
import { startTcpSink, startUdpSink } from './logging/testing/socket-sinks.ts'
import syslog from './syslog.ts'
import { problemsOf } from './testing/mounted.ts'
import { freePort } from '../testing/free-port.ts'

/** RFC 5424 section 6, without structured data. */
const MESSAGE =
  /^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) - (\{.*\})$/

function messageOf(line: string) {
  const match = MESSAGE.exec(line)
  if (match === null) throw new Error(`no message of RFC 5424: ${line}`)
  const [, priority, time, host, application, pid, id, text] = match
  return {
    priority: Number(priority),
    time,
    host,
    application,
    pid,
    id,
    entry: JSON.parse(text) as Record<string, unknown>,
  }
}

let logger: LoggerGateway
beforeAll(async () => {
  logger = await startLoggerGateway('syslog')
})
afterAll(() => logger.close())

const host = '127.0.0.1'

test('messages are of RFC 5424, one a line, on a connection that is kept', async () => {
  const sink = await startTcpSink()
  onTestFinished(() => sink.close())
  await logger.use({ host, port: sink.port, batch_max_size: 2, flush_limit: 10 })
  for (const path of ['/1', '/2', '/3', '/4']) await logger.gateway.fetch(path, { host: 'Shop.example:80' })
  await expect.poll(() => sink.text().split('\n').length).toBe(5)
  const messages = sink.text().trimEnd().split('\n').map(messageOf)
  expect(messages[0]).toMatchObject({
    priority: 46,
    host: 'shop.example',
    application: 'sekisho',
    pid: String(process.pid),
    id: '-',
    entry: { request: { uri: '/1' } },
  })
  expect(messages.map(({ entry }) => (entry['request'] as { uri: string }).uri)).toEqual(['/1', '/2', '/3', '/4'])
  expect([sink.open(), sink.connections.length]).toEqual([1, 0])
})

test('a connection that broke is made anew', async () => {
  const sink = await startTcpSink()
  onTestFinished(() => sink.close())
  await logger.use({ host, port: sink.port, batch_max_size: 1, max_retry_count: 10, retry_delay: 0 })
  await logger.gateway.fetch('/before')
  await expect.poll(() => sink.text()).toContain('/before')
  sink.reset()
  await expect.poll(() => sink.open()).toBe(0)
  await logger.gateway.fetch('/after')
  await expect.poll(() => sink.text()).toContain('/after')
})

test('over UDP each message is a datagram, without a line feed', async () => {
  const sink = await startUdpSink()
  onTestFinished(() => sink.close())
  await logger.use({ host, port: sink.port, sock_type: 'udp', batch_max_size: 2, log_format: { u: '$uri' } })
  await logger.gateway.fetch('/1')
  await logger.gateway.fetch('/2')
  await expect.poll(() => sink.datagrams.length).toBe(2)
  expect(sink.datagrams.map((datagram) => messageOf(datagram.toString()).entry['u'])).toEqual(['/1', '/2'])
})

describe('on a stream route', () => {
  test.each([
    [
      {},
      {
        client_ip: '127.0.0.1',
        protocol: 'tcp',
        route_id: 'a',
        bytes_received: 5,
        bytes_sent: 9,
        upstream: expect.stringContaining('127.0.0.1:'),
      },
    ],
    [
      {
        log_format: {
          who: '$remote_addr',
          in: '$bytes_received',
          kind: '$protocol/$session_time',
          to: '$upstream_addr',
        },
      },
      {
        who: '127.0.0.1',
        in: 5,
        kind: expect.stringMatching(/^TCP\/\d+\.\d{3}$/),
        to: expect.any(String),
        route_id: 'a',
      },
    ],
  ])('a session is a message: %j', async (config, expected) => {
    const sink = await startTcpSink()
    onTestFinished(() => sink.close())
    const upstream = await startNamed('one')
    const plugins = { syslog: { host, port: sink.port, batch_max_size: 1, ...config } }
    const { streamPort } = await startStreams({
      stream_routes: [{ id: 'a', upstream: { nodes: { [upstream]: 1 } }, plugins }],
    })
    expect(await exchange(streamPort, 'hello')).toBe('one\nhello')
    await expect.poll(() => sink.text()).toContain('\n')
    expect(messageOf(sink.text().trimEnd()).entry).toMatchObject(expected)
  })

  test.each([
    [{ include_req_body: true }, 'has no meaning on a stream route'],
    [{ log_format: { a: '$http_host' } }, 'there is no variable "$http_host"'],
  ])('%j is refused', async (config, message) => {
    const plugins = { syslog: { host, port: 1, ...config } }
    const starting = startStreams({ stream_routes: [{ id: 'a', upstream: 'tcp://127.0.0.1:1', plugins }] })
    await expect(starting).rejects.toThrow(message)
  })
})

const rsyslogd = ['/usr/sbin/rsyslogd', '/sbin/rsyslogd'].find(existsSync)

describe.skipIf(rsyslogd === undefined)('rsyslogd', () => {
  test.each(['tcp', 'udp'])(
    'reads the parts of messages over %s',
    async (transport) => {
      const folder = mkdtempSync(join(tmpdir(), 'sekisho-rsyslog-'))
      const port = await freePort()
      const output = join(folder, 'out.log')
      const config = join(folder, 'rsyslog.conf')
      writeFileSync(
        config,
        [
          `module(load="im${transport}")`,
          `global(workDirectory="${folder}" maxMessageSize="64k")`,
          'template(name="parts" type="string" string="%pri% %app-name% %hostname% %procid% %protocol-version% %msg%\\n")',
          `input(type="im${transport}" port="${port}" address="127.0.0.1" ruleset="all")`,
          `ruleset(name="all") { action(type="omfile" file="${output}" template="parts") }`,
        ].join('\n'),
      )
      expect(spawnSync(rsyslogd!, ['-N1', '-f', config]).status).toBe(0)
      const server = spawn(rsyslogd!, ['-n', '-f', config, '-i', join(folder, 'pid')], { stdio: 'ignore' })
      onTestFinished(async () => {
        const ended = once(server, 'exit')
        server.kill('SIGKILL')
        await ended
        rmSync(folder, { recursive: true, force: true })
      })
      const written = (): string => (existsSync(output) ? readFileSync(output, 'utf8') : '')
      await logger.use({
        host,
        port,
        sock_type: transport,
        batch_max_size: 1,
        max_retry_count: 50,
        retry_delay: 0,
        log_format: { u: '$uri', x: '$http_x' },
      })
      // It tells nobody when it is ready; over UDP nobody tells that it was not there.
      await expect
        .poll(
          async () => {
            await logger.gateway.fetch('/ready')
            return written()
          },
          { timeout: 10_000, interval: 200 },
        )
        .toContain('/ready')
      await logger.gateway.fetch('/a', { host: 'shop.example', headers: { x: '"quoted" <1>' } })
      await expect.poll(written).toContain('"/a"')
      const line = written()
        .split('\n')
        .find((one) => one.includes('"/a"'))
      expect(line).toBe(`46 sekisho shop.example ${process.pid} 1 {"u":"/a","x":"\\"quoted\\" <1>","route_id":"r1"}`)
    },
    20_000,
  )
})

test('what a client says of the host cannot break the header of a message', () => {
  expect(headerText('', 5)).toBe('-')
  expect(headerText('a b\nc\u0000ü', 255)).toBe('abc')
  expect(headerText('x'.repeat(300), 255)).toHaveLength(255)
  expect(syslogMessage('{"a":1}', 'h x', 0)).toBe(
    `<46>1 1970-01-01T00:00:00.000Z hx sekisho ${process.pid} - - {"a":1}\n`,
  )
})

test.each([
  [{ host: 'a', port: 1, sock_type: 'udp', tls: true }, 'needs "sock_type": "tcp"'],
  [{ host: 'a', port: 1, pool_size: 4 }, 'pool_size'],
  [{ host: 'a', port: 1, log_format: { a: '$nobody' } }, 'there is no variable'],
])('%j is refused', (config, message) => {
  expect(problemsOf(syslog, config).join()).toContain(message)
})
