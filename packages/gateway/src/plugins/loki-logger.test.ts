import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import lokiLogger, { pushBody } from './loki-logger.ts'
import { startLogSink, type LogSink } from './logging/testing/log-sink.ts'
import { logCounts, startLoggerGateway, type LoggerGateway } from './logging/testing/logger-gateway.ts'
import { problemsOf } from './testing/mounted.ts'

interface Push {
  readonly streams: readonly { readonly stream: Record<string, string>; readonly values: readonly [string, string][] }[]
}

let loki: LoggerGateway
let sink: LogSink
beforeAll(async () => {
  loki = await startLoggerGateway('loki-logger')
})
afterAll(() => loki.close())
beforeEach(async () => {
  sink = await startLogSink()
  // As Loki: 204, and 400 for what is no push.
  sink.answer = ({ body }) => ({ status: isPush(JSON.parse(body)) ? 204 : 400 })
})
afterEach(() => sink.close())

/** Loki's push API: labels are texts, a value is a time in nanoseconds as text, and a line. */
function isPush(body: unknown): body is Push {
  const { streams } = body as Push
  return (
    Array.isArray(streams) &&
    (streams as Push['streams']).every(
      ({ stream, values }) =>
        Object.keys(stream).length > 0 &&
        Object.values(stream).every((value) => typeof value === 'string' && value !== '') &&
        values.every(([time, line]) => /^\d{19}$/.test(time) && typeof line === 'string'),
    )
  )
}

const pushOf = async (count = 1): Promise<Push> => JSON.parse((await sink.received(count))[count - 1].body) as Push

test('pushes entries as lines of a stream, with tenant and fields', async () => {
  await loki.use({ endpoint_addrs: [sink.url], batch_max_size: 2, tenant_id: 'team', headers: { 'X-More': 'yes' } })
  const began = Date.now()
  await loki.gateway.fetch('/a?b=%221%22')
  await loki.gateway.fetch('/b')
  const push = await pushOf()
  expect(isPush(push)).toBe(true)
  expect(push.streams).toHaveLength(1)
  const [{ stream, values }] = push.streams
  expect(stream).toEqual({ job: 'apisix' })
  expect(values.map(([, line]) => (JSON.parse(line) as { request: { uri: string } }).request.uri)).toEqual([
    '/a?b=%221%22',
    '/b',
  ])
  expect(Math.abs(Number(values[0][0].slice(0, 13)) - began)).toBeLessThan(2_000)
  expect(sink.requests[0]).toMatchObject({
    method: 'POST',
    url: '/loki/api/v1/push',
    headers: { 'x-scope-orgid': 'team', 'x-more': 'yes', 'content-type': 'application/json' },
  })
  await expect.poll(() => logCounts(loki.gateway, 'loki-logger')).toMatchObject({ sent: 2 })
})

test('entries with different labels are different streams; a label without a value is left out', async () => {
  const log_labels = { job: 'gateway', status: '$status', who: 'v-$arg_who', none: '$arg_none' }
  await loki.use({
    endpoint_addrs: [sink.url],
    batch_max_size: 3,
    log_labels,
    endpoint_uri: '/push',
    log_format: { u: '$uri' },
  })
  for (const path of ['/status/200', '/status/404?who=x', '/status/200']) await loki.gateway.fetch(path)
  const { streams } = await pushOf()
  expect(streams.map(({ stream, values }) => [stream, values.length])).toEqual([
    [{ job: 'gateway', status: '200', who: 'v-' }, 2],
    [{ job: 'gateway', status: '404', who: 'v-x' }, 1],
  ])
  expect(JSON.parse(streams[1].values[0][1])).toEqual({ u: '/status/404', route_id: 'r1' })
})

test('a batch has a bounded number of streams', () => {
  const lines = Array.from({ length: 300 }, (_, at) => ({ labels: `{"n":"${at}"}`, timeNs: '1', json: '{}' }))
  const { streams } = JSON.parse(pushBody(lines, '{"job":"x"}')) as Push
  expect(streams).toHaveLength(101)
  expect(streams.at(-1)).toMatchObject({ stream: { job: 'x' }, values: { length: 200 } })
})

test('of several addresses the others get what one does not take', async () => {
  const other = await startLogSink()
  other.answer = () => ({ status: 503 })
  await loki.use({ endpoint_addrs: [other.url, 'http://127.0.0.1:1', sink.url], batch_max_size: 1 })
  for (let request = 1; request <= 8; request++) {
    await loki.gateway.fetch(`/${request}`)
    await sink.received(request)
  }
  expect(sink.requests).toHaveLength(8)
  await other.close()
})

test.each([
  [{ endpoint_addrs: [] }, 'endpoint_addrs'],
  [{ endpoint_addrs: ['x'] }, 'must be a URL'],
  [{ endpoint_addrs: ['http://a'], log_labels: { 'a-b': 'c' } }, 'is not a label name'],
  [{ endpoint_addrs: ['http://a'], log_labels: { a: '$nobody' } }, 'no variable "$nobody"'],
  [{ endpoint_addrs: ['http://a'], headers: { 'a b': 'c' } }, 'is not a header field'],
  [{ endpoint_addrs: ['http://a'], timeout: 60_001 }, 'timeout'],
  [{ endpoint_addrs: ['http://a'], tenant_id: 'a\nb' }, 'control character'],
])('%j is refused', (config, message) => {
  expect(problemsOf(lokiLogger, config).join()).toContain(message)
})
