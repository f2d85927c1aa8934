import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadConfig, loadConfigText, type LoadOptions } from './load.ts'
import { MAX_PROBLEMS } from './problem.ts'
import { problemLine, renderProblems } from './render.ts'
import { testPlugins } from './testing/plugins.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-load-'))
afterAll(() => rmSync(folder, { recursive: true }))

const options: LoadOptions = { plugins: testPlugins, environment: { SEKISHO_ADMIN_KEY: 'k' } }

/** The configuration of DESIGN.md. */
const text = `listen:
  - 8080                                   # every address; or "127.0.0.1:8080"
  - { address: 0.0.0.0:8443, tls: { cert: cert.pem, key: key.pem } }
workers: auto
admin: { address: 127.0.0.1:9180, keys: [{ name: ops, key: $env://SEKISHO_ADMIN_KEY, role: admin }] }
metrics: { address: 127.0.0.1:9091 }
store: { type: file }
plugins: [key-auth, limit-count]
access_log: {}
upstreams:
  - { id: hello, type: roundrobin, nodes: { "127.0.0.1:1980": 1 } }
routes:
  - id: hello
    uri: /hello/*
    upstream_id: hello
    create_time: 1
    plugins: { limit-count: { count: 100, time_window: 60, key: remote_addr, rejected_code: 429 } }
  - { uri: /api/*, upstream: "http://127.0.0.1:3000" }
consumers:
`

const plain = { protocol: 'http', proxyProtocol: undefined, passthrough: false, http2: true }

