import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { type JWK, SignJWT, type JWTPayload } from 'jose'
import { afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'

const SECRET = 'a-secret-that-is-long-enough-for-hs512-which-wants-64-bytes-of-it'
const pairs = new Map<string, { privateKey: KeyObject; pem: string }>()

beforeAll(() => {
  const add = (name: string, { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): void =>
    void pairs.set(name, { privateKey, pem: publicKey.export({ type: 'spki', format: 'pem' }) as string })
  add('RSA', generateKeyPairSync('rsa', { modulusLength: 2_048 }))
  add('RSA-1024', generateKeyPairSync('rsa', { modulusLength: 1_024 }))
  add('ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }))
  add('ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' }))
  add('ES512', generateKeyPairSync('ec', { namedCurve: 'P-521' }))
  add('EdDSA', generateKeyPairSync('ed25519'))
})
afterEach(() => void vi.useRealTimers())

const pairOf = (algorithm: string) => pairs.get(/^[RP]S/.test(algorithm) ? 'RSA' : algorithm)!
const sign = (payload: JWTPayload, algorithm = 'HS256', key: KeyObject | Uint8Array = Buffer.from(SECRET)) =>
  new SignJWT(payload).setProtectedHeader({ alg: algorithm }).sign(key)

interface Parts {
  readonly route?: object
  readonly consumer?: object
  readonly more?: object[]
}

const document = ({ route = {}, consumer = {}, more = [] }: Parts = {}) => ({
  consumers: [{ username: 'jack', plugins: { 'jwt-auth': { key: 'jack', secret: SECRET, ...consumer } } }, ...more],
  routes: [{ uri: '/*', upstream_id: 'echo', plugins: { 'jwt-auth': route } }],
})

async function gatewayOf(written: object): Promise<TestGateway> {
  const gateway = await startGateway(written)
  onTestFinished(() => gateway.close())
  return gateway
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
const problem = async (written: object): Promise<string> =>
  startGateway(written).then(
    (gateway) => gateway.close().then(() => ''),
    (error: Error) => error.message,
  )

describe('signatures', () => {
  test('of every algorithm, by the key of the consumer', async () => {
    const algorithms = 'RS256 RS384 RS512 ES256 ES384 ES512 PS256 PS384 PS512 EdDSA'.split(' ')
    const consumers = algorithms.map((algorithm) => ({
      username: algorithm,
      plugins: { 'jwt-auth': { key: algorithm, algorithm, public_key: pairOf(algorithm).pem } },
    }))
    const symmetric = ['HS256', 'HS384', 'HS512'].map((algorithm) => ({
      username: algorithm,
      plugins: { 'jwt-auth': { key: algorithm, algorithm, secret: SECRET } },
    }))
    const gateway = await gatewayOf(document({ more: [...consumers, ...symmetric] }))
    for (const algorithm of algorithms) {
      const token = await sign({ key: algorithm }, algorithm, pairOf(algorithm).privateKey)
      expect((await gateway.fetch('/', bearer(token))).body, algorithm).toContain(
        `"x-consumer-username":"${algorithm}"`,
      )
      // Another algorithm of the same kind is another algorithm.
      const other = algorithm.startsWith('RS') ? algorithm.replace('RS', 'PS') : algorithm.replace('PS', 'RS')
      if (other === algorithm) continue
      const wrong = await sign({ key: algorithm }, other, pairOf(algorithm).privateKey)
      expect((await gateway.fetch('/', bearer(wrong))).status, other).toBe(401)
    }
    for (const algorithm of ['HS256', 'HS384', 'HS512']) {
      const token = await sign({ key: algorithm }, algorithm)
      expect((await gateway.fetch('/', bearer(token))).status, algorithm).toBe(200)
    }
  })

  test('a secret in base64, and a short one', async () => {
    const secret = Buffer.from('short').toString('base64')
    const gateway = await gatewayOf(document({ consumer: { secret, base64_secret: true } }))
    const token = await sign({ key: 'jack' }, 'HS256', Buffer.from('short'))
    expect((await gateway.fetch('/', bearer(token))).status).toBe(200)
  })

  test('that do not prove anything', async () => {
    const { pem, privateKey } = pairOf('RS256')
    const more = [
      { username: 'rsa', plugins: { 'jwt-auth': { key: 'rsa', algorithm: 'RS256', public_key: pem } } },
      { username: 'eve', plugins: { 'jwt-auth': { key: 'eve', secret: 'the-secret-of-eve-which-is-hers-alone' } } },
    ]
    const gateway = await gatewayOf(document({ more }))
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const good = await sign({ key: 'jack' })
    const [, payload, signature] = good.split('.') as [string, string, string]
    const hostile = {
      none: `${encode({ alg: 'none' })}.${payload}.`,
      'None in capitals': `${encode({ alg: 'NONE' })}.${payload}.${signature}`,
      'no algorithm': `${encode({})}.${payload}.${signature}`,
      'public key as secret': await sign({ key: 'rsa' }, 'HS256', Buffer.from(pem)),
      'key in the header': await new SignJWT({ key: 'rsa' })
        .setProtectedHeader({ alg: 'HS256', jwk: { kty: 'oct', k: 'AAAA' } as JWK })
        .sign(Buffer.from('AAAA', 'base64url')),
      'secret of another consumer': await sign(
        { key: 'jack' },
        'HS256',
        Buffer.from('the-secret-of-eve-which-is-hers-alone'),
      ),
      'key of another kind': await sign({ key: 'jack' }, 'RS256', privateKey),
      'unknown critical field': await new SignJWT({ key: 'jack' })
        .setProtectedHeader({ alg: 'HS256', crit: ['x'], x: 1 })
        .sign(Buffer.from(SECRET), { crit: { x: true } }),
      'another payload': `${good.split('.')[0]}.${encode({ key: 'jack', admin: true })}.${signature}`,
      'no signature': `${good.split('.')[0]}.${payload}.`,
      'five parts': `${good}.a.b`,
      'payload that is a list': `${good.split('.')[0]}.${encode([1])}.${signature}`,
      'key that is no text': await sign({ key: 7 }),
      'key of nobody': await sign({ key: 'nobody' }),
      'no key': await sign({ sub: 'jack' }),
      prototype: await sign({ key: '__proto__' }),
      long: `${good}${'A'.repeat(16_384)}`,
    }
    for (const [name, token] of Object.entries(hostile)) {
      // Twice: what was refused is not remembered as good.
      for (let time = 0; time < 2; time++) {
        const { status, headers } = await gateway.fetch('/', { headers: { authorization: `Bearer ${token}` } })
        expect([status, headers['www-authenticate']], name).toEqual([401, 'Bearer realm="jwt"'])
      }
    }
    expect(gateway.echo.requests).toEqual([])
    expect((await gateway.fetch('/', bearer(good))).status).toBe(200)
  })

  test('of bytes that strangers made up are refused', async () => {
    const gateway = await gatewayOf(document())
    const good = await sign({ key: 'jack' })
    const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000)
    const characters = fc.constantFrom(...'abcXYZ019-_.=/+ {}":,'.split(''))
    const changed = fc
      .tuple(fc.nat(good.length - 1), fc.string({ unit: characters, maxLength: 4 }), fc.nat(3))
      .map(([at, text, cut]) => good.slice(0, at) + text + good.slice(at + cut))
    const anything = fc.string({ unit: characters, maxLength: 80 })
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, anything), async (token) => {
        // The last character of a signature has bits that mean nothing, and jose compares bytes.
        if (sameSignature(token, good)) return
        expect((await gateway.fetch('/', bearer(token))).status).toBe(401)
      }),
      { seed, numRuns: 300 },
    )
  })
})

