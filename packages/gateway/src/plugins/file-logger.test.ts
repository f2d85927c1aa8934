import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import fileLogger from './file-logger.ts'
import { flushLogs, reopenPluginLogs } from './logging/open-logs.ts'
import { logCounts, startLoggerGateway, type LoggerGateway } from './logging/testing/logger-gateway.ts'
import { problemsOf } from './testing/mounted.ts'

let file: LoggerGateway
let folder = ''
let path = ''
beforeAll(async () => {
  file = await startLoggerGateway('file-logger')
})
afterAll(() => file.close())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-file-logger-'))
  path = join(folder, 'requests.log')
})
afterEach(async () => {
  await file.gateway.update({})
  rmSync(folder, { recursive: true })
})

const read = (from = path): Record<string, unknown>[] =>
  readFileSync(from, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('writes a line for each request', async () => {
  await file.use({ path })
  await file.gateway.fetch('/a')
  await file.gateway.fetch('/b')
  await flushLogs()
  expect(read()).toMatchObject([{ request: { uri: '/a' } }, { request: { uri: '/b' } }])
  expect(logCounts(file.gateway, 'file-logger')).toMatchObject({ sent: 2 })
})

test('the path may stand in the metadata; several places write to one file', async () => {
  const plugins = { 'file-logger': {} }
  await file.gateway.update({
    plugin_metadata: [{ id: 'file-logger', path, log_format: { u: '$uri' } }],
    routes: ['a', 'b'].map((id) => ({ id, uri: `/${id}`, upstream_id: 'echo', plugins })),
  })
  await file.gateway.fetch('/a')
  await file.gateway.fetch('/b')
  await flushLogs()
  expect(read()).toEqual([
    { u: '/a', route_id: 'a' },
    { u: '/b', route_id: 'b' },
  ])
})

test.each([
  ['a list of expressions', [[['status', '>=', 400]], [['arg_log', '==', '1']]]],
  [
    'comparisons without a list around them',
    [
      ['status', '>=', 400],
      ['arg_log', '==', '1'],
    ],
  ],
  ['a logical expression', [['OR', ['status', '>=', 400], ['arg_log', '==', '1']]]],
])('match: %s', async (_kind, match) => {
  await file.use({ path, match, log_format: { u: '$request_uri' } })
  for (const target of ['/a', '/status/404', '/b?log=1']) await file.gateway.fetch(target)
  await flushLogs()
  expect(read().map(({ u }) => u)).toEqual(['/status/404', '/b?log=1'])
})

test('a file that was renamed is opened anew by SIGUSR1, and by itself', async () => {
  await file.use({ path, log_format: { u: '$uri' } })
  await file.gateway.fetch('/1')
  await flushLogs()
  renameSync(path, `${path}.1`)
  reopenPluginLogs()
  await file.gateway.fetch('/2')
  await flushLogs()
  renameSync(path, `${path}.2`)
  await file.gateway.fetch('/3')
  await expect
    .poll(
      () => {
        try {
          return readFileSync(path, 'utf8').length
        } catch {
          return -1
        }
      },
      { timeout: 5_000 },
    )
    .toBeGreaterThanOrEqual(0)
  await file.gateway.fetch('/4')
  await flushLogs()
  expect(read(`${path}.1`).map(({ u }) => u)).toEqual(['/1'])
  // What was written before it was noticed is in the old file.
  const rest = [...read(`${path}.2`), ...read()].map(({ u }) => u)
  expect(rest).toEqual(['/2', '/3', '/4'])
})

test('a file that cannot be opened, and a full disk, drop and count, and no request notices', async () => {
  await file.use({ path: join(folder, 'no', 'such', 'file') })
  expect((await file.gateway.fetch('/')).status).toBe(200)
  await expect.poll(() => logCounts(file.gateway, 'file-logger')).toMatchObject({ dropped: 1 })
  await file.use({ path: '/dev/full' })
  expect((await file.gateway.fetch('/')).status).toBe(200)
  await flushLogs()
  expect(logCounts(file.gateway, 'file-logger')).toMatchObject({ dropped: 2 })
})

test.each([
  [{ path: 'a\0b' }, 'NUL'],
  [{ path: 'a', match: [[['status', '%%', 1]]] }, 'invalid operator'],
  [{ path: 'a', match: Array.from({ length: 21 }, () => [['a', '==', 'b']]) }, 'match'],
])('%j is refused', (config, message) => {
  expect(problemsOf(fileLogger, config).join()).toContain(message)
})
