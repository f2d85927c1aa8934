import { createServer, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { redisServer, startRedis, until } from '../../redis/testing/start-redis.ts'
import { startGateway, type TestGateway } from '../../testing/start-gateway.ts'

async function gatewayWith(plugins: object, upstream?: string): Promise<TestGateway> {
  const target = upstream === undefined ? { upstream_id: 'echo' } : { upstream }
  const gateway = await startGateway({ routes: [{ id: 'hello', uri: '/hello', plugins, ...target }] })
  onTestFinished(() => gateway.close())
  return gateway
}

/** An upstream that answers when it is told to. */
async function startSlow() {
  const waiting: ServerResponse[] = []
  const server = createServer((_, response) => void waiting.push(response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    waiting,
    answer: () => {
      for (const response of waiting.splice(0)) response.end('done')
    },
  }
}

describe.skipIf(redisServer === undefined)('limit-req on Redis (needs redis-server)', () => {
  it('is one bucket for two gateways', async () => {
    const redis = await startRedis()
    const slow = await startSlow()
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port }
    const limit = { rate: 0.1, burst: 4, nodelay: true, key: 'remote_addr', ...place }
    const gateways = [
      await gatewayWith({ 'limit-req': limit }, slow.url),
      await gatewayWith({ 'limit-req': limit }, slow.url),
    ]
    const answers = gateways.flatMap((gateway) => Array.from({ length: 6 }, () => gateway.fetch('/hello')))
    await until(() => slow.waiting.length === 5)
    slow.answer()
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(5)
    expect(statuses.filter((status) => status === 503)).toHaveLength(7)
  })

  it('delays what is above the rate, and lets all pass while Redis is away', async () => {
    const redis = await startRedis()
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port }
    const gateway = await gatewayWith({ 'limit-req': { rate: 10, burst: 2, key: 'remote_addr', ...place } })
    const timed = async (): Promise<number> => {
      const from = performance.now()
      expect((await gateway.fetch('/hello')).status).toBe(200)
      return performance.now() - from
    }
    await timed()
    expect(await timed()).toBeGreaterThan(50)
    await redis.kill()
    const statuses = await Promise.all(Array.from({ length: 9 }, () => gateway.fetch('/hello')))
    expect(statuses.map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 200))
  })
})

describe.skipIf(redisServer === undefined)('limit-conn on Redis (needs redis-server)', () => {
  const limit = { conn: 3, burst: 0, default_conn_delay: 0.1, key: 'remote_addr' }

  it('counts what is in flight in two gateways, and what has left', async () => {
    const redis = await startRedis()
    const slow = await startSlow()
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port }
    const plugins = { 'limit-conn': { ...limit, ...place } }
    const gateways = [await gatewayWith(plugins, slow.url), await gatewayWith(plugins, slow.url)]
    for (let round = 0; round < 2; round++) {
      const answers = gateways.flatMap((gateway) => Array.from({ length: 5 }, () => gateway.fetch('/hello')))
      await until(() => slow.waiting.length === 3)
      const refused = await Promise.race(answers)
      expect(refused.status).toBe(503)
      slow.answer()
      const statuses = (await Promise.all(answers)).map(({ status }) => status)
      expect(statuses.filter((status) => status === 200)).toHaveLength(3)
      // The last to leave removes the key.
      const client = redis.client()
      await until(async () => (await client.dbsize()) === 0)
    }
  })

  it('forgets what a gateway had that died, and makes good what Redis forgot', async () => {
    const redis = await startRedis()
    const slow = await startSlow()
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port, key_ttl: 1 }
    const gateway = await gatewayWith({ 'limit-conn': { ...limit, ...place } }, slow.url)
    const client = redis.client()
    const first = gateway.fetch('/hello')
    await until(() => slow.waiting.length === 1)
    const [key] = await client.keys('*')
    const [seconds] = await client.time()
    await client.hset(key, 'of-one-that-died', `7:${Number(seconds) * 1_000 - 5_000}`)
    const second = gateway.fetch('/hello')
    await until(() => slow.waiting.length === 2)
    expect(await client.hexists(key, 'of-one-that-died')).toBe(0)
    await client.flushall()
    const third = gateway.fetch('/hello')
    await until(() => slow.waiting.length === 3)
    expect((await gateway.fetch('/hello')).status).toBe(503)
    slow.answer()
    expect((await Promise.all([first, second, third])).map(({ status }) => status)).toEqual([200, 200, 200])
  })

  it('lets all in while Redis is away, and counts rightly when it is back', async () => {
    const redis = await startRedis()
    const slow = await startSlow()
    const place = { policy: 'redis', redis_host: '127.0.0.1', redis_port: redis.port }
    const gateway = await gatewayWith({ 'limit-conn': { ...limit, ...place } }, slow.url)
    const before = gateway.fetch('/hello')
    await until(() => slow.waiting.length === 1)
    await redis.kill()
    const during = Array.from({ length: 5 }, () => gateway.fetch('/hello'))
    await until(() => slow.waiting.length === 6)
    await redis.restart()
    await until(() => /sekisho_redis_up\S* 1/.test(gateway.metrics.render()))
    expect((await gateway.fetch('/hello')).status).toBe(503)
    slow.answer()
    await Promise.all([before, ...during])
    const after = gateway.fetch('/hello')
    await until(() => slow.waiting.length === 1)
    slow.answer()
    expect((await after).status).toBe(200)
  })
})
