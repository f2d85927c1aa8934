import { hostname } from 'node:os'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startLogSink, type LogSink, type SunkRequest } from './logging/testing/log-sink.ts'
import { logCounts, startLoggerGateway, type LoggerGateway } from './logging/testing/logger-gateway.ts'
import splunkHecLogging from './splunk-hec-logging.ts'
import { problemsOf } from './testing/mounted.ts'

const TOKEN = '4a2d8f0e-1c0b-4d55-9d5e-0f5f8d1b6a11'

let splunk: LoggerGateway
let sink: LogSink
let events: Record<string, unknown>[] = []
beforeAll(async () => {
  splunk = await startLoggerGateway('splunk-hec-logging')
})
afterAll(() => splunk.close())
beforeEach(async () => {
  events = []
  sink = await startLogSink()
  sink.answer = collector
})
afterEach(() => sink.close())

/** As Splunk's collector: the codes and texts of its documentation. */
function collector({ headers, body, url }: SunkRequest): { status: number; body: string } {
  const said = (status: number, code: number, text: string) => ({ status, body: JSON.stringify({ text, code }) })
  if (url !== '/services/collector') return said(404, 404, 'The requested URL was not found on this server.')
  if (headers.authorization !== `Splunk ${TOKEN}`) return said(403, 4, 'Invalid token')
  if (headers['x-splunk-request-channel'] === 'missing') return said(400, 10, 'Data channel is missing')
  if (body === '') return said(400, 5, 'No data')
  events.push(...(JSON.parse(`[${body.replaceAll('}{"time"', '},{"time"')}]`) as Record<string, unknown>[]))
  return said(200, 0, 'Success')
}

const endpoint = (more: object = {}): object => ({ uri: `${sink.url}/services/collector`, token: TOKEN, ...more })

test("events say what APISIX's say", async () => {
  await splunk.use({ endpoint: endpoint({ channel: 'c1' }), batch_max_size: 2 })
  await splunk.gateway.fetch('/a?b=c', { headers: { Cookie: 'x=y' } })
  await splunk.gateway.fetch('/d')
  await expect.poll(() => events.length).toBe(2)
  expect(events[0]).toEqual({
    time: expect.any(Number),
    host: hostname(),
    source: 'sekisho-splunk-hec-logging',
    sourcetype: '_json',
    event: {
      request_url: `http://127.0.0.1:${splunk.gateway.port}/a?b=c`,
      request_method: 'GET',
      request_headers: expect.objectContaining({ cookie: '***' }),
      request_query: { b: 'c' },
      request_size: expect.any(Number),
      response_headers: expect.objectContaining({ 'x-echo': '1' }),
      response_status: 200,
      response_size: expect.any(Number),
      latency: expect.any(Number),
      upstream: `127.0.0.1:${splunk.gateway.echo.port}`,
    },
  })
  expect(Math.abs((events[0]['time'] as number) - Date.now() / 1_000)).toBeLessThan(5)
  expect(sink.requests[0].headers).toMatchObject({ 'x-splunk-request-channel': 'c1' })
})

test('a log_format is the event', async () => {
  await splunk.use({ endpoint: endpoint(), batch_max_size: 1, log_format: { h: '$host' }, log_format_extra: { e: 1 } })
  await splunk.gateway.fetch('/')
  await expect.poll(() => events).toMatchObject([{ event: { h: '127.0.0.1', e: 1, route_id: 'r1' } }])
})

test('a wrong token and a missing channel are failures', async () => {
  await splunk.use({ endpoint: endpoint({ token: 'wrong' }), batch_max_size: 1 })
  await splunk.gateway.fetch('/')
  await expect.poll(() => logCounts(splunk.gateway, 'splunk-hec-logging')).toMatchObject({ failed: 1 })
  await splunk.use({ endpoint: endpoint({ channel: 'missing' }), batch_max_size: 1 })
  await splunk.gateway.fetch('/')
  await expect.poll(() => logCounts(splunk.gateway, 'splunk-hec-logging')).toMatchObject({ failed: 2 })
  expect(events).toEqual([])
})

test.each([
  [{}, 'endpoint'],
  [{ endpoint: { uri: 'http://a' } }, 'token'],
  [{ endpoint: { uri: 'a', token: 'b' } }, 'must be a URL'],
  [{ endpoint: { uri: 'http://a', token: 'b\nc' } }, 'control character'],
  [{ endpoint: { uri: 'http://a', token: 'b' }, include_req_body: true }, 'include_req_body'],
])('%j is refused', (config, message) => {
  expect(problemsOf(splunkHecLogging, config).join()).toContain(message)
})
