import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ask } from '../testing/curl.ts'
import { freePort } from '../testing/free-port.ts'
import { Sekisho } from '../testing/sekisho.ts'

let cwd: string
let upstream: Server
let running: Sekisho | undefined
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sekisho-workers-'))
  mkdirSync(join(cwd, 'plugins'))
  upstream = createServer((_request, response) => response.end('hello'))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  upstream.closeAllConnections()
  await new Promise((resolve) => upstream.close(resolve))
  rmSync(cwd, { recursive: true })
})

/** Repeats expectations until they hold, for ten seconds at most. */
const eventually = (expectations: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(expectations, { timeout: 10_000, interval: 25 })

/** Starts a gateway of four workers; gives its URL and that of its metrics. */
async function start(routes: string, settings = ''): Promise<{ sekisho: Sekisho; url: string; metrics: string }> {
  const port = await freePort()
  const node = `"127.0.0.1:${(upstream.address() as AddressInfo).port}": 1`
  writeFileSync(
    join(cwd, 'sekisho.yaml'),
    `listen: ["127.0.0.1:0"]
workers: 4
metrics: { address: "127.0.0.1:${port}" }
${settings}
upstreams: [{ id: up, nodes: { ${node} } }]
routes:
${routes}`,
  )
  running = new Sekisho(['start'], { cwd })
  const [, url] = await running.printed(/^serving \S+ on (http:\/\/\S+:\d+),/m)
  return { sekisho: running, url, metrics: `http://127.0.0.1:${port}` }
}

const statusOf = (url: string, agent: Agent): Promise<number> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    asked.on('error', reject)
    asked.end()
  })

it('lets exactly 1,000 of 3,000 requests through, however many workers they meet', async () => {
  const { url, metrics } = await start(
    '  - { id: limited, uri: /limited, upstream_id: up, plugins: { limit-count: { count: 1000, time_window: 600, rejected_code: 429 }, prometheus: {} } }\n',
  )
  // Twelve clients with connections of their own, so that every worker has some.
  const counts = new Map<number, number>()
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      for (let round = 0; round < 250; round++) {
        const status = await statusOf(`${url}/limited`, agent)
        counts.set(status, (counts.get(status) ?? 0) + 1)
      }
      agent.destroy()
    }),
  )
  expect(Object.fromEntries(counts)).toEqual({ 200: 1_000, 429: 2_000 })
  await eventually(async () => {
    const { body } = await ask(`${metrics}/metrics`)
    expect(body).toContain('sekisho_http_requests_total 3000')
    expect(body).toMatch(/sekisho_http_status\{code="200",route="limited",.*\} 1000\n/)
    expect(body).toMatch(/sekisho_http_status\{code="429",route="limited",.*\} 2000\n/)
  })
})

it('goes on when a worker dies: a crash costs its own requests, and the port answers again at once', async () => {
  writeFileSync(
    join(cwd, 'plugins', 'crash.ts'),
    `import { definePlugin, Type } from '@sekisho/gateway'
export default definePlugin({
  name: 'crash', priority: 1, schema: Type.Object({}),
  create: () => ({ access: (): Promise<void> => new Promise(() => { setTimeout(() => { throw new Error('a bug in a timer') }, 0) }) }),
})
`,
  )
  const { sekisho, url, metrics } = await start(
    '  - { uri: /crash, plugins: { crash: {} } }\n  - { uri: /ok, upstream_id: up }\n',
  )
  for (let round = 1; round <= 3; round++) {
    await expect(ask(`${url}/crash`)).rejects.toThrow(/socket hang up|ECONNRESET/)
    // The other workers never stopped, and the kernel kept what came for the dead one.
    for (let at = 0; at < 20; at++) expect((await ask(`${url}/ok`)).body).toBe('hello')
  }
  expect(sekisho.stderr).toContain('a bug in a timer')
  await eventually(async () =>
    expect((await ask(`${metrics}/metrics`)).body).toContain('sekisho_worker_restarts_total 3'),
  )
})

it('loads a plugin that was saved, refuses one that is broken, and knows it again when it is mended', async () => {
  const plugin = join(cwd, 'plugins', 'stamp.ts')
  const code = (text: string): string => `import { definePlugin, Type } from '@sekisho/gateway'
export default definePlugin({
  name: 'stamp', priority: 10, schema: Type.Object({}),
  create: () => ({ headerFilter: (session) => session.response?.headers.set('X-Stamp', '${text}') }),
})
`
  writeFileSync(plugin, code('one'))
  const { sekisho, url } = await start('  - { uri: /x, upstream_id: up, plugins: { stamp: {} } }\n')
  const stamp = async (): Promise<unknown> => (await ask(`${url}/x`)).headers['x-stamp']
  expect(await stamp()).toBe('one')
  writeFileSync(plugin, code('two'))
  // On all four workers: ten answers in a row say so.
  await eventually(async () => {
    for (let at = 0; at < 10; at++) expect(await stamp()).toBe('two')
  })
  writeFileSync(plugin, 'export default definePlugin(')
  await sekisho.printed(/stamp\.ts/)
  expect(await stamp()).toBe('two')
  writeFileSync(plugin, code('three'))
  await eventually(async () => {
    for (let at = 0; at < 10; at++) expect(await stamp()).toBe('three')
  })
})

it('writes an access log, and opens it anew on SIGUSR1', async () => {
  const { sekisho, url } = await start(
    '  - { uri: /logged, upstream_id: up }\n',
    'access_log: { path: ./access.log, format: "$request_method $uri $status $upstream_status" }',
  )
  const log = join(cwd, 'access.log')
  const lines = (file: string): string[] =>
    existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
  await ask(`${url}/logged?a=1`)
  await ask(`${url}/none`)
  await eventually(() => expect(lines(log).sort()).toEqual(['GET /logged 200 200', 'GET /none 404 -']))
  renameSync(log, `${log}.1`)
  sekisho.child.kill('SIGUSR1')
  await eventually(async () => {
    await ask(`${url}/logged`)
    expect(lines(log).length).toBeGreaterThan(0)
  })
})
