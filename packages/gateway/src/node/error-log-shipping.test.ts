import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { NodeSettings } from '../config/settings/node-settings.ts'
import errorLogLogger from '../plugins/error-log-logger.ts'
import { flushLogs } from '../plugins/logging/open-logs.ts'
import { startLogSink } from '../plugins/logging/testing/log-sink.ts'
import { startTcpSink } from '../plugins/logging/testing/socket-sinks.ts'
import { explainSchema } from '../config/explain/explain.ts'
import { withDefaults } from '../resources/defaults.ts'
import { ErrorLogShipping } from './error-log-shipping.ts'
import { lazyErrorLog, type LazyErrorLog } from './lazy-error-log.ts'

let folder = ''
let path = ''
let log: LazyErrorLog
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-shipping-'))
  path = join(folder, 'error.log')
  log = lazyErrorLog({ level: 'error', path } as Parameters<typeof lazyErrorLog>[0], {})
})
afterEach(() => rmSync(folder, { recursive: true }))

function ship(metadata: object, settings: object = {}): ErrorLogShipping {
  const shipping = new ErrorLogShipping({
    log,
    settings: settings as NodeSettings,
    bindings: { worker: 3 },
    metrics: undefined,
  })
  shipping.set({ id: 'error-log-logger', inactive_timeout: 1, ...metadata })
  onTestFinished(() => shipping.set(undefined))
  return shipping
}

/** Sends what waits, also what waits for the plugin to be loaded. */
async function shipped(text: () => string, part: string): Promise<void> {
  await expect
    .poll(
      async () => {
        await flushLogs(500)
        return text()
      },
      { timeout: 5_000 },
    )
    .toContain(part)
}

describe('lines of the error log', () => {
  test('go over TCP from the level on, whatever the level of error_log', async () => {
    const sink = await startTcpSink()
    onTestFinished(() => sink.close())
    ship({ tcp: { host: '127.0.0.1', port: sink.port }, level: 'WARN' })
    log.info({}, 'not this')
    log.warn({ route: 'r1' }, 'be warned')
    log.error({ err: new TypeError('boom') }, 'it broke')
    await shipped(sink.text, 'it broke')
    const [warned, broke] = sink
      .text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(warned).toMatchObject({
      level: 'warn',
      worker: 3,
      route: 'r1',
      msg: 'be warned',
      time: expect.stringMatching(/Z$/),
    })
    expect(broke).toMatchObject({ err: { type: 'TypeError', message: 'boom', stack: expect.any(String) } })
    expect(sink.text()).not.toContain('not this')
    await expect.poll(() => readFileSync(path, 'utf8')).toContain('it broke')
    expect(readFileSync(path, 'utf8')).not.toContain('be warned')
  })

  test('go to SkyWalking as log records', async () => {
    const sink = await startLogSink()
    onTestFinished(() => sink.close())
    ship({
      skywalking: { endpoint_addr: `${sink.url}/v3/logs`, service_name: 's', service_instance_name: '$hostname' },
    })
    log.error({}, 'one')
    await shipped(() => sink.requests.map(({ body }) => body).join(), 'one')
    expect(sink.requests[0].url).toBe('/v3/logs')
    const [record] = JSON.parse(sink.requests[0].body) as { body: { text: { text: string } } }[]
    expect(record).toEqual({
      service: 's',
      serviceInstance: hostname(),
      endpoint: '',
      body: { text: { text: expect.any(String) } },
    })
    expect(JSON.parse(record.body.text.text)).toMatchObject({ msg: 'one' })
  })

  test('go to ClickHouse as rows', async () => {
    const sink = await startLogSink()
    onTestFinished(() => sink.close())
    ship({ clickhouse: { endpoint_addr: sink.url, user: 'u', password: 'p', database: 'd', logtable: 't' } })
    log.error({}, 'one "quoted"')
    await shipped(() => sink.requests.map(({ body }) => body).join(), 'quoted')
    const [{ body, headers }] = sink.requests
    expect(body).toMatch(/^INSERT INTO t FORMAT JSONEachRow \{"data":"/)
    const row = JSON.parse(body.slice(body.indexOf('{'))) as { data: string }
    expect(JSON.parse(row.data)).toMatchObject({ msg: 'one "quoted"' })
    expect(headers).toMatchObject({ 'x-clickhouse-user': 'u', 'x-clickhouse-key': 'p', 'x-clickhouse-database': 'd' })
  })

  test('go nowhere when the metadata is gone, or the plugin is not among those of the node', async () => {
    const sink = await startTcpSink()
    onTestFinished(() => sink.close())
    const shipping = ship({ tcp: { host: '127.0.0.1', port: sink.port } })
    shipping.apply([{ kind: 'plugin_metadata', id: 'error-log-logger', value: undefined }])
    expect(log.tap).toBeUndefined()
    ship({ tcp: { host: '127.0.0.1', port: sink.port } }, { plugins: ['cors'] })
    expect(log.tap).toBeUndefined()
  })

  test('about a server that is away stay at home: each would bring the next', async () => {
    let lines = 0
    ship({ tcp: { host: '127.0.0.1', port: 1 }, batch_max_size: 1 })
    const { tap } = log
    log.tap = (level, fields, message) => {
      lines++
      tap?.(level, fields, message)
    }
    log.error({}, 'one')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(lines).toBe(1)
  })
})

describe('metadata', () => {
  const metadataSchema = errorLogLogger.metadataSchema
  const wrong = (metadata: object): string => {
    const found = explainSchema(metadataSchema!, metadata, '')
    if (found.length > 0) return found.map((one) => `${one.path}: ${one.message}`).join()
    return errorLogLogger.checkMetadata?.(withDefaults(metadataSchema!, metadata) as never)?.message ?? ''
  }
  const tcp = { host: 'a', port: 1 }

  test.each([
    [{}, 'names no server'],
    [{ tcp, skywalking: {} }, 'or several'],
    [{ host: 'a' }, 'needs both "host" and "port"'],
    [{ tcp, tls: true }, 'belongs into "tcp"'],
    [{ clickhouse: { logtable: 'a b' } }, 'is not the name of a table'],
    [{ skywalking: { endpoint_addr: 'x' } }, 'is not a URL'],
    [{ tcp, level: 'LOUD' }, 'level'],
    [{ kafka: { brokers: [] } }, 'kafka'],
  ])('%j is refused', (metadata, message) => {
    expect(wrong(metadata)).toContain(message)
  })

  test.each([
    [{ tcp }],
    [{ host: 'a', port: 1, tls: true, tls_server_name: 'b' }],
    [{ skywalking: {} }],
    [{ clickhouse: { logtable: 'a' } }],
  ])('%j is not', (metadata) => expect(wrong(metadata)).toBe(''))
})
