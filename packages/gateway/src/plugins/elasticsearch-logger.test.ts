import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import elasticsearchLogger from './elasticsearch-logger.ts'
import { bulkMediaTypes, bulkResult, versionOf } from './logging/elasticsearch-bulk.ts'
import { startLogSink, type LogSink, type SunkRequest } from './logging/testing/log-sink.ts'
import { logCounts, startLoggerGateway, type LoggerGateway } from './logging/testing/logger-gateway.ts'
import { problemsOf } from './testing/mounted.ts'

/** A small Elasticsearch: reads `_bulk` bodies as strictly as the real one, and keeps documents. */
class SmallElasticsearch {
  readonly documents: { index: string; source: Record<string, unknown> }[] = []
  version: unknown = { number: '8.15.3' }
  /** The status of each document; 201 = created. */
  verdict: (source: Record<string, unknown>) => number = () => 201

  answer(request: SunkRequest): { status: number; body: string } {
    if (request.method === 'GET' && request.url === '/')
      return { status: 200, body: JSON.stringify({ version: this.version }) }
    if (request.method !== 'POST' || request.url !== '/_bulk') return { status: 405, body: '{}' }
    const type = request.headers['content-type'] ?? ''
    if (!/^application\/(vnd\.elasticsearch\+)?x-ndjson/.test(type))
      return { status: 406, body: '{"error":"media type"}' }
    if (!request.body.endsWith('\n')) return { status: 400, body: '{"error":"must be terminated by a newline"}' }
    const lines = request.body
      .slice(0, -1)
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const items: object[] = []
    for (let at = 0; at < lines.length; at += 2) {
      const { _index: index } = lines[at]['create'] as { _index: string }
      const source = lines[at + 1]
      const status = this.verdict(source)
      if (status === 201) this.documents.push({ index, source })
      const error = status === 201 ? {} : { error: { type: 'mapper_parsing_exception', reason: 'no' } }
      items.push({ create: { _index: index, status, ...error } })
    }
    return { status: 200, body: JSON.stringify({ errors: items.length > this.documents.length, items }) }
  }
}

let es: LoggerGateway
let sink: LogSink
let server: SmallElasticsearch
beforeAll(async () => {
  es = await startLoggerGateway('elasticsearch-logger')
})
afterAll(() => es.close())
beforeEach(async () => {
  sink = await startLogSink()
  server = new SmallElasticsearch()
  sink.answer = (request) => server.answer(request)
})
afterEach(() => sink.close())

const field = { index: 'logs' }

test('creates a document for each entry, with credentials and fields', async () => {
  const auth = { username: 'elastic', password: 'pa:ss' }
  await es.use({ endpoint_addrs: [sink.url], field, auth, headers: { 'X-More': '1' }, batch_max_size: 2 })
  await es.gateway.fetch('/a?x=%0A')
  await es.gateway.fetch('/b')
  await expect.poll(() => server.documents.length).toBe(2)
  expect(server.documents).toMatchObject([
    { index: 'logs', source: { route_id: 'r1', response: { status: 200 } } },
    { index: 'logs', source: { request: { uri: '/b' } } },
  ])
  const Authorization = `Basic ${Buffer.from('elastic:pa:ss').toString('base64')}`
  for (const { headers } of sink.requests)
    expect(headers).toMatchObject({ authorization: Authorization, 'x-more': '1' })
})

test('names the index by variables and the date', async () => {
  await es.use({ endpoint_addr: sink.url, field: { index: 'Logs-$arg_team-{%Y.%m.%d}' }, batch_max_size: 1 })
  await es.gateway.fetch('/?team=A')
  await expect.poll(() => server.documents.length).toBe(1)
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '.')
  expect(server.documents[0].index).toBe(`logs-a-${day}`)
})

test('asks for the version once', async () => {
  await es.use({ endpoint_addrs: [sink.url], field, batch_max_size: 1 })
  for (const path of ['/1', '/2', '/3']) {
    await es.gateway.fetch(path)
    await expect.poll(() => server.documents.length).toBe(Number(path.slice(1)))
  }
  expect(sink.requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'POST', 'POST'])
  expect(sink.requests[1].headers).toMatchObject({
    'content-type': 'application/vnd.elasticsearch+x-ndjson;compatible-with=7',
  })
})

test('sends again what there was no room for, alone, and counts what is refused for good', async () => {
  let full = true
  server.verdict = ({ u }) => {
    if (u === '/bad') return 400
    if (u === '/busy' && full) {
      full = false
      return 429
    }
    return 201
  }
  const log_format = { u: '$uri' }
  await es.use({ endpoint_addrs: [sink.url], field, log_format, batch_max_size: 3, max_retry_count: 1, retry_delay: 0 })
  for (const path of ['/good', '/bad', '/busy']) await es.gateway.fetch(path)
  await expect.poll(() => server.documents.map(({ source }) => source['u'])).toEqual(['/good', '/busy'])
  expect(
    sink.requests
      .at(-1)
      ?.body.split('\n')
      .filter((line) => line.includes('"u"')),
  ).toHaveLength(1)
  await expect.poll(() => logCounts(es.gateway, 'elasticsearch-logger')).toMatchObject({ refused: 1 })
})

describe('the version', () => {
  test.each([
    ['{"version":{"number":"7.17.0"}}', '7', 'application/x-ndjson'],
    ['{"version":{"number":"8.1.0"}}', '8', 'application/vnd.elasticsearch+x-ndjson;compatible-with=7'],
    ['{"version":{"number":"9.0.0"}}', '9', 'application/vnd.elasticsearch+x-ndjson;compatible-with=8'],
    ['{"version":{"number":"2.11.0","distribution":"opensearch"}}', undefined, 'application/x-ndjson'],
    ['<html>', undefined, 'application/x-ndjson'],
    ['null', undefined, 'application/x-ndjson'],
  ])('of %s is %s', (text, version, type) => {
    expect(versionOf(text)).toBe(version)
    expect(bulkMediaTypes(version)['Content-Type']).toBe(type)
  })

  test('an answer that cannot be read counts as taken: its status was 200', () => {
    expect(bulkResult('', ['a'])).toMatchObject({ again: [], refused: 0 })
    expect(bulkResult('{"errors":true,"items":[{}]}', ['a'])).toMatchObject({ again: [], refused: 0 })
    expect(bulkResult('{"errors":true,"items":7}', ['a'])).toMatchObject({ again: [], refused: 0 })
  })
})

test.each([
  [{ field }, 'needs "endpoint_addrs" or "endpoint_addr"'],
  [{ endpoint_addr: 'http://a', endpoint_addrs: ['http://a'], field }, 'has both'],
  [{ endpoint_addrs: ['http://a/'], field }, 'must not end with "/"'],
  [{ endpoint_addrs: ['a'], field }, 'is not a URL'],
  [{ endpoint_addrs: ['http://a'], field: { index: 'a-{%y}' } }, '%y'],
  [{ endpoint_addrs: ['http://a'], field: { index: 'a-$nobody' } }, '$nobody'],
  [{ endpoint_addrs: ['http://a'], field: { index: 'a', type: 'b' } }, 'type'],
  [{ endpoint_addrs: ['http://a'], field, auth: { username: 'a' } }, 'password'],
])('%j is refused', (config, message) => {
  expect(problemsOf(elasticsearchLogger, config).join()).toContain(message)
})
