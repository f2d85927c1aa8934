import { startGateway, type TestGateway } from '../packages/gateway/src/testing/start-gateway.ts'
import { runPlugin, TestClock } from '../packages/gateway/src/testing-kit/index.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { documentedPlugins } from './testing/plugin-blocks.ts'

let gateway: TestGateway
let plugins: Awaited<ReturnType<typeof documentedPlugins>>
beforeAll(async () => {
  plugins = await documentedPlugins()
  gateway = await startGateway({}, [...plugins.values()])
})
afterAll(() => gateway.close())

/** A route to the echo upstream with one plugin. */
const withPlugin = (name: string, config: object, rest: object = {}): Promise<void> =>
  gateway.update({ routes: [{ id: 'one', uri: '/*', upstream_id: 'echo', plugins: { [name]: config } }], ...rest })

type Echo = { readonly headers: Record<string, string>; readonly body: string }

/** What the documentation promises of each of its plugins. */
const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  'block-agents': async () => {
    await withPlugin('block-agents', { deny: ['BadBot/1.0'] })
    expect((await gateway.fetch('/', { headers: { 'User-Agent': 'BadBot/1.0' } })).status).toBe(403)
    expect((await gateway.fetch('/', { headers: { 'User-Agent': 'curl' } })).status).toBe(200)
    await withPlugin('block-agents', { deny: ['BadBot/1.0'], code: 451 })
    expect((await gateway.fetch('/', { headers: { 'User-Agent': 'BadBot/1.0' } })).status).toBe(451)
  },
  'hello-header': async () => {
    await withPlugin('hello-header', { text: 'hello from a plugin' })
    expect((await gateway.fetch('/')).headers['x-hello']).toBe('hello from a plugin')
  },
  visits: async () => {
    await withPlugin('visits', { header: 'X-Visit' })
    expect((await gateway.fetch('/')).headers['x-visit']).toBe('1')
    expect((await gateway.fetch('/')).headers['x-visit']).toBe('2')
  },
  'canonical-host': async () => {
    await withPlugin('canonical-host', { host: 'www.shop.example' })
    expect((await gateway.fetch('/a', { host: 'www.shop.example' })).status).toBe(200)
    const moved = await gateway.fetch('/a?b=1', { host: 'shop.example' })
    expect([moved.status, moved.headers['location']]).toEqual([301, 'https://www.shop.example/a?b=1'])
    await expect(withPlugin('canonical-host', { host: 'Shop.example' })).rejects.toThrow('write it in lower case')
  },
  'bearer-auth': async () => {
    const consumers = [{ username: 'alice', plugins: { 'bearer-auth': { token: '0123456789abcdef' } } }]
    await withPlugin('bearer-auth', {}, { consumers })
    const refused = await gateway.fetch('/')
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Bearer realm="api"'])
    const answer = await gateway.fetch('/', { headers: { Authorization: 'Bearer 0123456789abcdef' } })
    expect(answer.status).toBe(200)
    const { headers } = answer.json() as Echo
    expect(headers).toMatchObject({ 'x-consumer-username': 'alice' })
    expect(headers).not.toHaveProperty('authorization')
  },
  'on-weekends': async () => {
    const plugin = plugins.get('on-weekends')!
    const config = { plugins: { 'ua-restriction': { denylist: ['Bot'] } } }
    const request = { headers: { 'User-Agent': 'Bot' } }
    for (const [day, status] of [
      ['2030-06-07T12:00:00Z', 200],
      ['2030-06-08T12:00:00Z', 403],
    ] as const) {
      const clock = new TestClock(day)
      try {
        expect((await runPlugin(plugin, config, { request })).status).toBe(status)
      } finally {
        clock.restore()
      }
    }
    await expect(runPlugin(plugin, { plugins: { 'ua-restriction': {} } })).rejects.toThrow(
      '/routes/0/plugins/on-weekends/plugins/ua-restriction',
    )
  },
  'worker-info': async () => {
    const uri = '/apisix/worker-info'
    await gateway.update({ routes: [{ id: 'info', uri, plugins: { 'public-api': {}, 'worker-info': {} } }] })
    expect((await gateway.fetch(uri)).json()).toEqual({ worker: 0 })
  },
  maintenance: async () => {
    await withPlugin('maintenance', {})
    expect((await gateway.fetch('/')).status).toBe(200)
    await withPlugin('maintenance', {}, { plugin_metadata: [{ id: 'maintenance', on: true, retry_after: 60 }] })
    const answer = await gateway.fetch('/')
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '60'])
  },
  'first-of-the-hour': async () => {
    await withPlugin('first-of-the-hour', { count: 2 })
    const statuses: number[] = []
    for (let request = 0; request < 3; request++) statuses.push((await gateway.fetch('/')).status)
    expect(statuses).toEqual([200, 200, 429])
  },
  'stamp-json': async () => {
    await withPlugin('stamp-json', {})
    const send = (body: string) =>
      gateway.fetch('/', {
        method: 'POST',
        body,
        headers: { 'Content-Type': 'application/json', 'Content-Length': String(body.length) },
      })
    expect(JSON.parse(((await send('{"a":1}')).json() as Echo).body)).toEqual({ a: 1, via: 'sekisho' })
    expect((await send('{')).status).toBe(400)
    expect((await gateway.fetch('/')).status).toBe(200)
  },
  'upper-case': async () => {
    await withPlugin('upper-case', {})
    const answer = await gateway.fetch('/', { method: 'POST', body: 'abc', headers: { 'Content-Length': '3' } })
    expect((answer.json() as Echo).body).toBe('ABC')
  },
  'empty-is-404': async () => {
    await withPlugin('empty-is-404', {})
    expect((await gateway.fetch('/bytes/0')).status).toBe(404)
    expect((await gateway.fetch('/bytes/10')).status).toBe(200)
  },
  'office-hours': async () => {
    await withPlugin('office-hours', { from: 0, to: 24 })
    expect((await gateway.fetch('/')).status).toBe(200)
    await withPlugin('office-hours', { from: 24, to: 24 })
    expect((await gateway.fetch('/')).status).toBe(503)
    const hooks = (from: number) => plugins.get('office-hours')!.create({ from, to: 24 }, {} as never)
    expect([hooks(0).stream?.({} as never), hooks(24).stream?.({} as never)]).toEqual([true, false])
  },
  'json-envelope': async () => {
    await withPlugin('json-envelope', {})
    const answer = await gateway.fetch('/')
    expect(answer.json()).toMatchObject({ data: { method: 'GET', url: '/' } })
    expect((await gateway.fetch('/bytes/10')).body).toBe('xxxxxxxxxx')
  },
  // Called as the page says that a unit test calls it: the test gateway keeps no warnings.
  'slow-log': async () => {
    const warnings: [object, string][] = []
    const logger = { warn: (fields: object, message: string) => void warnings.push([fields, message]) }
    const { log } = plugins.get('slow-log')!.create({ over_ms: 100 }, { logger, scope: 'routes/one' } as never)
    const ended = { ctx: {}, request: { method: 'GET', target: '/a' }, response: { status: 200 }, startedAt: 1_000 }
    log?.({ ...ended, finishedAt: 1_099 } as never)
    expect(warnings).toEqual([])
    log?.({ ...ended, finishedAt: 1_100 } as never)
    expect(warnings).toEqual([
      [expect.objectContaining({ scope: 'routes/one', took: 100, status: 200 }), 'slow: GET /a'],
    ])
  },
}

test.each(Object.entries(scenarios))('%s does what its page says', (_name, scenario) => scenario())

test('every plugin of the documentation is run', () => {
  expect([...plugins.keys()].sort()).toEqual(Object.keys(scenarios).sort())
})
