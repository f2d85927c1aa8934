import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import { CLIENT_SECRET, OpenIdProvider } from './oidc/testing/openid-provider.ts'
import { openIdRoute } from './oidc/testing/openid-route.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const PEM = publicKey.export({ format: 'pem', type: 'spki' }).toString()
const now = (): number => Math.floor(Date.now() / 1_000)

let gateway: TestGateway
let provider: OpenIdProvider

beforeAll(async () => {
  gateway = await startGateway({})
  provider = await OpenIdProvider.start({ redirectUris: ['http://127.0.0.1/in'] })
})
afterAll(async () => {
  await gateway.close()
  await provider.close()
})
beforeEach(() => {
  provider.intercept = () => false
  provider.seen.length = 0
})
afterEach(() => {
  vi.useRealTimers()
})

const update = (config: object = {}): Promise<void> =>
  gateway.update(openIdRoute(provider, { bearer_only: true, ...config }))
const bring = (token: string, headers: Record<string, string> = {}) =>
  gateway.fetch('/', { headers: { Authorization: `Bearer ${token}`, ...headers } })
const statusOf = async (token: string): Promise<number> => (await bring(token)).status
const fieldsOf = (answer: { json(): unknown }): Record<string, string> =>
  (answer.json() as { headers: Record<string, string> }).headers

