import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import limitCount from './limit-count.ts'
import { problemsOf, type RequestOptions, TestSession, TestWorker } from './testing/mounted.ts'

/** Divisible by 60,000: windows of a minute that are aligned to the clock begin here. */
const NOW = 1_800_000_000_000

let worker: TestWorker
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW })
  worker = new TestWorker()
})
afterEach(() => void vi.useRealTimers())

/** Sends a request through the hooks of a configuration: its status and the X-RateLimit fields, by their last part. */
function client(config: object, scope = 'routes/1', metadata: object = {}) {
  const hooks = worker.mount(limitCount, config, scope, metadata)
  return async (options: RequestOptions = {}, upstream: Record<string, string> = {}) => {
    const head = await new TestSession('/', options).run(hooks, upstream)
    return { status: head.status, headers: Object.fromEntries(head.headers) as Record<string, string> }
  }
}

const quota = (limit: number, remaining: number, reset: number | string) => ({
  'X-RateLimit-Limit': String(limit),
  'X-RateLimit-Remaining': String(remaining),
  'X-RateLimit-Reset': String(reset),
})

describe('a fixed window', () => {
  it('lets count requests pass in each window, and tells where the client stands', async () => {
    const send = client({ count: 2, time_window: 60 })
    expect(await send()).toEqual({ status: 200, headers: quota(2, 1, 60) })
    vi.setSystemTime(NOW + 10_001)
    expect(await send()).toEqual({ status: 200, headers: quota(2, 0, 50) })
    expect(await send()).toMatchObject({ status: 503, headers: quota(2, 0, 50) })
    vi.setSystemTime(NOW + 59_999)
    expect(await send()).toMatchObject({ status: 503, headers: quota(2, 0, 1) })
    vi.setSystemTime(NOW + 60_000)
    expect(await send()).toEqual({ status: 200, headers: quota(2, 1, 60) })
  })

  it('counts each address by itself, also in IPv6', async () => {
    const send = client({ count: 1, time_window: 60 })
    expect((await send({ remoteAddress: '2001:db8::1' })).status).toBe(200)
    expect((await send({ remoteAddress: '2001:db8::2' })).status).toBe(200)
    expect((await send({ remoteAddress: '2001:db8::1' })).status).toBe(503)
  })

  it('holds numbers as large as they come', async () => {
    const send = client({ count: Number.MAX_SAFE_INTEGER, time_window: 1_000_000_000 })
    expect((await send()).headers).toEqual(quota(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, 1_000_000_000))
  })
})

it('slides', async () => {
  const send = client({ count: 4, time_window: 60, window_type: 'sliding' })
  for (let time = 0; time < 4; time++) expect((await send()).status).toBe(200)
  expect((await send()).status).toBe(503)
  vi.setSystemTime(NOW + 60_000)
  // All four of the window before still count.
  expect((await send()).status).toBe(503)
  vi.setSystemTime(NOW + 75_010)
  // 4 x 44.99 / 60 = 2.999 of them do now.
  expect(await send()).toMatchObject({ status: 200, headers: quota(4, 0, '44.99') })
  expect((await send()).status).toBe(200)
  expect((await send()).status).toBe(503)
})

describe('keys', () => {
  it('counts by a variable, and by address where it has no value', async () => {
    const send = client({ count: 1, time_window: 60, key: 'http_x_user' })
    const [jack, rose] = [{ headers: { 'X-User': 'jack' } }, { headers: { 'X-User': 'rose' } }]
    expect([(await send(jack)).status, (await send(rose)).status, (await send(jack)).status]).toEqual([200, 200, 503])
    expect([(await send()).status, (await send()).status]).toEqual([200, 503])
    expect((await send({ remoteAddress: '192.0.2.2' })).status).toBe(200)
  })

  it('counts by a combination of variables', async () => {
    const send = client({ count: 1, time_window: 60, key_type: 'var_combination', key: '$remote_addr $http_x_user' })
    expect((await send({ headers: { 'X-User': 'jack' } })).status).toBe(200)
    expect((await send({ headers: { 'X-User': 'rose' } })).status).toBe(200)
    expect((await send({ headers: { 'X-User': 'jack' }, remoteAddress: '192.0.2.2' })).status).toBe(200)
    expect((await send({ headers: { 'X-User': 'jack' } })).status).toBe(503)
  })

  it('counts all requests together by a constant', async () => {
    const send = client({ count: 1, time_window: 60, key_type: 'constant', key: 'all' })
    expect((await send()).status).toBe(200)
    expect((await send({ remoteAddress: '192.0.2.2' })).status).toBe(503)
  })

  it('warns of a variable that is none', () => {
    client({ count: 1, time_window: 60, key: 'remote_add' })
    expect(worker.lines.map(([level, , message]) => [level, message])).toEqual([
      ['warn', 'limit-count: there is no variable "remote_add": requests are counted by the client\'s address'],
    ])
  })
})

