import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { Browser, type Page } from './oidc/testing/browser.ts'
import { OpenIdProvider } from './oidc/testing/openid-provider.ts'
import { openIdRoute } from './oidc/testing/openid-route.ts'

const SECRET = 'fedcba9876543210fedcba9876543210'
let gateway: TestGateway
let provider: OpenIdProvider
let origin: string

beforeAll(async () => {
  gateway = await startGateway({})
  origin = `http://127.0.0.1:${gateway.port}`
  provider = await OpenIdProvider.start({
    redirectUris: [`${origin}/signed-in`, `${origin}/a/b/.apisix/redirect`],
    postLogoutRedirectUris: [`${origin}/bye`],
  })
})
afterAll(async () => {
  await gateway.close()
  await provider.close()
})
beforeEach(() => {
  provider.intercept = () => false
  provider.seen.length = 0
  vi.useRealTimers()
})

const update = (config: object = {}, route?: string): Promise<void> =>
  gateway.update(
    openIdRoute(provider, { redirect_uri: `${origin}/signed-in`, session: { secret: SECRET }, ...config }, route),
  )
const upstreamFields = ({ body }: Page): Record<string, string> =>
  (JSON.parse(body) as { headers: Record<string, string> }).headers
const decoded = (text: string | undefined): unknown => JSON.parse(Buffer.from(text ?? '', 'base64').toString())
const sessionCookies = (browser: Browser): Map<string, string> => browser.jar(origin)
/** Moves the clock of sessions and tokens. */
const later = (seconds: number): void => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1_000 })
}

describe('somebody who signs in', () => {
  it('is sent to the provider and back to what was asked for', async () => {
    await update()
    const browser = new Browser()
    const page = await browser.open(`${origin}/orders?page=2`)
    expect([page.status, page.url]).toEqual([200, `${origin}/orders?page=2`])
    const fields = upstreamFields(page)
    expect(decoded(fields['x-id-token'])).toMatchObject({ sub: 'jack', iss: provider.url, aud: 'gateway' })
    expect(decoded(fields['x-userinfo'])).toMatchObject({ sub: 'jack' })
    expect(fields['x-access-token']).toMatch(/^\S+$/)
    expect(fields).not.toHaveProperty('cookie')
    for (const name of ['x-raw-id-token', 'x-refresh-token', 'authorization']) expect(fields).not.toHaveProperty(name)
    const asked = provider.seen.find(({ path }) => path === '/auth')?.query
    expect(asked?.get('code_challenge_method')).toBe('S256')
    expect(asked?.get('nonce')).toHaveLength(43)
    expect(asked?.get('state')).toMatch(/^[0-3]\.[\w-]{43}$/)
    // The provider is not asked again.
    provider.seen.length = 0
    expect((await browser.open(`${origin}/again`)).status).toBe(200)
    expect(provider.seen).toEqual([])
  })

  it('gets cookies that scripts do not see, and that say nothing', async () => {
    await update()
    const browser = new Browser()
    await browser.open(`${origin}/`)
    const cookies = browser.received.filter((field) => field.startsWith('session'))
    for (const field of cookies) expect(field).toMatch(/; Path=\/; HttpOnly; SameSite=Lax(; Max-Age=0)?$/)
    expect([...sessionCookies(browser).keys()].filter((name) => name.includes('login'))).toEqual([])
    const value = [...sessionCookies(browser).values()].join('')
    expect(Buffer.from(value, 'base64url').toString('latin1')).not.toContain('jack')
  })

  it('is told apart by what the configuration says', async () => {
    await update({
      set_raw_id_token_header: true,
      set_refresh_token_header: true,
      set_userinfo_header: false,
      access_token_in_authorization_header: true,
      scope: 'openid profile offline_access',
      authorization_params: { prompt: 'consent', max_age: 100 },
      session: {
        secret: SECRET,
        cookie_name: 'who',
        cookie_path: '/',
        cookie_secure: true,
        cookie_same_site: 'None',
        cookie_domain: '127.0.0.1',
      },
    })
    const browser = new Browser()
    const page = await browser.open(`${origin}/`)
    const fields = upstreamFields(page)
    expect(fields['authorization']).toMatch(/^Bearer \S+$/)
    expect(fields['x-raw-id-token']?.split('.')).toHaveLength(3)
    expect(fields['x-refresh-token']).toMatch(/^\S+$/)
    for (const name of ['x-userinfo', 'x-access-token']) expect(fields).not.toHaveProperty(name)
    expect(provider.count('/me')).toBe(0)
    expect(browser.received.find((field) => field.startsWith('who='))).toContain(
      '; Path=/; Domain=127.0.0.1; HttpOnly; SameSite=None; Secure',
    )
  })

  it('comes back below the path where no redirect_uri is configured', async () => {
    await update({ redirect_uri: undefined })
    const browser = new Browser()
    expect((await browser.open(`${origin}/a/b/`)).url).toBe(`${origin}/a/b/`)
    expect(browser.visited.some((url) => url.startsWith(`${origin}/a/b/.apisix/redirect?`))).toBe(true)
  })

  it('with strict cookies arrives by a page', async () => {
    await update({ session: { secret: SECRET, cookie_same_site: 'Strict' } })
    const browser = new Browser()
    const page = await browser.open(`${origin}/x?a="b&c`)
    expect(page.body).toContain(`content="0;url=/x?a=%22b&amp;c"`)
    expect(browser.received.filter((field) => field.startsWith('session=')).at(-1)).toContain('SameSite=Strict')
    expect(browser.received.find((field) => field.startsWith('session_login'))).toContain('SameSite=Lax')
  })

  it('in several windows at a time ends in each', async () => {
    await update()
    const browser = new Browser()
    const atProvider = (url: URL): boolean => url.origin === provider.url
    const windows = await Promise.all([1, 2, 3].map(() => browser.open(`${origin}/${Math.random()}`, atProvider)))
    const states = new Set(windows.map(({ url }) => new URL(url).searchParams.get('state')?.[0]))
    if (states.size === 3) for (const { url } of windows) expect((await browser.open(url)).status).toBe(200)
    for (let more = 0; more < 10; more++) await browser.open(`${origin}/`, atProvider)
    expect([...sessionCookies(browser).keys()].filter((name) => name.includes('login')).length).toBeLessThanOrEqual(4)
  })
})

