import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { logCounts, startLoggerGateway, type LoggerGateway } from './logging/testing/logger-gateway.ts'
import { startUdpSink, type UdpSink } from './logging/testing/socket-sinks.ts'

let udp: LoggerGateway
let sink: UdpSink
beforeAll(async () => {
  udp = await startLoggerGateway('udp-logger')
})
afterAll(() => udp.close())
beforeEach(async () => {
  sink = await startUdpSink()
})
afterEach(() => sink.close())

const host = '127.0.0.1'
const json = (datagram: Buffer): unknown => JSON.parse(datagram.toString())

test('a batch is a datagram', async () => {
  await udp.use({ host, port: sink.port, batch_max_size: 2, log_format: { u: '$uri' } })
  await udp.gateway.fetch('/1')
  await udp.gateway.fetch('/2')
  await expect.poll(() => sink.datagrams.length).toBe(1)
  expect(json(sink.datagrams[0])).toEqual([
    { u: '/1', route_id: 'r1' },
    { u: '/2', route_id: 'r1' },
  ])
})

test('one that is too large is cut into several, and an entry that is too large by itself is refused', async () => {
  await udp.use({ host: 'localhost', port: sink.port, batch_max_size: 4, include_resp_body: true })
  for (const bytes of [40_000, 40_000, 70_000, 10]) await udp.gateway.fetch(`/bytes/${bytes}`)
  await expect.poll(() => sink.datagrams.length).toBe(2)
  expect(sink.datagrams.map((datagram) => (json(datagram) as unknown[]).length)).toEqual([1, 2])
  await expect.poll(() => logCounts(udp.gateway, 'udp-logger')).toMatchObject({ refused: 1 })
})

test('a name that is not known is a failure', async () => {
  await udp.use({ host: 'nowhere.invalid', port: sink.port, batch_max_size: 1 })
  await udp.gateway.fetch('/')
  await expect.poll(() => logCounts(udp.gateway, 'udp-logger'), { timeout: 8_000 }).toMatchObject({ failed: 1 })
})
