import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { ByteClient, startByteService } from '../grpc/testing/byte-service.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { startHttpCollector, type Collector } from './tracing/testing/otlp-collectors.ts'
import type { CollectedSpan } from './tracing/testing/otlp-protos.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A gateway that records everything, and where that goes. */
async function traced(document: object): Promise<{ gateway: TestGateway; collector: Collector }> {
  const collector = await startHttpCollector()
  closing.push(() => collector.close())
  const gateway = await startGateway({
    plugin_metadata: [
      {
        id: 'opentelemetry',
        collector: { address: collector.address },
        batch_span_processor: { inactive_timeout: 0.1, batch_timeout: 0.2 },
      },
    ],
    global_rules: [{ id: 'trace', plugins: { opentelemetry: { sampler: { name: 'always_on' } } } }],
    ...document,
  })
  closing.push(() => gateway.close())
  return { gateway, collector }
}

const kinds = (spans: readonly CollectedSpan[]): { server: CollectedSpan; client: CollectedSpan } => ({
  server: spans.find(({ kind }) => kind === 2)!,
  client: spans.find(({ kind }) => kind === 3)!,
})

test('a call of gRPC has its method and status, and the service is within the trace', async () => {
  const service = await startByteService((call, answer) =>
    call.request.length === 0 ? answer({ code: 13, details: 'broken' }) : answer(null, call.request),
  )
  closing.push(() => service.stop())
  const upstream = { scheme: 'grpc', nodes: { [service.address]: 1 } }
  const { gateway, collector } = await traced({ routes: [{ id: 'r', uri: '/test.Bytes/*', upstream }] })
  const client = new ByteClient(gateway.port)
  closing.push(() => client.close())
  await client.call('x')
  const good = kinds(await collector.received(2))
  expect(good.server).toMatchObject({ name: 'test.Bytes/Call', code: 0 })
  expect(good.server.attributes).toMatchObject({
    'rpc.system.name': 'grpc',
    'rpc.method': 'test.Bytes/Call',
    'rpc.response.status_code': 'OK',
    'network.protocol.version': '2',
  })
  expect(String(service.calls[0].metadata.get('traceparent'))).toBe(
    `00-${good.client.traceId}-${good.client.spanId}-01`,
  )
  await client.call('')
  const bad = kinds((await collector.received(4)).slice(2))
  expect(bad.server).toMatchObject({ code: 2, attributes: { 'error.type': 'INTERNAL' } })
  expect(bad.client).toMatchObject({ code: 2, attributes: { 'rpc.response.status_code': 'INTERNAL' } })
})

test('the span of a WebSocket ends when it is closed', async () => {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(sockets, 'listening')
  closing.push(() => sockets.close())
  let traceparent: unknown
  sockets.on('connection', (socket, request) => {
    traceparent = request.headers['traceparent']
    socket.on('message', (message) => socket.send(message))
  })
  const upstream = { nodes: { [`127.0.0.1:${(sockets.address() as AddressInfo).port}`]: 1 } }
  const { gateway, collector } = await traced({ routes: [{ id: 'r', uri: '/*', upstream, enable_websocket: true }] })
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/talk`)
  await once(socket, 'open')
  socket.send('a')
  await once(socket, 'message')
  expect(collector.spans).toEqual([])
  const closed = BigInt(Date.now() - 2) * 1_000_000n
  socket.close()
  const { server, client } = kinds(await collector.received(2))
  expect(server.attributes['http.response.status_code']).toBe(101)
  expect(server.endNs).toBeGreaterThan(closed)
  expect([server.code, client.code]).toEqual([0, 0])
  expect(traceparent).toBe(`00-${client.traceId}-${client.spanId}-01`)
})

test('sub-requests of batch-requests belong to the trace', async () => {
  const { gateway, collector } = await traced({
    routes: [
      { id: 'batch', uri: '/apisix/batch-requests', plugins: { 'public-api': {} } },
      { id: 'all', uri: '/*', upstream_id: 'echo' },
    ],
  })
  const body = JSON.stringify({ pipeline: [{ path: '/a' }, { path: '/b' }] })
  await gateway.fetch('/apisix/batch-requests', { method: 'POST', body })
  const spans = await collector.received(5)
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
  const outer = spans.find(({ attributes }) => attributes['sekisho.route_id'] === 'batch')!
  const inner = spans.filter(({ kind, attributes }) => kind === 2 && attributes['sekisho.route_id'] === 'all')
  expect(inner.map(({ parentSpanId }) => parentSpanId)).toEqual([outer.spanId, outer.spanId])
})
