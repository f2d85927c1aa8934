import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import clickhouseLogger from './clickhouse-logger.ts'
import { startLogSink, type LogSink, type SunkRequest } from './logging/testing/log-sink.ts'
import { logCounts, startLoggerGateway, type LoggerGateway } from './logging/testing/logger-gateway.ts'
import { problemsOf } from './testing/mounted.ts'

/** Rows of an INSERT as ClickHouse reads them: JSON objects with white space between. Throws for anything else. */
function rowsOf({ body }: SunkRequest, table: string): Record<string, unknown>[] {
  const statement = `INSERT INTO ${table} FORMAT JSONEachRow `
  if (!body.startsWith(statement)) throw new Error(`no INSERT: ${body.slice(0, 80)}`)
  return JSON.parse(`[${body.slice(statement.length).replaceAll('} {', '},{')}]`) as Record<string, unknown>[]
}

let clickhouse: LoggerGateway
let sink: LogSink
beforeAll(async () => {
  clickhouse = await startLoggerGateway('clickhouse-logger')
})
afterAll(() => clickhouse.close())
beforeEach(async () => {
  sink = await startLogSink()
})
afterEach(() => sink.close())

const account = { user: 'default', password: 'p w', database: 'db', logtable: 'logs' }

test('inserts rows, with credentials in fields', async () => {
  await clickhouse.use({
    endpoint_addrs: [sink.url],
    ...account,
    batch_max_size: 2,
    log_format: { u: '$request_uri', s: '$status' },
  })
  await clickhouse.gateway.fetch('/a')
  await clickhouse.gateway.fetch('/b?c=d')
  const [request] = await sink.received(1)
  expect(rowsOf(request, 'logs')).toEqual([
    { u: '/a', s: 200, route_id: 'r1' },
    { u: '/b?c=d', s: 200, route_id: 'r1' },
  ])
  expect(request).toMatchObject({
    method: 'POST',
    url: '/',
    headers: { 'x-clickhouse-user': 'default', 'x-clickhouse-key': 'p w', 'x-clickhouse-database': 'db' },
  })
})

test('an exception of the server is a failure, and the batch is sent again', async () => {
  sink.answer = () => ({
    status: sink.requests.length > 1 ? 200 : 500,
    body: 'Code: 60. DB::Exception: Table db.logs does not exist.',
  })
  await clickhouse.use({
    endpoint_addr: `${sink.url}/?async_insert=1`,
    ...account,
    batch_max_size: 1,
    max_retry_count: 1,
    retry_delay: 0,
  })
  await clickhouse.gateway.fetch('/a')
  const requests = await sink.received(2)
  expect(requests[1].body).toBe(requests[0].body)
  expect(requests[1].url).toBe('/?async_insert=1')
  await expect.poll(() => logCounts(clickhouse.gateway, 'clickhouse-logger')).not.toHaveProperty('failed')
})

test.each([
  [{ ...account }, 'needs "endpoint_addrs" or "endpoint_addr"'],
  [{ endpoint_addrs: ['http://a'], ...account, logtable: 'a; DROP TABLE b' }, 'is not the name of a table'],
  [{ endpoint_addrs: ['http://a'], ...account, password: 'a\nb' }, 'control character'],
  [{ endpoint_addrs: ['http://a'], user: 'a' }, 'logtable'],
])('%j is refused', (config, message) => {
  expect(problemsOf(clickhouseLogger, config).join()).toContain(message)
})

test.each(['logs', 'db.logs', '`a b`.`c-d`'])('the table %s is not', (logtable) => {
  expect(problemsOf(clickhouseLogger, { endpoint_addrs: ['http://a'], ...account, logtable })).toEqual([])
})
