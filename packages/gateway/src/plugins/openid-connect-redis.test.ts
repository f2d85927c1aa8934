import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { redisServer, startRedis } from '../redis/testing/start-redis.ts'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { Browser } from './oidc/testing/browser.ts'
import { OpenIdProvider } from './oidc/testing/openid-provider.ts'
import { openIdRoute } from './oidc/testing/openid-route.ts'
import openidConnect from './openid-connect.ts'
import { problemsOf } from './testing/mounted.ts'

const SECRET = 'x'.repeat(32)

describe.skipIf(redisServer === undefined)('sessions in a Redis (needs redis-server)', () => {
  let gateway: TestGateway
  let provider: OpenIdProvider
  let origin: string
  beforeAll(async () => {
    gateway = await startGateway({})
    origin = `http://127.0.0.1:${gateway.port}`
    provider = await OpenIdProvider.start({ redirectUris: [`${origin}/in`] })
  })
  afterAll(async () => {
    vi.useRealTimers()
    await gateway.close()
    await provider.close()
  })

  const update = (port: number): Promise<void> =>
    gateway.update(
      openIdRoute(provider, {
        redirect_uri: `${origin}/in`,
        session: {
          secret: SECRET,
          storage: 'redis',
          redis: { port, database: 2, prefix: 'who' },
          idling_timeout: 100,
        },
      }),
    )

  it('are there, encrypted, as long as they last, and until somebody signs out', async () => {
    const redis = await startRedis()
    const client = redis.client({ password: '', db: 2 })
    await update(redis.port)
    const browser = new Browser()
    expect((await browser.open(`${origin}/`)).status).toBe(200)
    const cookie = browser.jar(origin).get('session') ?? ''
    expect(cookie).toMatch(/^1\.[\w-]{43}$/)
    const [key = ''] = await client.keys('*')
    expect(key).toMatch(/^who:[\w-]{43}$/)
    expect(key).not.toContain(cookie.slice(2))
    expect(Buffer.from((await client.get(key)) ?? '', 'base64url').toString('latin1')).not.toContain('jack')
    expect(await client.ttl(key)).toBeGreaterThan(90)
    // Used again, it lasts longer.
    await client.expire(key, 10)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 30_000 })
    expect((await browser.request(`${origin}/`)).status).toBe(200)
    expect(await client.ttl(key)).toBeGreaterThan(90)
    vi.useRealTimers()
    // A key that nobody was given, and one of the browser after signing out.
    const stranger = new Browser()
    stranger.jar(origin).set('session', `1.${'A'.repeat(43)}`)
    expect((await stranger.request(`${origin}/`)).status).toBe(302)
    stranger.jar(origin).set('session', cookie)
    expect((await stranger.request(`${origin}/`)).status).toBe(200)
    await browser.request(`${origin}/logout`)
    expect(await client.keys('*')).toEqual([])
    expect((await stranger.request(`${origin}/`)).status).toBe(302)
  })

  it('503 while it is away, and nobody is lost', async () => {
    const redis = await startRedis()
    await update(redis.port)
    const browser = new Browser()
    expect((await browser.open(`${origin}/`)).status).toBe(200)
    redis.freeze()
    expect((await browser.request(`${origin}/`)).status).toBe(503)
    redis.resume()
    await expect.poll(async () => (await browser.request(`${origin}/`)).status, { timeout: 5_000 }).toBe(200)
    await redis.kill()
    expect((await browser.request(`${origin}/`)).status).toBe(503)
  })
})

it.each([
  [{ storage: 'redis' }, '/session: has no "redis"'],
  [{ redis: {} }, '/session/redis: has no effect'],
  [{ storage: 'redis', redis: { host: 'redis.internal', server_name: 'other' } }, '/session/redis/server_name'],
  [{ storage: 'redis', redis: { host: 'redis.internal', unknown: 1 } }, 'unknown'],
])('%j is refused', (session, problem) => {
  const config = {
    discovery: 'https://id/',
    client_id: 'a',
    client_secret: 'b',
    session: { secret: SECRET, ...session },
  }
  expect(problemsOf(openidConnect, config).join()).toContain(problem)
})
