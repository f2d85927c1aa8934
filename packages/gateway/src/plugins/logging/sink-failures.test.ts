import { afterAll, beforeAll, expect, test } from 'vitest'
import { fetchFrom } from '../../testing/start-gateway.ts'
import { flushLogs } from './open-logs.ts'
import { startLogSink, type LogSink } from './testing/log-sink.ts'
import { logCounts, startLoggerGateway, type LoggerGateway } from './testing/logger-gateway.ts'

let logger: LoggerGateway
let sink: LogSink
beforeAll(async () => {
  logger = await startLoggerGateway('http-logger')
  sink = await startLogSink()
})
afterAll(async () => {
  await sink.close()
  await logger.close()
})

/** Requests to `/FIRST` … `/LAST`, several at a time. Each must be answered with 200. */
async function ask(first: number, last: number): Promise<void> {
  let next = first
  const one = async (): Promise<void> => {
    while (next <= last) expect((await fetchFrom(logger.gateway.port, `/${next++}`)).status).toBe(200)
  }
  await Promise.all(Array.from({ length: 16 }, one))
}

/** Paths of the entries that were answered with 200. */
const taken = (): number[] =>
  accepted.flatMap((body) => (JSON.parse(body) as { u: string }[]).map(({ u }) => Number(u.slice(1))))
const accepted: string[] = []

const config = (more: object = {}): object => ({
  uri: sink.url,
  batch_max_size: 50,
  inactive_timeout: 1,
  log_format: { u: '$uri' },
  ...more,
})

test('through restarts and failures of the server every request is logged once', async () => {
  let answers = 0
  sink.answer = ({ body }) => {
    // A batch that is answered so was not taken.
    if (++answers % 7 === 0) return { status: 503 }
    accepted.push(body)
    return { status: 200 }
  }
  await logger.use(config({ max_retry_count: 50, retry_delay: 1 }))
  await ask(1, 1_000)
  await expect.poll(() => taken().length, { timeout: 30_000 }).toBe(1_000)
  await sink.pause()
  await ask(1_001, 1_200)
  await sink.resume()
  await ask(1_201, 3_000)
  await expect.poll(() => taken().length, { timeout: 60_000 }).toBe(3_000)
  expect(taken().sort((a, b) => a - b)).toEqual(Array.from({ length: 3_000 }, (_, at) => at + 1))
  expect(logCounts(logger.gateway, 'http-logger')).toEqual({ sent: 3_000 })
}, 180_000)

test('while a server lets everybody wait, the bound holds, and it gets what comes after', async () => {
  sink.answer = () => 'nothing'
  await logger.use(config({ timeout: 1 }), { plugin_metadata: [{ id: 'http-logger', max_pending_entries: 200 }] })
  const before = logCounts(logger.gateway, 'http-logger')
  await ask(1, 1_000)
  const after = logCounts(logger.gateway, 'http-logger')
  expect(after['dropped']).toBeGreaterThan(100)
  accepted.length = 0
  sink.answer = ({ body }) => {
    accepted.push(body)
    return { status: 200 }
  }
  await flushLogs(10_000)
  await ask(5_001, 5_050)
  await expect.poll(() => taken().includes(5_050), { timeout: 10_000 }).toBe(true)
  const end = logCounts(logger.gateway, 'http-logger')
  // Nothing is lost that is not counted.
  const counted = Object.values(end).reduce((sum, count) => sum + count, 0)
  expect(counted - (before['sent'] ?? 0)).toBe(1_050)
}, 60_000)
