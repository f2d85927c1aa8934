import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { redisServer, startCluster, startRedis, startSentinel, until } from '../../redis/testing/start-redis.ts'
import { A_CERTIFICATE, KEY } from '../../tls/testing/server-certificates.ts'
import { freePort } from '../../testing/free-port.ts'
import { startGateway, type TestGateway } from '../../testing/start-gateway.ts'

/** A gateway whose route /hello has a limit. Two of the same limit count together. */
async function gatewayWith(limit: object, plugin = 'limit-count'): Promise<TestGateway> {
  const gateway = await startGateway({
    routes: [{ id: 'hello', uri: '/hello', upstream_id: 'echo', plugins: { [plugin]: limit } }],
  })
  onTestFinished(() => gateway.close())
  return gateway
}

const statuses = async (gateway: TestGateway, times: number): Promise<number[]> => {
  const all: number[] = []
  for (let time = 0; time < times; time++) all.push((await gateway.fetch('/hello')).status)
  return all
}

const together = async (gateways: readonly TestGateway[], each: number): Promise<number> => {
  const all = gateways.flatMap((gateway) => Array.from({ length: each }, () => gateway.fetch('/hello')))
  return (await Promise.all(all)).filter(({ status }) => status === 200).length
}

const metric = (gateway: TestGateway, line: string): number => {
  const found = gateway.metrics
    .render()
    .split('\n')
    .find((one) => one.startsWith(line))
  return Number(found?.split(' ').at(-1) ?? Number.NaN)
}