const sameSignature = (token: string, good: string): boolean => {
  const [head, payload, signature = '', ...more] = token.trim().split('.')
  const [goodHead, goodPayload, goodSignature = ''] = good.split('.')
  const bytes = (text: string): string => Buffer.from(text, 'base64url').toString('hex')
  return more.length === 0 && head === goodHead && payload === goodPayload && bytes(signature) === bytes(goodSignature)
}

describe('where a token is', () => {
  test('header with or without Bearer, query, cookie; hidden from the upstream on request', async () => {
    const gateway = await gatewayOf(document({ route: { hide_credentials: true } }))
    const token = await sign({ key: 'jack' })
    for (const authorization of [`Bearer ${token}`, `bearer ${token}`, `BEARER  ${token}`, token]) {
      const { status, body } = await gateway.fetch('/', { headers: { authorization } })
      expect([status, body.includes(token)]).toEqual([200, false])
    }
    const query = await gateway.fetch(`/a?x=1&jwt=${token}`)
    expect((query.json() as { url: string }).url).toBe('/a?x=1')
    const cookie = await gateway.fetch('/', { headers: { cookie: `a=1; jwt=${token}; b=2` } })
    expect((cookie.json() as { headers: { cookie: string } }).headers.cookie).toBe('a=1; b=2')
    const alone = await gateway.fetch('/', { headers: { cookie: `jwt=${token}` } })
    expect((alone.json() as { headers: object }).headers).not.toHaveProperty('cookie')
  })

  test('other names', async () => {
    const gateway = await gatewayOf(
      document({ route: { header: 'X-Token', query: 'token', cookie: 'session', key_claim_name: 'sub' } }),
    )
    const token = await sign({ sub: 'jack' })
    expect((await gateway.fetch('/', { headers: { 'x-token': token } })).status).toBe(200)
    expect((await gateway.fetch(`/?token=${token}`)).status).toBe(200)
    expect((await gateway.fetch('/', { headers: { cookie: `session=${token}` } })).status).toBe(200)
    expect((await gateway.fetch(`/?jwt=${token}`)).status).toBe(401)
    expect((await gateway.fetch('/', bearer(token))).json()).toEqual({ message: 'the request has no token' })
  })

  test('callers without one count as the anonymous consumer', async () => {
    const gateway = await gatewayOf(
      document({ route: { anonymous_consumer: 'guest', realm: 'x' }, more: [{ username: 'guest' }] }),
    )
    expect((await gateway.fetch('/')).body).toContain('"x-consumer-username":"guest"')
    expect((await gateway.fetch('/', bearer('bad'))).body).toContain('"x-consumer-username":"guest"')
  })
})

