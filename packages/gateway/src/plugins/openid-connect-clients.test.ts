import { generateKeyPairSync, createPublicKey } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../testing/start-gateway.ts'
import openidConnect from './openid-connect.ts'
import { Browser } from './oidc/testing/browser.ts'
import { CLIENT_SECRET, OpenIdProvider, type ProviderOptions } from './oidc/testing/openid-provider.ts'
import { openIdRoute } from './oidc/testing/openid-route.ts'
import { problemsOf } from './testing/mounted.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = (key: typeof rsa.privateKey): string => key.export({ format: 'pem', type: 'pkcs8' }).toString()
const jwk = (key: typeof rsa.publicKey, alg: string): object => ({
  ...key.export({ format: 'jwk' }),
  kid: 'mine',
  alg,
  use: 'sig',
})

let gateway: TestGateway
let origin: string
beforeAll(async () => {
  gateway = await startGateway({})
  origin = `http://127.0.0.1:${gateway.port}`
})
afterAll(() => gateway.close())

/** Signs in at a provider that wants this of its client; the status, and the provider. */
async function signIn(
  options: Partial<ProviderOptions>,
  config: object,
): Promise<{ status: number; provider: OpenIdProvider; fields: Record<string, string> }> {
  const provider = await OpenIdProvider.start({ redirectUris: [`${origin}/in`], ...options })
  try {
    await gateway.update(
      openIdRoute(provider, { redirect_uri: `${origin}/in`, session: { secret: 'x'.repeat(32) }, ...config }),
    )
    const { status, body } = await new Browser().open(`${origin}/`)
    return {
      status,
      provider,
      fields: status === 200 ? (JSON.parse(body) as { headers: Record<string, string> }).headers : {},
    }
  } finally {
    await provider.close()
  }
}

describe('the gateway shows who it is', () => {
  it.each<[string, object, object]>([
    ['client_secret_basic', {}, {}],
    ['client_secret_post', {}, {}],
    ['client_secret_jwt', { token_endpoint_auth_signing_alg: 'HS256' }, {}],
    [
      'client_secret_jwt',
      { token_endpoint_auth_signing_alg: 'HS512', client_secret: CLIENT_SECRET.repeat(2) },
      { client_jwt_assertion_alg: 'HS512', client_secret: CLIENT_SECRET.repeat(2) },
    ],
    [
      'private_key_jwt',
      { jwks: { keys: [jwk(rsa.publicKey, 'RS256')] } },
      { client_rsa_private_key: pem(rsa.privateKey), client_rsa_private_key_id: 'mine' },
    ],
    [
      'private_key_jwt',
      { jwks: { keys: [jwk(ec.publicKey, 'ES256')] }, token_endpoint_auth_signing_alg: 'ES256' },
      {
        client_rsa_private_key: pem(ec.privateKey),
        client_jwt_assertion_alg: 'ES256',
        client_jwt_assertion_expires_in: 30,
      },
    ],
    ['none', { client_secret: undefined, grant_types: ['authorization_code'] }, { client_secret: undefined }],
  ])('by %s', async (method, client, config) => {
    const options = { client: { token_endpoint_auth_method: method, ...client } }
    expect((await signIn(options, { token_endpoint_auth_method: method, ...config })).status).toBe(200)
  })

  it('and is not believed with another secret or audience', async () => {
    expect((await signIn({}, { client_secret: 'wrong' })).status).toBe(401)
    const client = { token_endpoint_auth_method: 'client_secret_jwt' }
    const config = {
      token_endpoint_auth_method: 'client_secret_jwt',
      client_jwt_assertion_audience: 'https://evil.example',
    }
    expect((await signIn({ client }, config)).status).toBe(401)
  })
})

it('sends the authorization request to the provider first', async () => {
  const features = { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true } }
  const { status, provider } = await signIn({ features }, { par: { enabled: true } })
  expect([status, provider.count('/request')]).toEqual([200, 1])
  const asked = provider.seen.find(({ path }) => path === '/auth')?.query
  expect([...(asked?.keys() ?? [])].sort()).toEqual(['client_id', 'request_uri'])
  expect((await signIn({ features }, {})).status).toBe(401)
})

it.each([
  ['ES256', ec],
  ['PS256', rsa],
] as const)('has tokens bound to a key (%s)', async (alg, { privateKey }) => {
  const features = { dPoP: { enabled: true } }
  const client = { dpop_bound_access_tokens: true }
  const dpop = {
    enabled: true,
    signing_alg: alg,
    private_key: pem(privateKey),
    public_jwk: createPublicKey(privateKey).export({ format: 'jwk' }),
  }
  const { status, fields } = await signIn({ features, client }, { dpop })
  expect(status).toBe(200)
  expect(fields['x-userinfo']).toBeDefined()
  expect((await signIn({ features, client }, {})).status).toBe(401)
})

it('without PKCE and nonce, where that is configured', async () => {
  const { provider } = await signIn({}, { use_pkce: false, use_nonce: false })
  const asked = provider.seen.find(({ path }) => path === '/auth')?.query
  expect([asked?.has('code_challenge'), asked?.has('nonce')]).toEqual([false, false])
})