describe('somebody who does not', () => {
  it('gets 401 where that is configured, or nobody would see the page', async () => {
    await update({ unauth_action: 'deny' })
    expect((await gateway.fetch('/')).headers['www-authenticate']).toBe('Bearer realm="apisix"')
    await update()
    for (const headers of [{ 'Sec-Fetch-Mode': 'cors' }, { 'X-Requested-With': 'XMLHttpRequest' }] as Record<
      string,
      string
    >[]) {
      expect((await gateway.fetch('/', { headers })).status).toBe(401)
    }
    expect((await gateway.fetch('/', { headers: { 'Sec-Fetch-Mode': 'navigate' } })).status).toBe(302)
    expect(gateway.echo.requests.filter(({ url }) => url === '/never')).toEqual([])
  })

  it('goes on where that is configured, as nobody', async () => {
    await update({ unauth_action: 'pass' })
    const headers = {
      'X-Access-Token': 'a',
      'X-ID-Token': 'b',
      'x-raw-id-token': 'c',
      'X-USERINFO': 'd',
      'X-Refresh-Token': 'e',
      Cookie: 'session=1.zzzz; other=1; session_login_2=1.x; sessionx=2',
    }
    const answer = await gateway.fetch('/', { headers })
    const fields = (answer.json() as { headers: object }).headers
    expect(answer.status).toBe(200)
    for (const name of Object.keys(headers).slice(0, 5)) expect(fields).not.toHaveProperty(name.toLowerCase())
    expect(fields).toMatchObject({ cookie: 'other=1; sessionx=2' })
  })

  it('is not sent to another host afterwards', async () => {
    await update()
    for (const path of ['//evil.example/', '/\\evil.example/', '/%09/evil.example']) {
      const browser = new Browser()
      const begun = await gateway.fetch(path)
      if (begun.status !== 302) continue
      for (const [name, value] of begun.rawHeaders) {
        if (name.toLowerCase() !== 'set-cookie') continue
        const [pair = ''] = value.split(';')
        sessionCookies(browser).set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
      }
      const back = await browser.open(begun.headers['location'] ?? '', (url) =>
        url.href.startsWith(`${origin}/signed-in`),
      )
      const arrived = await browser.request(back.url)
      expect(arrived.headers.get('location')).toMatch(/^\/(%09\/evil\.example)?$/)
    }
  })
})

