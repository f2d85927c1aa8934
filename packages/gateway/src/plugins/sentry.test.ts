import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Type } from '../schema/type.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { definePlugin } from './definition.ts'
import { startLogSink, type LogSink, type SunkRequest } from './logging/testing/log-sink.ts'
import sentry from './sentry.ts'
import { problemsOf } from './testing/mounted.ts'

interface Event {
  readonly event_id: string
  readonly exception: {
    readonly values: {
      type: string
      value: string
      stacktrace?: { frames: { function?: string; filename: string }[] }
    }[]
  }
  readonly request: { url: string; method: string; query_string?: string; headers?: Record<string, string> }
  readonly [field: string]: unknown
}

/** Throws, as a plugin of somebody. */
const broken = definePlugin({
  name: 'test-broken',
  priority: 1_500,
  schema: Type.Object({}),
  create: () => ({
    access() {
      throw new TypeError('cannot read it: password=hunter2 of Bearer abc.def', { cause: new Error('deeper') })
    },
  }),
})

/** The event of an envelope, after what Sentry's ingestion says of its form. */
function eventOf({ method, url, headers, body }: SunkRequest): Event {
  expect([method, url]).toEqual(['POST', '/base/api/42/envelope/'])
  expect(headers['content-type']).toBe('application/x-sentry-envelope')
  expect(headers['x-sentry-auth']).toMatch(
    /^Sentry sentry_version=7, sentry_client=sekisho\/[\w.-]+, sentry_key=public$/,
  )
  const bytes = Buffer.from(body)
  const first = bytes.indexOf(10)
  const head = JSON.parse(bytes.subarray(0, first).toString()) as { event_id: string; sent_at: string }
  const second = bytes.indexOf(10, first + 1)
  const item = JSON.parse(bytes.subarray(first + 1, second).toString()) as { type: string; length: number }
  expect(item.type).toBe('event')
  const payload = bytes.subarray(second + 1, second + 1 + item.length)
  expect(bytes.subarray(second + 1 + item.length).toString()).toBe('\n')
  const event = JSON.parse(payload.toString()) as Event
  expect(event.event_id).toMatch(/^[0-9a-f]{32}$/)
  expect(head.event_id).toBe(event.event_id)
  expect(Date.parse(head.sent_at)).toBeGreaterThan(0)
  return event
}

let gateway: TestGateway
let server: LogSink
beforeAll(async () => {
  gateway = await startGateway({}, [broken])
})
afterAll(() => gateway.close())
beforeEach(async () => {
  server = await startLogSink()
})
afterEach(() => server.close())

const use = (config: object = {}, plugins: object = {}, rest: object = {}): Promise<void> =>
  gateway.update({
    routes: [
      {
        id: 'r1',
        uri: '/*',
        upstream_id: 'echo',
        plugins: { sentry: { dsn: `http://public@127.0.0.1:${server.port}/base/42`, ...config }, ...plugins },
      },
    ],
    ...rest,
  })

async function reported(path: string, headers: Record<string, string> = {}): Promise<Event> {
  const before = server.requests.length
  await gateway.fetch(path, { headers })
  return eventOf((await server.received(before + 1))[before])
}

const count = (outcome: string): number => {
  const pattern = new RegExp(`sekisho_plugin_log_entries_total\\{plugin="sentry",outcome="${outcome}"\\} (\\d+)`)
  return Number(pattern.exec(gateway.metrics.render())?.[1] ?? 0)
}

const ALL = { capture: ['internal', 'unreachable', 'upstream_5xx'] }