describe('times', () => {
  const NOW = 1_800_000_000
  const at = (seconds: number): void => {
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(seconds * 1_000)
  }

  test('exp and nbf count for tokens that were seen before too', async () => {
    const gateway = await gatewayOf(document({ consumer: { lifetime_grace_period: 5 } }))
    const token = bearer(await sign({ key: 'jack', nbf: NOW, exp: NOW + 60 }))
    const seen: [number, number][] = []
    for (const offset of [-6, -5, 0, 64, 65, 30]) {
      at(NOW + offset)
      seen.push([offset, (await gateway.fetch('/', token)).status])
    }
    expect(seen).toEqual([
      [-6, 401],
      [-5, 200],
      [0, 200],
      [64, 200],
      [65, 401],
      [30, 200],
    ])
    at(NOW)
    expect(
      (await gateway.fetch('/', bearer(await sign({ key: 'jack', exp: 'soon' as unknown as number })))).status,
    ).toBe(401)
  })

  test('what is checked is a choice, and what a token must have', async () => {
    at(NOW)
    const expired = bearer(await sign({ key: 'jack', exp: NOW - 60 }))
    const early = bearer(await sign({ key: 'jack', nbf: NOW + 60 }))
    const gateway = await gatewayOf(document({ route: { claims_to_verify: ['nbf'] } }))
    expect([(await gateway.fetch('/', expired)).status, (await gateway.fetch('/', early)).status]).toEqual([200, 401])
    await gateway.update(document({ route: { required_claims: ['exp'] } }))
    expect((await gateway.fetch('/', early)).status).toBe(401)
    expect((await gateway.fetch('/', bearer(await sign({ key: 'jack' })))).json()).toEqual({
      message: 'the token has no claim "exp"',
    })
  })

  test('age, issuer and audience, as the consumer says', async () => {
    at(NOW)
    const gateway = await gatewayOf(document({ consumer: { exp: 3_600, issuer: 'idp', audience: 'orders' } }))
    const status = async (payload: JWTPayload) =>
      (await gateway.fetch('/', bearer(await sign({ key: 'jack', ...payload })))).status
    const right = { iss: 'idp', aud: 'orders' }
    expect(await status(right)).toBe(200)
    expect(await status({ ...right, aud: ['x', 'orders'] })).toBe(200)
    expect(await status({ ...right, iat: NOW - 3_599 })).toBe(200)
    expect(await status({ ...right, iat: NOW - 3_600 })).toBe(401)
    expect(await status({ ...right, iss: 'other' })).toBe(401)
    expect(await status({ ...right, aud: ['x'] })).toBe(401)
    expect(await status({ iss: 'idp' })).toBe(401)
  })
})

