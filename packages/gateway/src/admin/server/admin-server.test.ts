import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request as secureRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { PluginRegistry } from '../../plugins/plugin-registry.ts'
import { type Answer, fetchFrom, type FetchOptions } from '../../testing/start-gateway.ts'
import { AUTHORITY } from '../../tls/testing/authorities.ts'
import { A_CERTIFICATE, KEY } from '../../tls/testing/server-certificates.ts'
import { AuditLog } from '../audit/audit-log.ts'
import { MAX_BODY_BYTES } from '../request/read-body.ts'
import { ADMIN_KEY, KEYS } from '../testing/admin-tester.ts'
import { FakeControlPlane } from '../testing/fake-control-plane.ts'
import { AdminServer, type AdminServerOptions } from './admin-server.ts'

async function startServer(more: Partial<AdminServerOptions> = {}) {
  const plugins = new PluginRegistry()
  await plugins.loadAll()
  const control = new FakeControlPlane(plugins)
  const silent = (): void => undefined
  const server = new AdminServer({
    target: { host: '127.0.0.1', port: 0 },
    control,
    keys: KEYS,
    plugins,
    audit: silent,
    logger: { error: silent, warn: silent, info: silent },
    ...more,
  })
  await server.listen()
  onTestFinished(() => server.close())
  const { port } = server.address
  const ask = (path: string, options: FetchOptions = {}): Promise<Answer> =>
    fetchFrom(port, `/apisix/admin${path}`, { ...options, headers: { 'x-api-key': ADMIN_KEY, ...options.headers } })
  return { server, control, port, ask }
}

const ROUTE = { uri: '/hello', upstream: { nodes: { '127.0.0.1:1980': 1 } } }

test('the same over a socket, whatever the type of the body says', async () => {
  const { ask, control } = await startServer()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const made = await ask('/routes/1', { method: 'PUT', body: JSON.stringify(ROUTE), headers })
  expect(made.status).toBe(201)
  expect((await ask('/routes/1')).json()).toMatchObject({ value: { uri: '/hello' } })
  expect((await control.history({ limit: 1 }))[0]?.author?.from).toBe('127.0.0.1')
  expect((await ask('/routes/1', { method: 'OPTIONS' })).status).toBe(405)
})

test('a body above the limit is refused: announced, and not', async () => {
  const { ask } = await startServer()
  const body = Buffer.alloc(MAX_BODY_BYTES + 1, ' ')
  const announced = await ask('/routes/1', { method: 'PUT', body })
  expect([announced.status, announced.body]).toEqual([400, expect.stringContaining('greater than the maximum size')])
  const chunked = await ask('/routes/1', { method: 'PUT', body, headers: { 'transfer-encoding': 'chunked' } })
  expect([chunked.status, chunked.body]).toEqual([400, expect.stringContaining('greater than the maximum size')])
})

test('hostile bodies are refused, and nothing breaks', async () => {
  const { ask } = await startServer()
  const put = (body: string | Uint8Array, headers = {}) => ask('/routes/1', { method: 'PUT', body, headers })
  for (const [body, words] of [
    ['['.repeat(500_000), 'nested more than'],
    [`{"a":${'['.repeat(90)}${']'.repeat(90)}}`, 'nested more than'],
    ['{"__proto__":{"admin":true}}', '/__proto__: a key of this name is not allowed'],
    ['{"plugins":{"constructor":{}}}', '/plugins/constructor: a key of this name'],
    [Buffer.from([0x7b, 0xff, 0x7d]), 'not UTF-8'],
    ['{"uri":"/a"', 'is expected'],
    ['{} {}', 'nothing may follow'],
  ] as const) {
    const { status, body: answer } = await put(body)
    expect([status, answer]).toEqual([400, expect.stringContaining(words)])
  }
  expect((await put('x', { 'content-encoding': 'gzip' })).status).toBe(415)
  expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
})