describe('an event', () => {
  test('of a plugin that threw has its stack and cause, without its secrets', async () => {
    await use({ environment: 'test', release: 'shop@1' }, { 'test-broken': {} })
    const event = await reported('/orders/7')
    expect(event).toMatchObject({
      platform: 'node',
      level: 'error',
      environment: 'test',
      release: 'shop@1',
      transaction: 'GET /*',
      tags: { route: 'r1', code: 'PHASE_FAILED', source: 'internal', status: '500' },
      request: { method: 'GET', url: `http://127.0.0.1:${gateway.port}/orders/7` },
    })
    const [cause, thrown] = event.exception.values
    expect(cause).toMatchObject({ type: 'Error', value: 'deeper' })
    expect(thrown).toMatchObject({
      type: 'TypeError',
      value: 'cannot read it: password=[Filtered] of Bearer [Filtered]',
    })
    expect(thrown.stacktrace!.frames.at(-1)).toMatchObject({ filename: expect.stringContaining('sentry.test.ts') })
    expect(event['user']).toBeUndefined()
  })

  test('of an upstream that nobody reaches says which', async () => {
    const upstreams = [{ id: 'dead', nodes: { '127.0.0.1:1': 1 }, retries: 0 }]
    const dsn = `http://public@127.0.0.1:${server.port}/base/42`
    const routes = [{ id: 'r1', uri: '/*', upstream_id: 'dead', plugins: { sentry: { dsn } } }]
    await use({}, {}, { upstreams, routes })
    const event = await reported('/')
    expect(event.exception.values).toEqual([expect.objectContaining({ type: 'CONNECT_REFUSED' })])
    expect(event).toMatchObject({ tags: { node: '127.0.0.1:1', source: 'upstream', status: '502' } })
  })

  test('of an answer of an upstream is there where it is wanted', async () => {
    await use()
    await gateway.fetch('/status/503')
    await use(ALL)
    await gateway.fetch('/status/404')
    const event = await reported('/status/500')
    expect(event.exception.values[0]).toMatchObject({ type: 'HTTP 500' })
    expect(server.requests).toHaveLength(1)
  })

  test('has nothing that shows who somebody is', async () => {
    const headers = {
      Authorization: 'Basic s3cret',
      Cookie: 'session=s3cret',
      apikey: 's3cret',
      'X-Auth-Token': 's3cret',
      'X-Own': 's3cret',
      'X-Forwarded-For': '192.0.2.99',
      Referer: 'https://a.example/b?token=s3cret',
      'X-Fine': 'fine',
    }
    await use({ ...ALL, hidden_headers: ['X-Own'] })
    const event = await reported('/status/500?token=s3cret&page=2', headers)
    expect(event.request).toMatchObject({ query_string: 'token=REDACTED&page=2', headers: { 'x-fine': 'fine' } })
    expect(JSON.stringify(event)).not.toMatch(/s3cret|192\.0\.2\.99/)
    await use({ ...ALL, query: 'names', send_headers: false, send_personal_data: true })
    const other = await reported('/status/500?token=s3cret&page=2', headers)
    expect(other.request).toMatchObject({ query_string: 'token&page' })
    expect(other.request.headers).toBeUndefined()
    expect(other['user']).toEqual({ ip_address: '127.0.0.1' })
    await use({ ...ALL, query: 'none' })
    expect((await reported('/status/500?token=s3cret')).request.query_string).toBeUndefined()
  })

  test('is one, where a global rule and a route both report; it names the trace', async () => {
    const dsn = `http://public@127.0.0.1:${server.port}/base/42`
    const global_rules = [{ id: 'g', plugins: { sentry: { dsn, ...ALL, release: 'g' }, opentelemetry: {} } }]
    await use(ALL, {}, { global_rules })
    const trace = '0af7651916cd43dd8448eb211c80319c'
    const event = await reported('/status/500', { traceparent: `00-${trace}-b7ad6b7169203331-01` })
    expect(event).toMatchObject({ contexts: { trace: { trace_id: trace } }, release: 'g' })
    await reported('/status/500')
    expect(server.requests).toHaveLength(2)
  })
})

describe('Sentry that', () => {
  test('wants to be left alone is', async () => {
    server.answer = () => ({ status: 429 })
    const dropped = count('dropped')
    await use(ALL)
    await reported('/status/500')
    await expect.poll(() => count('refused')).toBeGreaterThan(0)
    await gateway.fetch('/status/500')
    await expect.poll(() => count('dropped')).toBe(dropped + 1)
    expect(server.requests).toHaveLength(1)
  })

  test('is flooded gets no more than it may have', async () => {
    const dropped = count('dropped')
    await use({ ...ALL, max_events_per_minute: 3, release: 'flood' })
    for (let request = 0; request < 8; request++) await gateway.fetch('/status/500')
    await server.received(3)
    // A minute may end in between.
    expect(count('dropped') - dropped).toBeGreaterThanOrEqual(2)
    expect(server.requests.length).toBeLessThanOrEqual(6)
  })

  test('is away costs no request anything', async () => {
    await server.pause()
    await use({ ...ALL, release: 'away' })
    for (let request = 0; request < 3; request++) expect((await gateway.fetch('/status/500')).status).toBe(500)
    await expect
      .poll(() => gateway.logs.filter(({ message }) => message.startsWith(`sentry: ${server.url} fails`)).length)
      .toBe(1)
    await server.resume()
    await server.received(3)
  })
})

test.each([
  ['nothing', 'is not a DSN'],
  ['ftp://k@a/1', 'must begin with'],
  ['https://a/1', 'no public key'],
  ['https://k@a', 'no project'],
])('the DSN %j is refused', (dsn, message) => {
  expect(problemsOf(sentry, { dsn }).join()).toContain(message)
})