describe('consumers', () => {
  test('that change or go take their tokens along', async () => {
    const gateway = await gatewayOf(document())
    const token = bearer(await sign({ key: 'jack' }))
    expect((await gateway.fetch('/', token)).status).toBe(200)
    await gateway.update(document({ consumer: { secret: 'another secret, thirty-two bytes long' } }))
    expect((await gateway.fetch('/', token)).status).toBe(401)
    await gateway.update(document())
    expect((await gateway.fetch('/', token)).status).toBe(200)
    await gateway.update({ ...document(), consumers: [] })
    expect((await gateway.fetch('/', token)).status).toBe(401)
  })

  test('claims for other plugins', async () => {
    const route = { store_in_ctx: true }
    const written = document({ route })
    Object.assign(written.routes[0]!.plugins, {
      'proxy-rewrite': { headers: { set: { 'X-Subject': '$jwt_claim_sub' } } },
    })
    const gateway = await gatewayOf(written)
    const { body } = await gateway.fetch('/', bearer(await sign({ key: 'jack', sub: 'u-7' })))
    expect(body).toContain('"x-subject":"u-7"')
  })

  test('whose key does not fit are refused', async () => {
    const pem = (name: string): string => pairs.get(name)!.pem
    const consumer = (fields: object) =>
      problem({ consumers: [{ username: 'j', plugins: { 'jwt-auth': { key: 'k', ...fields } } }] })
    expect(await consumer({})).toContain('"secret" is missing')
    expect(await consumer({ algorithm: 'none' })).toContain('algorithm')
    expect(await consumer({ algorithm: 'RS256' })).toContain('needs "public_key" or "jwks_uri"')
    expect(await consumer({ public_key: pem('RSA') })).toContain('has no meaning with HS256')
    expect(await consumer({ algorithm: 'RS256', public_key: pem('ES256') })).toContain('needs rsa')
    expect(await consumer({ algorithm: 'ES384', public_key: pem('ES256') })).toContain('needs secp384r1')
    expect(await consumer({ algorithm: 'RS256', public_key: pem('RSA-1024') })).toContain('1024 bits')
    expect(await consumer({ algorithm: 'RS256', public_key: 'x' })).toContain('is no public key in PEM')
    const secret = await consumer({ algorithm: 'RS256', public_key: pem('RSA'), secret: 'sesame' })
    expect(secret).toContain('remove it')
    expect(await consumer({ secret: '***', base64_secret: true })).toContain('is not base64')
    const key = pairOf('RS256').privateKey.export({ type: 'pkcs8', format: 'pem' })
    expect(await consumer({ algorithm: 'RS256', public_key: key })).toContain('is a private key')
    expect(await consumer({ algorithm: 'RS256', jwks_uri: 'ftp://x/' })).toContain('must begin with "https://"')
  })
})