describe('a configuration', () => {
  const good = {
    discovery: 'https://id/.well-known/openid-configuration',
    client_id: 'a',
    client_secret: 'b',
    session: { secret: 'x'.repeat(16) },
  }

  it('of APISIX passes', () => {
    const config = {
      ...good,
      scope: 'openid profile',
      realm: 'apisix',
      timeout: 3,
      ssl_verify: true,
      bearer_only: false,
      logout_path: '/logout',
      redirect_uri: '/cb',
      post_logout_redirect_uri: 'https://a/',
      unauth_action: 'auth',
      introspection_endpoint_auth_method: 'client_secret_post',
      introspection_interval: 0,
      cache_segment: 'x',
      accept_none_alg: false,
      accept_unsupported_alg: false,
      force_reauthorize: false,
      proxy_opts: {},
      session: { secret: 'x'.repeat(16), storage: 'cookie', cookie: { lifetime: 3600 } },
      dpop: { enabled: false },
      par: { enabled: false },
    }
    expect(problemsOf(openidConnect, config)).toEqual([])
    expect(
      problemsOf(openidConnect, { discovery: 'http://a/', client_id: 'a', bearer_only: true, use_jwks: true }),
    ).toEqual([])
  })

  it.each<[object, string]>([
    [{ client_id: undefined }, '"client_id" is missing'],
    [{ discovery: 'id.example' }, '/discovery: is not a URL'],
    [{ session: undefined }, '/session: is missing'],
    [{ session: { secret: 'short' } }, '/session/secret'],
    [{ session: { secret: 'x'.repeat(16), cookie_name: 'a b' } }, '/session/cookie_name'],
    [{ session: { secret: 'x'.repeat(16), cookie_path: '/; Domain=x' } }, '/session/cookie_path'],
    [
      { session: { secret: 'x'.repeat(16), cookie_same_site: 'None', cookie_secure: false } },
      '/session/cookie_same_site',
    ],
    [{ client_secret: undefined }, '/token_endpoint_auth_method: "client_secret_basic" needs "client_secret"'],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, 'needs "client_rsa_private_key"'],
    [{ token_endpoint_auth_method: 'private_key_jwt', client_rsa_private_key: 'x' }, 'is not a private key'],
    [
      { token_endpoint_auth_method: 'private_key_jwt', client_rsa_private_key: pem(ec.privateKey) },
      'cannot sign with RS256',
    ],
    [{ token_endpoint_auth_method: 'client_secret_jwt', client_jwt_assertion_alg: 'RS256' }, 'cannot sign with RS256'],
    [{ token_endpoint_auth_method: 'tls_client_auth' }, '/token_endpoint_auth_method'],
    [{ accept_none_alg: true }, '/accept_none_alg: would take unsigned'],
    [{ accept_unsupported_alg: true }, '/accept_unsupported_alg'],
    [{ force_reauthorize: true }, '/force_reauthorize'],
    [{ proxy_opts: { http_proxy: 'http://p' } }, '/proxy_opts/http_proxy: calls to the provider take no proxy'],
    [{ public_key: 'x' }, '/public_key: is not a public key'],
    [{ public_key: pem(rsa.privateKey) }, '/public_key: is a private key'],
    [{ token_signing_alg_values_expected: 'HS256' }, '/token_signing_alg_values_expected: HS256'],
    [{ token_signing_alg_values_expected: 'none' }, '/token_signing_alg_values_expected: none'],
    [{ redirect_uri: 'https://a/cb?x=1' }, '/redirect_uri: has a query'],
    [{ redirect_uri: '//evil' }, '/redirect_uri'],
    [{ redirect_uri: '/logout' }, '/redirect_uri: is the "logout_path"'],
    [{ post_logout_redirect_uri: '//evil' }, '/post_logout_redirect_uri'],
    [{ authorization_params: { state: 'x' } }, '/authorization_params/state: is said by the plugin'],
    [{ scope: 'profile' }, '/scope: has to hold "openid"'],
    [{ introspection_addon_headers: ['a b'] }, '/introspection_addon_headers/0'],
    [{ dpop: { enabled: true } }, '/dpop: "private_key" is missing'],
    [{ dpop: { enabled: true, private_key: pem(rsa.privateKey), public_jwk: {} } }, 'needs one of type ec'],
    [{ dpop: { enabled: true, private_key: pem(ec.privateKey), public_jwk: { d: 'x' } } }, 'has a private part'],
    [
      { dpop: { enabled: true, private_key: pem(ec.privateKey), public_jwk: rsa.publicKey.export({ format: 'jwk' }) } },
      'belongs to another key',
    ],
    [{ unknown: 1 }, 'unknown'],
  ])('is refused: case %#', (change, problem) => {
    const config = JSON.parse(JSON.stringify({ ...good, ...change })) as object
    expect(problemsOf(openidConnect, config).join('\n')).toContain(problem)
  })
})