describe('checked with the keys of the provider', () => {
  it('a token lets in, and the upstream is told', async () => {
    await update({ use_jwks: true })
    const token = await provider.sign({ scope: 'a b', aud: 'api' })
    const answer = await bring(token, { 'X-Userinfo': 'forged', 'X-ID-Token': 'forged', 'X-Access-Token': 'forged' })
    expect(answer.status).toBe(200)
    const fields = fieldsOf(answer)
    expect(fields).toMatchObject({ 'x-access-token': token, authorization: `Bearer ${token}` })
    expect(fields).not.toHaveProperty('x-id-token')
    expect(JSON.parse(Buffer.from(fields['x-userinfo'] ?? '', 'base64').toString())).toMatchObject({
      sub: 'robot',
      scope: 'a b',
    })
    // By the other field, without another look at the keys.
    provider.seen.length = 0
    expect((await gateway.fetch('/', { headers: { 'X-Access-Token': token } })).status).toBe(200)
    expect((await gateway.fetch('/', { headers: { Authorization: `bearer  ${token}` } })).status).toBe(200)
    expect(provider.seen).toEqual([])
  })

  it('no token, or none that is one, is refused with a challenge', async () => {
    await update({ use_jwks: true, realm: 'api' })
    const nothing = await gateway.fetch('/')
    expect([nothing.status, nothing.headers['www-authenticate']]).toEqual([401, 'Bearer realm="api"'])
    for (const field of ['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a,b']) {
      const answer = await gateway.fetch('/', { headers: { Authorization: field } })
      expect(answer.headers['www-authenticate']).toContain('error="invalid_request"')
    }
    expect((await gateway.fetch('/', { headers: { Authorization: 'Basic eDp5' } })).status).toBe(401)
    const wrong = await bring('a.b.c')
    expect(wrong.headers['www-authenticate']).toBe(
      'Bearer realm="api", error="invalid_token", error_description="the token is not valid"',
    )
    expect(gateway.echo.requests.filter(({ headers }) => headers['authorization'] === 'Bearer a.b.c')).toEqual([])
  })

  it('expired, early, of another issuer or without an end: refused', async () => {
    await update({ use_jwks: true })
    for (const claims of [
      { exp: now() - 1 },
      { exp: undefined },
      { nbf: now() + 500 },
      { iat: now() + 500 },
      { iss: 'https://evil.example' },
      { iss: undefined },
    ]) {
      expect(await statusOf(await provider.sign(claims))).toBe(401)
    }
    expect(await statusOf(await provider.sign({ nbf: now() + 100 }))).toBe(200)
  })

  it('algorithms are not what the token says', async () => {
    await update({ use_jwks: true })
    const claims = { iss: provider.url, sub: 'root', exp: now() + 600 }
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const jwks = (await (await fetch(`${provider.url}/jwks`)).json()) as { keys: { n: string }[] }
    const hmac = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'k1' })
    const forged = [
      `${encode({ alg: 'none' })}.${encode(claims)}.`,
      `${encode({ alg: 'none', kid: 'k1' })}.${encode(claims)}.eA`,
      await hmac.sign(Buffer.from(CLIENT_SECRET)),
      await hmac.sign(Buffer.from(jwks.keys[0]?.n ?? '')),
      await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(privateKey),
      await new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'k1', jwk: publicKey.export({ format: 'jwk' }) as never })
        .sign(privateKey),
      await new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', jku: 'http://evil.example/', kid: 'x' })
        .sign(privateKey),
    ]
    for (const token of forged) expect(await statusOf(token)).toBe(401)
    await update({ use_jwks: true, token_signing_alg_values_expected: 'ES256' })
    expect(await statusOf(await provider.sign({}))).toBe(401)
    await update({ use_jwks: true, token_signing_alg_values_expected: 'RS256' })
    expect(await statusOf(await provider.sign({}))).toBe(200)
  })

  it('a token too long is not looked at', async () => {
    await update({ use_jwks: true })
    expect(await statusOf(await provider.sign({ big: 'x'.repeat(20_000) }))).toBe(401)
    expect(provider.seen).toEqual([])
  })

  it('scopes and audience are what the route wants', async () => {
    await update({ use_jwks: true, required_scopes: ['a', 'b'] })
    expect(await statusOf(await provider.sign({ scope: 'b c a' }))).toBe(200)
    expect(await statusOf(await provider.sign({ scope: ['a', 'b'] }))).toBe(200)
    const lacking = await bring(await provider.sign({ scope: 'a bc' }))
    expect([lacking.status, lacking.json()]).toEqual([403, { error: 'required scopes a, b not present' }])
    await update({ use_jwks: true, claim_validator: { audience: { required: true, match_with_client_id: true } } })
    for (const [aud, status] of [
      ['gateway', 200],
      [['x', 'gateway'], 200],
      ['gatewayx', 403],
      [['x'], 403],
      [undefined, 403],
    ] as const) {
      expect(await statusOf(await provider.sign({ aud: aud as string }))).toBe(status)
    }
    await update({ use_jwks: true, claim_validator: { audience: { claim: 'azp', match_with_client_id: true } } })
    expect(await statusOf(await provider.sign({}))).toBe(200)
    expect(await statusOf(await provider.sign({ azp: 'other' }))).toBe(403)
  })

  it('issuers may be listed, and claims described', async () => {
    await update({ use_jwks: true, claim_validator: { issuer: { valid_issuers: ['https://a', 'https://b'] } } })
    expect(await statusOf(await provider.sign({ iss: 'https://b' }))).toBe(200)
    expect(await statusOf(await provider.sign({}))).toBe(401)
    const schema = { properties: { user: { properties: { role: { const: 'admin' } }, required: ['role'] } } }
    await update({ use_jwks: true, claim_schema: { type: 'object', ...schema } })
    expect(await statusOf(await provider.sign({ role: 'admin' }))).toBe(200)
    expect(await statusOf(await provider.sign({ role: 'guest' }))).toBe(401)
  })

  it('503 without the provider; what was checked goes on', async () => {
    await update({ use_jwks: true, timeout: 1 })
    const token = await provider.sign({ n: 1 })
    provider.intercept = (_request, response) => response.destroy() !== undefined
    expect(await statusOf(token)).toBe(503)
    await update({ use_jwks: true, timeout: 2 })
    provider.intercept = () => false
    expect(await statusOf(token)).toBe(200)
    provider.intercept = (_request, response) => response.destroy() !== undefined
    expect(await statusOf(token)).toBe(200)
    expect(await statusOf(await provider.sign({ n: 2 }))).toBe(200)
  })

  it('each token again, where that is configured', async () => {
    await update({ use_jwks: true, jwt_verification_cache_ignore: true })
    const token = await provider.sign({})
    expect([await statusOf(token), await statusOf(token)]).toEqual([200, 200])
  })
})

describe('checked with a key of the configuration', () => {
  const sign = (claims: object): Promise<string> =>
    new SignJWT({ iss: 'https://own', exp: now() + 60, ...claims })
      .setProtectedHeader({ alg: 'PS256' })
      .sign(privateKey)

  it('a token lets in, without the provider where the issuers are listed', async () => {
    const config = { public_key: PEM, claim_validator: { issuer: { valid_issuers: ['https://own'] } } }
    await update({ ...config, set_access_token_header: false, set_userinfo_header: false })
    const answer = await bring(await sign({}))
    expect(answer.status).toBe(200)
    for (const name of ['x-access-token', 'x-userinfo']) expect(fieldsOf(answer)).not.toHaveProperty(name)
    expect(await statusOf(await provider.sign({ iss: 'https://own' }))).toBe(401)
    expect(provider.seen).toEqual([])
    await update({ ...config, token_signing_alg_values_expected: 'RS256' })
    expect(await statusOf(await sign({}))).toBe(401)
  })

  it('the public key is not a secret', async () => {
    await update({ public_key: PEM })
    const forged = new SignJWT({ iss: provider.url, exp: now() + 60 }).setProtectedHeader({ alg: 'HS256' })
    expect(await statusOf(await forged.sign(Buffer.from(PEM)))).toBe(401)
  })
})