test('random requests never get a 500', async () => {
  const { port, ask } = await startServer()
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e9)
  let state = seed
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!
  const words = [
    'routes',
    '1',
    '..',
    '%2e',
    '%00',
    'ssls',
    'consumers',
    'é',
    'plugins',
    'list',
    '?page=1',
    '&name=(',
    '{',
  ]
  const values = [
    '',
    'null',
    '{}',
    '[]',
    '"x"',
    '{"id":1}',
    '{"uri":[]}',
    '{"plugins":{"cors":1}}',
    '{"nodes":{"a":-1}}',
  ]
  for (let round = 0; round < 300; round++) {
    const path = Array.from({ length: random(4) }, () => pick(words)).join(pick(['/', '']))
    const method = pick(['GET', 'PUT', 'POST', 'PATCH', 'DELETE'])
    const body = method === 'GET' ? {} : { body: pick(values) }
    const url = encodeURI(`/apisix/admin/${path}`).replaceAll('%25', '%')
    const { status } = await fetchFrom(port, url, { method, headers: { 'x-api-key': ADMIN_KEY }, ...body })
    if (status >= 500) throw new Error(`${method} ${url} ${JSON.stringify(body)} got ${status} (SEED=${seed})`)
  }
  expect((await ask('/routes')).status).toBe(200)
})

test('bytes that are no request', async () => {
  const { port } = await startServer()
  for (const bytes of ['GET /apisix/admin HTTP/1.1\r\n\r\n', '\0\0\0\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n']) {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.end(bytes))
      let text = ''
      socket.on('data', (chunk) => (text += chunk.toString('latin1')))
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
    })
    expect(answer).toMatch(/^HTTP\/1\.1 4/)
  }
})

test('a stream of events ends with its reader, and with the server', async () => {
  const { port, control, server } = await startServer()
  const open = () =>
    new Promise<{ destroy: () => void; closed: Promise<void> }>((resolve) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(`GET /admin/events HTTP/1.1\r\nhost: a\r\nx-api-key: ${ADMIN_KEY}\r\n\r\n`),
      )
      const closed = new Promise<void>((done) => socket.on('close', () => done()))
      socket.on('error', () => undefined)
      socket.once('data', () => resolve({ destroy: () => socket.destroy(), closed }))
    })
  const listeners = (): number => (control as unknown as { listeners: Set<unknown> }).listeners.size
  const [first, second] = [await open(), await open()]
  expect(listeners()).toBe(2)
  first.destroy()
  await expect.poll(listeners).toBe(1)
  await server.close()
  await second.closed
})

test('TLS, with certificates of clients', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-admin-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const tls = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: undefined }
  writeFileSync(tls.cert, A_CERTIFICATE)
  writeFileSync(tls.key, KEY)
  const { port, server } = await startServer({ tls })
  const status = await new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path: '/admin/routes', rejectUnauthorized: false, agent: false }
    secureRequest({ ...options, headers: { 'x-api-key': ADMIN_KEY } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
  expect(status).toBe(200)
  server.reloadTls()
  rmSync(tls.cert)
  expect(() => server.reloadTls()).toThrow('cert.pem cannot be read')

  const ca = join(folder, 'ca.pem')
  writeFileSync(ca, AUTHORITY)
  writeFileSync(tls.cert, A_CERTIFICATE)
  const strict = await startServer({ tls: { ...tls, ca } })
  await expect(
    new Promise((resolve, reject) => {
      secureRequest({ port: strict.port, host: '127.0.0.1', rejectUnauthorized: false, agent: false }, resolve)
        .on('error', reject)
        .end()
    }),
  ).rejects.toThrow()
})

test('the audit log is a file of JSON lines that survives being renamed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-audit-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'logs', 'audit.log')
  const log = new AuditLog(file)
  const { ask } = await startServer({ audit: (entry) => log.write(entry) })
  await ask('/routes/1', { method: 'PUT', body: JSON.stringify(ROUTE) })
  log.reopen()
  await ask('/routes/1', { method: 'DELETE' })
  log.close()
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { method: string }).method)).toEqual(['PUT', 'DELETE'])
  expect(statSync(file).mode & 0o777).toBe(0o600)
})