test('a whole configuration', async () => {
  const { config } = await loadConfigText(join(folder, 'sekisho.yaml'), text, options)
  expect(config?.settings).toEqual({
    listen: [
      { host: undefined, port: 8080, path: undefined, ...plain, tls: undefined },
      {
        host: '0.0.0.0',
        port: 8443,
        path: undefined,
        ...plain,
        tls: { certificate: { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') } },
      },
    ],
    workers: 'auto',
    admin: {
      address: { host: '127.0.0.1', port: 9180, path: undefined },
      keys: [{ name: 'ops', key: 'k', role: 'admin' }],
      keyFile: join(folder, 'data/admin-key'),
    },
    metrics: { address: { host: '127.0.0.1', port: 9091, path: undefined } },
    store: { type: 'file' },
    proxy_cache: { zones: [{ name: 'memory_cache', memoryBytes: 67_108_864, disk: undefined }] },
    discovery: { emptyAfterMs: 30_000, lastGood: join(folder, 'data/discovery.json'), sources: {} },
    functions: undefined,
    plugins: ['key-auth', 'limit-count'],
    overload: { load_shedding: undefined, max_requests: 0, retry_after: 1 },
    plugin_paths: [],
    access_log: { path: 'stdout', format: 'combined' },
    error_log: { level: 'info', path: 'stderr' },
    limits: {
      max_head_bytes: 32768,
      max_header_count: 128,
      max_target_length: 8192,
      max_body_bytes: 0,
      header_timeout: 60,
      body_timeout: 60,
      keepalive_timeout: 75,
      max_requests_per_connection: 0,
      max_connections: 65536,
      max_udp_sessions: 8192,
      http2: { max_concurrent_streams: 128, stream_window: 262144, connection_window: 1048576 },
    },
    upstream_defaults: { connect_timeout: 60, send_timeout: 60, read_timeout: 60, keepalive_pool_size: 320 },
    shutdown: { grace_period: 30, drain_delay: 0 },
    upgrade: { ready_timeout: 60 },
    secret_paths: [],
    log_paths: [],
    server_header: 'sekisho',
    trusted_addresses: [],
    acme: undefined,
    scripts: { trusted: false },
    fips: false,
  })
  const { routes, upstreams, consumers } = config!.resources
  expect(upstreams.get('hello')).toEqual({ id: 'hello', type: 'roundrobin', nodes: { '127.0.0.1:1980': 1 } })
  expect(consumers.size).toBe(0)
  const [first, second] = [...routes]
  expect(first).toEqual(['hello', expect.not.objectContaining({ create_time: 1, priority: 0 })])
  expect(second?.[0]).toMatch(/^auto-[0-9a-f]{12}$/)
  expect(second?.[1]).toEqual({ id: second?.[0], uri: '/api/*', upstream: 'http://127.0.0.1:3000' })
})

test('JSON says the same', async () => {
  const { config } = await loadConfigText('a.json', '{"routes":[{"id":1,"uri":"/","upstream":"http://a"}]}', options)
  expect(config?.resources.routes.get('1')).toEqual({ id: 1, uri: '/', upstream: 'http://a' })
  expect(config?.settings).toMatchObject({
    listen: [{ port: 8080 }],
    metrics: { address: { port: 9091 } },
    admin: undefined,
  })
})

test('a folder "plugins" beside the file is found', async () => {
  const file = join(folder, 'with', 'sekisho.yaml')
  mkdirSync(join(folder, 'with', 'plugins'), { recursive: true })
  writeFileSync(file, 'routes: []\nmetrics: false\n')
  const { config } = await loadConfig(file, options)
  expect(config?.settings.plugin_paths).toEqual([join(folder, 'with', 'plugins')])
  expect(config?.settings.metrics).toBeUndefined()
})

test('plugins may be looked for once the settings are known', async () => {
  const seen: unknown[] = []
  const plugins: LoadOptions['plugins'] = (settings) => {
    seen.push(settings.plugin_paths)
    return testPlugins
  }
  await loadConfigText('/etc/a.yaml', 'plugin_paths: [mine]\n', { ...options, plugins })
  expect(seen).toEqual([['/etc/mine']])
  const failing = await loadConfigText('a.yaml', 'plugin_paths: [mine]\n', {
    ...options,
    plugins: () => Promise.reject(new Error('mine/x.ts: no name')),
  })
  expect(failing.problems?.map(problemLine)).toEqual([
    'a.yaml:1:15  /plugin_paths  the plugins cannot be loaded: mine/x.ts: no name',
  ])
})

describe('files that cannot be read', () => {
  test.each([
    ['missing.yaml', 'does not exist'],
    ['config.toml', 'has no extension that tells its format; known are .yaml, .yml, .json, .ts, .js and .mjs'],
    ['folder.yaml', expect.stringContaining('cannot be read')],
  ])('%s', async (name, message) => {
    const file = join(folder, name)
    if (name === 'folder.yaml') mkdirSync(file)
    if (name === 'config.toml') writeFileSync(file, '')
    const { problems } = await loadConfig(file, options)
    expect(problems).toEqual([expect.objectContaining({ file, line: 0, message })])
  })
})

test('problems are bounded, and those shown are the first in the file', async () => {
  const routes = Array.from({ length: 400 }, (_, index) => `  - { id: ${index + 1}, uri: x }`).join('\n')
  const { problems } = await loadConfigText('a.yaml', `routes:\n${routes}\nlimit: 1\n`, options)
  expect(problems).toHaveLength(MAX_PROBLEMS)
  // Two a line: the path, and that the route leads nowhere.
  expect(problems?.map(({ line }) => line)).toEqual(
    Array.from({ length: MAX_PROBLEMS }, (_, index) => 2 + Math.floor(index / 2)),
  )
})

test('a long line is shown around the place, and nothing steers the terminal', async () => {
  const { problems = [] } = await loadConfigText(
    'a.json',
    `{"routes":[${'{"uri":"/"},'.repeat(40)}{"uri":"\\u001b[2J"}]}`,
    options,
  )
  const shown = renderProblems(problems.slice(-1))
  expect(shown).not.toContain('\u001b')
  const [, line = '', caret = ''] = shown.split('\n')
  expect(line.length).toBeLessThan(120)
  expect(line.slice(caret.indexOf('^'))).toMatch(/^"\\u001b/)
})