describe('asked about at the provider', () => {
  const issue = async (): Promise<string> => {
    const response = await fetch(`${provider.url}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`gateway:${CLIENT_SECRET}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders' }),
    })
    return ((await response.json()) as { access_token: string }).access_token
  }
  const answering = (document: unknown, status = 200): void => {
    provider.intercept = ({ url }, response) => {
      if (url !== '/token/introspection') return false
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(typeof document === 'string' ? document : JSON.stringify(document))
      return true
    }
  }

  it('a token lets in, and its answer is kept', async () => {
    await update({ required_scopes: ['orders'] })
    const token = await issue()
    const answers = await Promise.all([bring(token), bring(token), bring(token)])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await statusOf(token)).toBe(200)
    expect(provider.count('/token/introspection')).toBe(1)
    expect(JSON.parse(Buffer.from(fieldsOf(answers[0]!)['x-userinfo'] ?? '', 'base64').toString())).toMatchObject({
      active: true,
      scope: 'orders',
    })
  })

  it('a token that is none is refused, each time', async () => {
    await update({
      introspection_endpoint: `${provider.url}/token/introspection`,
      introspection_endpoint_auth_method: 'client_secret_basic',
    })
    expect([await statusOf('nothing'), await statusOf('nothing')]).toEqual([401, 401])
    expect(provider.count('/token/introspection')).toBe(2)
  })

  it.each<[unknown, number, number]>([
    [{ active: 'true' }, 200, 401],
    [{}, 200, 401],
    [null, 200, 401],
    [{ active: true, exp: 1 }, 200, 401],
    ['no JSON', 200, 503],
    [{ active: true }, 500, 503],
    [{ error: 'invalid_client' }, 401, 503],
  ])('%j with %i is a %i', async (document, answered, status) => {
    await update()
    answering(document, answered)
    expect(await statusOf('t')).toBe(status)
  })

  it('for as long as configured, by the claim that is', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    await update({ introspection_interval: 10 })
    answering({ active: true, exp: now() + 600 })
    for (let request = 0; request < 3; request++) await bring('t')
    expect(provider.count('/token/introspection')).toBe(1)
    vi.setSystemTime(Date.now() + 10_000)
    await bring('t')
    expect(provider.count('/token/introspection')).toBe(2)
    await update({ introspection_expiry_claim: 'keep' })
    answering({ active: true, exp: now() + 600 })
    await bring('t')
    await bring('t')
    expect(provider.count('/token/introspection')).toBe(4)
    await update({ introspection_expiry_claim: 'keep', introspection_interval: 50 })
    answering({ active: true, keep: 30 })
    await bring('t')
    await bring('t')
    expect(provider.count('/token/introspection')).toBe(5)
  })

  it('further fields go with the question', async () => {
    await update({ introspection_addon_headers: ['X-Tenant', 'X-None'] })
    let seen: object = {}
    provider.intercept = ({ url, headers }, response) => {
      if (url !== '/token/introspection') return false
      seen = headers
      response.end('{"active":true}')
      return true
    }
    expect((await bring('t', { 'X-Tenant': 'a' })).status).toBe(200)
    expect(seen).toMatchObject({ 'x-tenant': 'a', 'content-type': 'application/x-www-form-urlencoded' })
    expect(seen).not.toHaveProperty('x-none')
  })

  it('people come in as well, where it is not for tokens alone', async () => {
    await update({
      bearer_only: false,
      introspection_endpoint: `${provider.url}/token/introspection`,
      session: { secret: 'x'.repeat(32) },
    })
    expect(await statusOf(await issue())).toBe(200)
    expect((await gateway.fetch('/')).status).toBe(302)
    expect((await gateway.fetch('/', { headers: { Authorization: 'Basic eDp5' } })).status).toBe(302)
    expect(await statusOf('nothing')).toBe(401)
  })
})