describe.skipIf(redisServer === undefined)('limit-count on Redis (needs redis-server)', () => {
  it('counts exactly over two gateways, and tells what is left', async () => {
    const redis = await startRedis()
    const limit = { count: 30, time_window: 60, policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port }
    const gateways = [await gatewayWith(limit), await gatewayWith(limit)]
    const first = await gateways[0].fetch('/hello')
    expect(first.headers).toMatchObject({
      'x-ratelimit-limit': '30',
      'x-ratelimit-remaining': '29',
      'x-ratelimit-reset': '60',
    })
    expect((await gateways[1].fetch('/hello')).headers).toMatchObject({ 'x-ratelimit-remaining': '28' })
    expect(await together(gateways, 40)).toBe(28)
    const refused = await gateways[0].fetch('/hello')
    expect(refused.status).toBe(503)
    expect(refused.headers).toMatchObject({ 'x-ratelimit-remaining': '0' })
    expect(Number(refused.headers['x-ratelimit-reset'])).toBeGreaterThan(50)
    expect(await redis.client().keys('*')).toEqual([
      expect.stringMatching(/^sekisho:limit-count:[\w-]{16}:127\.0\.0\.1$/),
    ])
  })

  it('counts a sliding window, rules, and numbers of the request', async () => {
    const redis = await startRedis()
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port }
    const sliding = { count: 5, time_window: 3_600, window_type: 'sliding', ...place }
    const slide = [await gatewayWith(sliding), await gatewayWith(sliding)]
    // The window is aligned to the clock: one may end while the test runs, and then the one before still counts.
    expect(await together(slide, 5)).toBe(5)
    expect((await slide[1].fetch('/hello')).headers['x-ratelimit-reset']).toMatch(/^\d+(\.\d+)?$/)

    const rules = [
      { count: 2, time_window: 60, key: '$arg_a', header_prefix: 'a' },
      { count: '${http_x_quota ?? 3}', time_window: 60, key: '$arg_b' },
    ]
    const ruled = await gatewayWith({ rules, ...place })
    const both = await ruled.fetch('/hello?a=1&b=1')
    expect(both.headers).toMatchObject({ 'x-a-ratelimit-remaining': '1', 'x-2-ratelimit-remaining': '2' })
    const of = async (path: string, headers = {}) => (await ruled.fetch(path, { headers })).status
    expect([await of('/hello?a=1'), await of('/hello?a=1'), await of('/hello')]).toEqual([200, 503, 500])
    expect([await of('/hello?b=1'), await of('/hello?b=1'), await of('/hello?b=1')]).toEqual([200, 200, 503])
    expect(await of('/hello?b=1', { 'x-quota': '4' })).toBe(200)
    expect(await of('/hello?b=1', { 'x-quota': 'many' })).toBe(500)
  })

  it('keeps one connection a worker, and hides what is long or looks like a hash', async () => {
    const redis = await startRedis(['--requirepass', 'open sesame'])
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port, redis_password: 'open sesame' }
    const limit = { count: 1, time_window: 60, key: 'http_x_key', redis_database: 3, ...place }
    const gateway = await gatewayWith(limit)
    const of = async (key: string) => (await gateway.fetch('/hello', { headers: { 'x-key': key } })).status
    const long = 'k'.repeat(500)
    expect([await of(long), await of(long), await of(`${long}2`)]).toEqual([200, 503, 200])
    const client = redis.client({ password: 'open sesame', db: 3 })
    const names = await client.keys('*')
    expect(names).toHaveLength(2)
    const hashed = names.map((name) => name.split(':').at(-1) ?? '')
    for (const name of hashed) expect(await of(name)).toBe(200)
    expect(names.join().length).toBeLessThan(200)
    expect((String(await client.client('LIST')).match(/name=sekisho/g) ?? []).length).toBe(1)
  })

  it('works with the permissions that docs/rate-limits.md names', async () => {
    const redis = await startRedis()
    const docs = readFileSync(new URL('../../../../../docs/rate-limits.md', import.meta.url), 'utf8')
    const rules = /`(\+eval [^`]+)`/.exec(docs)?.[1].split(' ') ?? []
    await redis.client().acl('SETUSER', 'limits', 'on', '>secret', ...rules)
    const user = { redis_username: 'limits', redis_password: 'secret' }
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port, ...user }
    for (const window_type of ['fixed', 'sliding']) {
      const gateway = await gatewayWith({ count: 1, time_window: 3_600, window_type, ...place })
      expect(await statuses(gateway, 2)).toEqual([200, 503])
    }
    const wrong = await gatewayWith({ count: 1, time_window: 60, ...place, redis_password: 'other' })
    expect(await statuses(wrong, 2)).toEqual([200, 200])
  })

  it('speaks TLS, and verifies a certificate where it is told to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-redis-tls-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
    writeFileSync(certificate, A_CERTIFICATE)
    writeFileSync(key, KEY)
    const port = await freePort()
    const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate]
    await startRedis(['--tls-port', String(port), '--tls-auth-clients', 'no', ...files])
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: port, redis_ssl: true }
    const trusting = await gatewayWith({ count: 1, time_window: 60, ...place })
    expect(await statuses(trusting, 2)).toEqual([200, 503])
    const verifying = await gatewayWith({ count: 1, time_window: 60, ...place, redis_ssl_verify: true })
    expect(await statuses(verifying, 2)).toEqual([200, 200])
    expect(metric(verifying, 'sekisho_redis_up')).toBe(0)
  })

  it('loads its script again where Redis forgot it', async () => {
    const redis = await startRedis()
    const limit = { count: 5, time_window: 60, policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port }
    const gateway = await gatewayWith(limit)
    expect(await statuses(gateway, 2)).toEqual([200, 200])
    await redis.client().script('FLUSH')
    expect((await gateway.fetch('/hello')).headers['x-ratelimit-remaining']).toBe('2')
    expect(metric(gateway, 'sekisho_redis_calls_total')).toBeGreaterThan(0)
  })

  it.each([
    ['left out', {}, 200, 'passed'],
    ['true', { allow_degradation: true }, 200, 'passed'],
    ['false', { allow_degradation: false }, 500, 'refused'],
  ])(
    'goes on while Redis is killed, allow_degradation %s, and counts again when it is back',
    async (_, option, status, result) => {
      const redis = await startRedis()
      const limit = {
        count: 2,
        time_window: 60,
        policy: 'redis',
        redis_host: '127.0.0.1',
        redis_port: redis.port,
        ...option,
      }
      const gateway = await gatewayWith(limit)
      expect(await statuses(gateway, 1)).toEqual([200])
      await redis.kill()
      expect(await statuses(gateway, 5)).toEqual(Array.from({ length: 5 }, () => status))
      expect(
        metric(
          gateway,
          `sekisho_limit_uncounted_requests_total{plugin="limit-count",place="routes/hello",result="${result}"}`,
        ),
      ).toBe(5)
      expect(metric(gateway, `sekisho_redis_up{server="127.0.0.1:${redis.port}/0"}`)).toBe(0)
      await redis.restart()
      await until(() => metric(gateway, 'sekisho_redis_up') === 1)
      expect(await statuses(gateway, 3)).toEqual([200, 200, 503])
    },
  )

  it('goes on while Redis is frozen: one time limit, and then no wait', async () => {
    const redis = await startRedis()
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port, redis_timeout: 200 }
    const gateway = await gatewayWith({ count: 2, time_window: 60, ...place })
    expect(await statuses(gateway, 1)).toEqual([200])
    redis.freeze()
    const startedAt = performance.now()
    expect(await statuses(gateway, 1)).toEqual([200])
    const noticedAfterMs = performance.now() - startedAt
    expect(noticedAfterMs).toBeGreaterThan(150)
    expect(noticedAfterMs).toBeLessThan(1_000)
    const from = performance.now()
    expect(await statuses(gateway, 20)).toEqual(Array.from({ length: 20 }, () => 200))
    expect(performance.now() - from).toBeLessThan(1_000)
    redis.resume()
    await until(() => metric(gateway, 'sekisho_redis_up') === 1)
    expect((await gateway.fetch('/hello')).headers['x-ratelimit-limit']).toBe('2')
  })

  it('counts by itself while Redis is away, where it is told to', async () => {
    const redis = await startRedis()
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port, redis_fallback: 'local' }
    const gateway = await gatewayWith({ count: 2, time_window: 60, ...place })
    expect(await statuses(gateway, 1)).toEqual([200])
    await redis.kill()
    expect(await statuses(gateway, 4)).toEqual([200, 200, 503, 503])
  })

  it('starts while Redis is away', async () => {
    const gateway = await gatewayWith({
      count: 1,
      time_window: 60,
      policy: 'redis',
      redis_host: '127.0.0.1',
      redis_port: 1,
    })
    expect(await statuses(gateway, 3)).toEqual([200, 200, 200])
  })

  it('takes shares with a sync_interval: never more than the limit, and all of it', async () => {
    const redis = await startRedis()
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port }
    const limit = { count: 500, time_window: 60, sync_interval: 0.05, ...place }
    const gateways = [await gatewayWith(limit), await gatewayWith(limit), await gatewayWith(limit)]
    let passed = 0
    let sent = 0
    while (sent < 1_200) {
      passed += await together(gateways, 20)
      sent += 60
    }
    expect(passed).toBe(500)
    expect((await gateways[2].fetch('/hello')).headers['x-ratelimit-remaining']).toBe('0')
    const calls = metric(gateways[0], `sekisho_redis_calls_total{server="127.0.0.1:${redis.port}/0",result="ok"}`)
    expect(calls).toBeLessThan(200)
  })

  it('gives shares back that nobody uses', async () => {
    const redis = await startRedis()
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port }
    const limit = { count: 1_000, time_window: 60, sync_interval: 0.05, ...place }
    const gateway = await gatewayWith(limit)
    for (let round = 0; round < 10; round++) await together([gateway], 20)
    const client = redis.client()
    const [name] = await client.keys('*')
    await until(async () => Number(await client.get(name)) === 200)
  })

  it('works on a cluster, and loses only what is on a node that is away', async () => {
    const nodes = await startCluster()
    const place = {
      policy: 'redis-cluster',
      redis_cluster_name: 'three',
      redis_cluster_nodes: nodes.map(({ port }) => `127.0.0.1:${port}`),
      // A machine with other things to do takes a while to connect to each node.
      redis_timeout: 1_500,
    }
    const limit = { count: 2, time_window: 60, key: 'http_x_key', ...place }
    const gateways = [await gatewayWith(limit), await gatewayWith(limit)]
    const of = async (gateway: TestGateway, key: string) =>
      (await gateway.fetch('/hello', { headers: { 'x-key': key } })).status
    const keys = Array.from({ length: 12 }, (_, at) => `key-${at}`)
    for (const key of keys)
      expect([await of(gateways[0], key), await of(gateways[1], key), await of(gateways[0], key)]).toEqual([
        200, 200, 503,
      ])
    const counts = await Promise.all(nodes.map((node) => node.client().dbsize()))
    expect(counts.reduce((sum, count) => sum + count)).toBe(12)
    expect(Math.min(...counts)).toBeGreaterThan(0)
    // What is refused is known for a second without Redis, so other keys are asked for.
    const others = Array.from({ length: 30 }, (_, at) => `other-${at}`)
    for (const key of others) expect(await of(gateways[0], key)).toBe(200)
    const sizes = await Promise.all(nodes.map((node) => node.client().dbsize()))
    nodes[2].freeze()
    let counted = 0
    for (const key of others) {
      const { status, headers } = await gateways[0].fetch('/hello', { headers: { 'x-key': key } })
      expect(status).toBe(200)
      if (headers['x-ratelimit-remaining'] === '0') counted++
    }
    expect(counted).toBe(30 - (sizes[2] - counts[2]))
    // It is tried again from time to time, which a slow machine may see.
    const timeouts = metric(gateways[0], 'sekisho_redis_calls_total{server="cluster three",result="timeout"}')
    expect(timeouts).toBeGreaterThan(0)
    expect(timeouts).toBeLessThan(30 - counted)
    nodes[2].resume()
  })

  it('follows a sentinel to the new master', async () => {
    const { port, master } = await startSentinel('limits')
    const place = {
      policy: 'redis-sentinel',
      redis_sentinels: [{ host: '127.0.0.1', port }],
      redis_master_name: 'limits',
      redis_read_timeout: 300,
    }
    const gateway = await gatewayWith({ count: 3, time_window: 60, ...place })
    expect(await statuses(gateway, 2)).toEqual([200, 200])
    await master.kill()
    expect(await statuses(gateway, 5)).toEqual([200, 200, 200, 200, 200])
    await until(() => metric(gateway, 'sekisho_redis_up') === 1)
    const after = await gateway.fetch('/hello')
    expect(after.headers['x-ratelimit-remaining']).toMatch(/^[012]$/)
  }, 20_000)
})