describe('counters', () => {
  it('belong to the place', async () => {
    const config = { count: 1, time_window: 60 }
    expect((await client(config, 'routes/1')()).status).toBe(200)
    expect((await client(config, 'routes/2')()).status).toBe(200)
    expect((await client(config, 'services/1')()).status).toBe(200)
    expect((await client(config, 'routes/1')()).status).toBe(503)
  })

  it('start anew when the configuration changes', async () => {
    expect((await client({ count: 1, time_window: 60 })()).status).toBe(200)
    expect(await client({ count: 2, time_window: 60 })()).toMatchObject({ status: 200, headers: quota(2, 1, 60) })
  })

  it('are shared by a group, each place with its own count', async () => {
    const config = { count: 2, time_window: 60, group: 'g' }
    expect((await client(config, 'routes/1')()).headers).toMatchObject(quota(2, 1, 60))
    expect((await client(config, 'routes/2')()).headers).toMatchObject(quota(2, 0, 60))
    expect((await client({ ...config, count: 3 }, 'routes/3')()).headers).toMatchObject(quota(3, 0, 60))
    expect((await client({ ...config, group: 'h' }, 'routes/1')()).headers).toMatchObject(quota(2, 1, 60))
  })

  it('are exact over the tables of several workers', async () => {
    const config = { count: 10, time_window: 60 }
    const clients = [client(config), client(config)]
    const statuses: number[] = []
    for (let time = 0; time < 15; time++) statuses.push((await clients[time % 2]()).status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(10)
  })
})

describe('numbers from the request', () => {
  const config = { count: '${http_x_count ?? 2}', time_window: '$http_x_window' }

  it('are read of each', async () => {
    const send = client(config)
    expect((await send({ headers: { 'X-Window': '30' } })).headers).toEqual(quota(2, 1, 30))
    expect((await send({ headers: { 'X-Window': '30', 'X-Count': '5' } })).headers).toEqual(quota(5, 3, 30))
  })

  it.each(['0', '-1', 'many', '1.5', '', '1e400'])('refuse the request when they are %j', async (window) => {
    const answer = await client(config)({ headers: { 'X-Window': window } })
    expect(answer).toEqual({ status: 500, headers: {} })
    expect(worker.lines[0]?.[2]).toContain('no whole number above 0')
  })

  it('let it pass with allow_degradation', async () => {
    expect(await client({ ...config, allow_degradation: true })()).toEqual({ status: 200, headers: {} })
  })
})

describe('rules', () => {
  const rules = [
    { key: '$http_x_user', count: 2, time_window: 60, header_prefix: 'jack' },
    { key: '${http_x_project}', count: '${http_x_count ?? 1}', time_window: 30 },
  ]

  it('apply to requests that have their key', async () => {
    const send = client({ rules, rejected_code: 429 })
    expect(await send({ headers: { 'X-User': 'a' } })).toEqual({
      status: 200,
      headers: { 'X-jack-RateLimit-Limit': '2', 'X-jack-RateLimit-Remaining': '1', 'X-jack-RateLimit-Reset': '60' },
    })
    expect(await send({ headers: { 'X-User': 'a', 'X-Project': 'p' } })).toEqual({
      status: 200,
      headers: {
        'X-jack-RateLimit-Limit': '2',
        'X-jack-RateLimit-Remaining': '0',
        'X-jack-RateLimit-Reset': '60',
        'X-2-RateLimit-Limit': '1',
        'X-2-RateLimit-Remaining': '0',
        'X-2-RateLimit-Reset': '30',
      },
    })
    expect((await send({ headers: { 'X-Project': 'p' } })).status).toBe(429)
    expect((await send({ headers: { 'X-Project': 'p', 'X-Count': '2' } })).status).toBe(200)
  })

  it('refuse a request to which none applies', async () => {
    expect((await client({ rules })()).status).toBe(500)
    expect((await client({ rules, allow_degradation: true })()).status).toBe(200)
    expect(worker.lines[0]?.[2]).toContain('no rule applies')
  })

  it('count nothing when a number of one of them is none', async () => {
    const send = client({ rules })
    expect((await send({ headers: { 'X-User': 'a', 'X-Project': 'p', 'X-Count': 'x' } })).status).toBe(500)
    expect((await send({ headers: { 'X-User': 'a' } })).headers['X-jack-RateLimit-Remaining']).toBe('1')
  })

  it('may have the same key: 2 in a second and 3 in a minute', async () => {
    const two = [
      { key: '$remote_addr', count: 2, time_window: 1 },
      { key: '$remote_addr', count: 3, time_window: 60 },
    ]
    const send = client({ rules: two })
    const statuses = async (times: number) =>
      Promise.all(Array.from({ length: times }, async () => (await send()).status))
    expect(await statuses(3)).toEqual([200, 200, 503])
    vi.setSystemTime(NOW + 1_000)
    expect(await statuses(2)).toEqual([200, 503])
    vi.setSystemTime(NOW + 60_000)
    expect(await statuses(1)).toEqual([200])
  })
})

describe('headers', () => {
  it('stand in place of those of the upstream', async () => {
    const upstream = { 'x-ratelimit-limit': '7', 'X-RateLimit-Reset': '8', Server: 'x' }
    expect((await client({ count: 2, time_window: 60 })({}, upstream)).headers).toEqual({
      Server: 'x',
      ...quota(2, 1, 60),
    })
  })

  it('are left out with show_limit_quota_header: false', async () => {
    const send = client({ count: 1, time_window: 60, show_limit_quota_header: false })
    expect(await send({}, { 'X-RateLimit-Limit': '7' })).toEqual({ status: 200, headers: { 'X-RateLimit-Limit': '7' } })
    expect((await send()).headers).toEqual({ 'Content-Type': 'application/json' })
  })

  it('are called as the metadata says, and take the prefix of a rule where "RateLimit-" stands', async () => {
    const metadata = { limit_header: 'X-Custom-RateLimit-Limit', remaining_header: 'X-Left' }
    expect((await client({ count: 2, time_window: 60 }, 'routes/1', metadata)()).headers).toEqual({
      'X-Custom-RateLimit-Limit': '2',
      'X-Left': '1',
      'X-RateLimit-Reset': '60',
    })
    const rules = [
      { key: '$remote_addr', count: 2, time_window: 60, header_prefix: 'a' },
      { key: '$remote_addr', count: 5, time_window: 60, header_prefix: 'b' },
    ]
    expect((await client({ rules }, 'routes/1', metadata)()).headers).toEqual({
      'X-Custom-a-RateLimit-Limit': '2',
      'X-a-RateLimit-Reset': '60',
      'X-Custom-b-RateLimit-Limit': '5',
      'X-Left': '4',
      'X-b-RateLimit-Reset': '60',
    })
  })

  it('are not written where another plugin answered before', () => {
    const hooks = worker.mount(limitCount, { count: 1, time_window: 60 })
    const session = new TestSession()
    session.respond(401)
    expect(session.receive(hooks, 401, session.answer!.headers).headers.size).toBe(0)
  })
})

describe('the configuration', () => {
  const valid = { count: 1, time_window: 60 }

  it('takes every option', () => {
    const all = {
      ...valid,
      key: 'uri',
      key_type: 'var',
      group: 'g',
      window_type: 'sliding',
      show_limit_quota_header: false,
    }
    const more = {
      policy: 'local',
      rejected_code: 200,
      rejected_msg: 'no',
      allow_degradation: true,
      sync_interval: 0.5,
    }
    expect(problemsOf(limitCount, { ...all, ...more })).toEqual([])
  })

  it.each([
    [{}, ': limit-count needs "count" and "time_window", or "rules"'],
    [{ count: 1 }, ': limit-count needs "count" and "time_window", or "rules"'],
    [{ ...valid, count: 0 }, '/count: must be at least 1'],
    [{ ...valid, count: 1.5 }, '/count: must be a whole number or text'],
    [{ ...valid, count: 'many' }, '/count: is not a whole number from 1'],
    [{ ...valid, time_window: -1 }, '/time_window: must be at least 1'],
    [{ ...valid, time_window: '0' }, '/time_window: is not a whole number from 1'],
    [{ ...valid, rules: [{ ...valid, key: '$uri' }] }, ': limit-count has both "count" and "rules"'],
    [{ rules: [] }, '/rules: must not be empty'],
    [{ rules: [{ ...valid }] }, '/rules/0: "key" is missing'],
    [{ rules: [{ ...valid, key: 'all' }] }, '/rules/0/key: has no variable, so the rule would never apply'],
    [{ rules: [{ ...valid, count: '', key: '$uri' }] }, '/rules/0/count: is not a whole number from 1'],
    [{ rules: [{ ...valid, key: '$uri', header_prefix: 'a b' }] }, '/rules/0/header_prefix: may hold letters'],
    [{ rules: [{ ...valid, key: '$uri' }], group: 'g' }, ': limit-count has both "group" and "rules"'],
    [{ ...valid, policy: 'redis' }, '/policy: "redis" needs "redis_host"'],
    [{ ...valid, rejected_code: 199 }, '/rejected_code: must be at least 200'],
    [{ ...valid, rejected_code: 600 }, '/rejected_code: must be at most 599'],
    [{ ...valid, rejected_msg: '' }, '/rejected_msg: must not be empty'],
    [{ ...valid, key_type: 'header' }, '/key_type: must be "var", "var_combination" or "constant"'],
    [{ ...valid, window_type: 'rolling' }, '/window_type: must be "fixed" or "sliding"'],
    [{ ...valid, counts: 1 }, '/counts: unknown key "counts"'],
  ])('refuses %j', (config, problem) => {
    expect(problemsOf(limitCount, config).join('\n')).toContain(problem)
  })
})

describe('over sockets', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    vi.useRealTimers()
    const plugins = { 'limit-count': { count: 2, time_window: 3_600, rejected_code: 429, rejected_msg: 'slow down' } }
    const upstream = { uri: '/hello', upstream_id: 'echo' }
    gateway = await startGateway({ routes: [{ id: 'a', ...upstream, plugins }] })
  })
  beforeEach(() => void vi.useRealTimers())
  afterAll(() => gateway.close())

  it('limits, tells, and forgets when the limit changes', async () => {
    const first = await gateway.fetch('/hello')
    expect(first).toMatchObject({ status: 200, headers: { 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' } })
    expect(Number(first.headers['x-ratelimit-reset'])).toBeGreaterThan(3_500)
    expect((await gateway.fetch('/hello')).status).toBe(200)
    const refused = await gateway.fetch('/hello')
    expect(refused).toMatchObject({
      status: 429,
      headers: { 'x-ratelimit-remaining': '0', 'content-type': 'application/json' },
    })
    expect(refused.json()).toEqual({ error_msg: 'slow down' })
    expect(gateway.echo.requests).toHaveLength(2)
    const plugins = { 'limit-count': { count: 5, time_window: 3_600 } }
    await gateway.update({ routes: [{ id: 'a', uri: '/hello', upstream_id: 'echo', plugins }] })
    expect((await gateway.fetch('/hello')).headers['x-ratelimit-remaining']).toBe('4')
  })

  it('counts on a global rule, a service and a route, each by itself', async () => {
    const limit = (count: number) => ({ 'limit-count': { count, time_window: 3_600 } })
    await gateway.update({
      global_rules: [{ id: 'all', plugins: limit(5) }],
      services: [{ id: 's', upstream_id: 'echo', plugins: limit(2) }],
      routes: [
        { id: 'a', uri: '/hello', upstream_id: 'echo', plugins: limit(3) },
        { id: 'b', uri: '/b', service_id: 's' },
        { id: 'c', uri: '/c', service_id: 's' },
      ],
    })
    const remaining = async (path: string) => {
      const { status, headers } = await gateway.fetch(path)
      return [status, headers['x-ratelimit-limit'], headers['x-ratelimit-remaining']]
    }
    // The route's fields stand in place of those of the global rule.
    expect(await remaining('/hello')).toEqual([200, '3', '2'])
    expect(await remaining('/b')).toEqual([200, '2', '1'])
    expect(await remaining('/c')).toEqual([200, '2', '0'])
    expect(await remaining('/b')).toEqual([503, '2', '0'])
    expect(await remaining('/hello')).toEqual([200, '3', '1'])
    expect(await remaining('/hello')).toEqual([503, '5', '0'])
  })

  it('limits a consumer over all routes, whatever its address', async () => {
    const keyAuth = { 'key-auth': {} }
    await gateway.update({
      consumers: [
        {
          username: 'jack',
          plugins: { 'key-auth': { key: 'j' }, 'limit-count': { count: 2, time_window: 3_600, key: 'consumer_name' } },
        },
      ],
      routes: [
        { id: 'a', uri: '/hello', upstream_id: 'echo', plugins: keyAuth },
        { id: 'b', uri: '/b', upstream_id: 'echo', plugins: keyAuth },
      ],
    })
    const send = async (path: string) => (await gateway.fetch(path, { headers: { apikey: 'j' } })).status
    expect([await send('/hello'), await send('/b'), await send('/hello')]).toEqual([200, 200, 503])
    expect((await gateway.fetch('/hello')).status).toBe(401)
  })

  it('refuses what is wrong, and goes on with what was', async () => {
    const plugins = { 'limit-count': { count: 5, time_window: 60, policy: 'redis', redis_port: 6379 } }
    const update = gateway.update({ routes: [{ id: 'a', uri: '/hello', upstream_id: 'echo', plugins }] })
    await expect(update).rejects.toThrow('/routes/0/plugins/limit-count/policy')
    expect((await gateway.fetch('/hello')).status).toBe(401)
  })
})