describe('a sign-in', () => {
  const atCallback = (url: URL): boolean => url.href.startsWith(`${origin}/signed-in`)

  it('ends in the browser that began it, once', async () => {
    await update()
    const browser = new Browser()
    const { url } = await browser.open(`${origin}/`, atCallback)
    expect((await new Browser().request(url)).status).toBe(400)
    const login = new Map(sessionCookies(browser))
    expect((await browser.request(url)).status).toBe(302)
    // A second time: the cookie of the sign-in is gone, and the code is used up.
    expect((await browser.request(url)).status).toBe(400)
    const thief = new Browser()
    for (const [name, value] of login) sessionCookies(thief).set(name, value)
    expect((await thief.request(url)).status).toBe(401)
  })

  it.each([
    ['no state', (url: URL) => url.searchParams.delete('state')],
    ['another state', (url: URL) => url.searchParams.set('state', `0.${'x'.repeat(43)}`)],
    ['nonsense for a state', (url: URL) => url.searchParams.set('state', '9.%00')],
  ])('with %s is refused', async (_name, change) => {
    await update()
    const browser = new Browser()
    const url = new URL((await browser.open(`${origin}/`, atCallback)).url)
    change(url)
    expect((await browser.request(url.href)).status).toBe(400)
  })

  it.each([
    ['another code', (url: URL) => url.searchParams.set('code', 'x')],
    ['another issuer (mix-up)', (url: URL) => url.searchParams.set('iss', 'https://evil.example')],
    ['an error', (url: URL) => url.searchParams.set('error', 'access_denied')],
  ])('with %s is refused', async (_name, change) => {
    await update()
    const browser = new Browser()
    const url = new URL((await browser.open(`${origin}/`, atCallback)).url)
    change(url)
    expect((await browser.request(url.href)).status).toBe(401)
    expect(sessionCookies(browser).has('session')).toBe(false)
  })

  it('that took too long is refused', async () => {
    await update()
    const browser = new Browser()
    const { url } = await browser.open(`${origin}/`, atCallback)
    later(1_000)
    expect((await browser.request(url)).status).toBe(400)
  })

  it('whose ID token is of another key, or not signed, is refused', async () => {
    await update()
    const stranger = await OpenIdProvider.start({ redirectUris: ['http://a.test/'] })
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(
      JSON.stringify({ iss: provider.url, aud: 'gateway', sub: 'root', exp: 4e9, iat: 1 }),
    ).toString('base64url')}.`
    for (const token of [await stranger.sign({ iss: provider.url, aud: 'gateway', sub: 'root' }), unsigned]) {
      const browser = new Browser()
      const { url } = await browser.open(`${origin}/`, atCallback)
      provider.intercept = (request, response) => {
        if (request.url !== '/token') return false
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ access_token: 'a', token_type: 'Bearer', id_token: token }))
        return true
      }
      expect((await browser.request(url)).status).toBe(401)
      provider.intercept = () => false
    }
    await stranger.close()
  })

  it('is closed while the provider is away', async () => {
    await update({ timeout: 1 })
    const browser = new Browser()
    const { url } = await browser.open(`${origin}/`, atCallback)
    provider.intercept = (_request, response) => response.destroy() !== undefined
    expect((await browser.request(url)).status).toBe(503)
    provider.intercept = (request) => request.url === '/token'
    expect((await browser.request(url)).status).toBe(503)
  })

  it('wants claims that fit the schema', async () => {
    const claims = (name: string): object => ({
      type: 'object',
      properties: { user: { type: 'object', required: [name] } },
      required: ['user', 'access_token', 'id_token'],
    })
    await update({ claim_schema: claims('nothing') })
    expect((await new Browser().open(`${origin}/`)).status).toBe(401)
    await update({ claim_schema: claims('sub') })
    expect((await new Browser().open(`${origin}/`)).status).toBe(200)
  })

  it('without a scope that the route requires leads to 403', async () => {
    await update({ required_scopes: ['orders'] })
    const page = await new Browser().open(`${origin}/`)
    expect([page.status, page.body]).toEqual([403, expect.stringContaining('required scopes orders not present')])
    await update({ required_scopes: ['orders'], scope: 'openid orders' })
    expect((await new Browser().open(`${origin}/`)).status).toBe(200)
  })
})

describe('a session', () => {
  const signIn = async (config: object = {}): Promise<Browser> => {
    await update(config)
    const browser = new Browser()
    expect((await browser.open(`${origin}/`)).status).toBe(200)
    provider.seen.length = 0
    return browser
  }
  const status = async (browser: Browser): Promise<number> => (await browser.request(`${origin}/`)).status

  it('that was changed, shortened or sealed with another secret is none', async () => {
    const browser = await signIn()
    const jar = sessionCookies(browser)
    const good = jar.get('session') ?? ''
    for (const bad of [
      `${good.slice(0, 50)}${good[50] === 'A' ? 'B' : 'A'}${good.slice(51)}`,
      good.slice(0, -4),
      '1.',
      'x',
      '9.x',
      '',
    ]) {
      jar.set('session', bad)
      expect(await status(browser)).toBe(302)
    }
    jar.set('session', good)
    expect(await status(browser)).toBe(200)
    await update({ session: { secret: `${SECRET}x` } })
    expect(await status(browser)).toBe(302)
  })

  it('of one client opens nothing for another', async () => {
    const browser = await signIn()
    await update({ client_id: 'other' })
    expect(await status(browser)).toBe(302)
  })

  it('serves other routes with the same settings', async () => {
    const browser = await signIn()
    await update({ set_userinfo_header: false }, 'two')
    expect(await status(browser)).toBe(200)
  })

  it('ends when nobody uses it, and goes on when somebody does', async () => {
    const browser = await signIn({ session: { secret: SECRET, idling_timeout: 100 } })
    for (const step of [60, 60, 60]) {
      later(step)
      expect(await status(browser)).toBe(200)
    }
    later(101)
    expect(await status(browser)).toBe(302)
  })

  it('ends after its time whatever is done', async () => {
    const browser = await signIn({
      session: { secret: SECRET, idling_timeout: 0, rolling_timeout: 0, cookie: { lifetime: 200 } },
    })
    later(199)
    expect(await status(browser)).toBe(200)
    later(2)
    expect(await status(browser)).toBe(302)
  })

  it('that is long takes several cookies, and too long none', async () => {
    const big = (length: number): void => {
      provider.intercept = (request, response) => {
        if (request.url !== '/me') return false
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ sub: 'jack', big: 'x'.repeat(length) }))
        return true
      }
    }
    await update()
    big(6_000)
    const browser = new Browser()
    const page = await browser.open(`${origin}/`)
    expect(decoded(upstreamFields(page)['x-userinfo'])).toMatchObject({ big: expect.stringMatching(/^x{6000}$/) })
    const names = [...sessionCookies(browser).keys()]
    expect(names).toEqual(['session', 'session_1', 'session_2'])
    for (const value of sessionCookies(browser).values()) expect(value.length).toBeLessThan(3_900)
    sessionCookies(browser).delete('session_1')
    expect(await status(browser)).toBe(302)
    big(30_000)
    expect((await new Browser().open(`${origin}/`)).status).toBe(500)
  })

  const OFFLINE = {
    scope: 'openid offline_access',
    authorization_params: { prompt: 'consent' },
    set_refresh_token_header: true,
  }

  it('has its access token renewed, once for all who come', async () => {
    const browser = await signIn({ ...OFFLINE, access_token_expires_leeway: 10 })
    const before = upstreamFields(await browser.request(`${origin}/`))
    later(3_595)
    const copies = Array.from({ length: 8 }, () => {
      const copy = new Browser()
      for (const [name, value] of sessionCookies(browser)) sessionCookies(copy).set(name, value)
      return copy
    })
    await update({
      ...OFFLINE,
      access_token_expires_leeway: 10,
      session: { secret: SECRET, idling_timeout: 0, rolling_timeout: 0 },
    })
    const pages = await Promise.all(copies.map((copy) => copy.request(`${origin}/`)))
    expect(pages.map(({ status: one }) => one)).toEqual(copies.map(() => 200))
    expect(provider.count('/token')).toBe(1)
    const tokens = new Set(pages.map((page) => upstreamFields(page)['x-access-token']))
    expect([tokens.size, tokens.has(before['x-access-token'] ?? '')]).toEqual([1, false])
    expect(upstreamFields(pages[0]!)['x-refresh-token']).not.toBe(before['x-refresh-token'])
    // Whoever comes with the old cookie a moment later, and with the new one.
    expect(await status(browser)).toBe(200)
    expect(await status(copies[0]!)).toBe(200)
    expect(provider.count('/token')).toBe(1)
  })

  it('whose token is not renewed ends; 503 while nobody can say', async () => {
    const config = { ...OFFLINE, session: { secret: SECRET, idling_timeout: 0, rolling_timeout: 0 } }
    const browser = await signIn(config)
    later(3_601)
    provider.intercept = (_request, response) => response.destroy() !== undefined
    expect(await status(browser)).toBe(503)
    provider.intercept = (request, response) => {
      if (request.url !== '/token') return false
      response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}')
      return true
    }
    expect(await status(browser)).toBe(302)
  })

  it('keeps its token where that is configured', async () => {
    const browser = await signIn({
      renew_access_token_on_expiry: false,
      session: { secret: SECRET, idling_timeout: 0, rolling_timeout: 0 },
    })
    later(5_000)
    expect(await status(browser)).toBe(200)
    expect(provider.seen).toEqual([])
  })

  it('is confirmed by the provider without a window, or by a new sign-in', async () => {
    const browser = await signIn({ refresh_session_interval: 100 })
    later(101)
    expect((await browser.request(`${origin}/`, { headers: { 'Sec-Fetch-Mode': 'cors' } })).status).toBe(200)
    const page = await browser.open(`${origin}/x`)
    expect([page.status, page.url]).toEqual([200, `${origin}/x`])
    expect(provider.seen.filter(({ path }) => path === '/auth').map(({ query }) => query.get('prompt'))).toEqual([
      'none',
    ])
    later(101)
    browser.jar(provider.url).clear()
    provider.seen.length = 0
    expect((await browser.open(`${origin}/x`)).status).toBe(200)
    expect(provider.seen.filter(({ path }) => path === '/auth').map(({ query }) => query.get('prompt'))).toEqual([
      'none',
      null,
    ])
  })

  it('ends here and at the provider', async () => {
    const browser = await signIn({ post_logout_redirect_uri: `${origin}/bye`, revoke_tokens_on_logout: true })
    const page = await browser.request(`${origin}/logout`)
    const target = new URL(page.headers.get('location') ?? '')
    expect(target.href).toMatch(`${provider.url}/session/end`)
    expect(target.searchParams.get('id_token_hint')?.split('.')).toHaveLength(3)
    expect(target.searchParams.get('post_logout_redirect_uri')).toBe(`${origin}/bye`)
    expect(sessionCookies(browser).has('session')).toBe(false)
    expect(provider.count('/token/revocation')).toBe(1)
    // The provider takes what it was sent: it shows the form by which it signs people out.
    const form = await browser.request(target.href)
    expect(form.status).toBe(200)
    const action = /action="([^"]+)"/.exec(form.body)?.[1] ?? ''
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(form.body)?.[1] ?? ''
    const done = await browser.request(action, { method: 'POST', body: new URLSearchParams({ xsrf, logout: 'yes' }) })
    expect(done.headers.get('location')).toBe(`${origin}/bye`)
  })

  it('ends here when the provider is away, has no such endpoint, or says so itself', async () => {
    const browser = await signIn({ logout_path: '/off' })
    expect((await browser.request(`${origin}/off?iss=x&sid=other`)).status).toBe(200)
    expect(await status(browser)).toBe(200)
    await update({ logout_path: '/off', discovery: 'http://127.0.0.1:1/' })
    const page = await browser.request(`${origin}/off`)
    expect([page.status, page.body.trim()]).toEqual([200, '{"message":"signed out"}'])
    await update({ logout_path: '/off', discovery: 'http://127.0.0.1:1/', post_logout_redirect_uri: '/bye' })
    expect((await browser.request(`${origin}/off`)).headers.get('location')).toBe('/bye')
    expect((await browser.request(`${origin}/off?sid=x`)).headers.get('location')).toBe(null)
  })
})

it('what is not there is asked for once by many, and not again at once', async () => {
  provider.intercept = (_request, response) => response.writeHead(500).end() !== undefined
  await update({ jwk_expires_in: 61 })
  const answers = await Promise.all(Array.from({ length: 10 }, () => gateway.fetch('/')))
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503))
  expect((await gateway.fetch('/')).status).toBe(503)
  expect(provider.seen).toHaveLength(1)
})
