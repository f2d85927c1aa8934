import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { isToken } from '@sekisho/wire'
import { urlProblem } from '../../side-calls/service-fields.ts'
import type { ConfigProblem } from '../definition.ts'
import { ASYMMETRIC, CURVES } from '../jwt/algorithms.ts'
import { dpopProblem } from './dpop-keys.ts'
import type { AuthMethod, OidcConfig } from './schema.ts'

/** What a schema cannot say of the configuration. */
export const checkConfig = (config: OidcConfig): ConfigProblem | undefined =>
  refused(config) ??
  addresses(config) ??
  clientKeys(config) ??
  tokenKeys(config) ??
  sessions(config) ??
  parameters(config) ??
  dpopProblem(config.dpop)

/** What works nowhere, or only at the cost of what the plugin is for. */
function refused(config: OidcConfig): ConfigProblem | undefined {
  if (config.accept_none_alg) {
    return {
      path: '/accept_none_alg',
      message: 'would take unsigned ID tokens; have the provider sign them, and remove it',
    }
  }
  if (config.accept_unsupported_alg) {
    return {
      path: '/accept_unsupported_alg',
      message:
        'would take ID tokens whose signature was not checked; have the provider sign with RS256 or ES256, and remove it',
    }
  }
  if (config.force_reauthorize) {
    return {
      path: '/force_reauthorize',
      message:
        'would send each request to the provider again, without end; write "refresh_session_interval" or "authorization_params: { max_age: … }"',
    }
  }
  const proxied = Object.keys(config.proxy_opts ?? {}).find((name) => name !== 'no_proxy')
  if (proxied !== undefined) {
    return {
      path: `/proxy_opts/${proxied}`,
      message:
        'calls to the provider take no proxy; let the gateway reach it, by a host of its own that leads there, and remove it',
    }
  }
  return undefined
}

function addresses(config: OidcConfig): ConfigProblem | undefined {
  for (const name of ['discovery', 'introspection_endpoint'] as const) {
    const message = config[name] === undefined ? undefined : urlProblem(config[name])
    if (message !== undefined) return { path: `/${name}`, message }
  }
  const { redirect_uri: back, logout_path: logout, post_logout_redirect_uri: after, par } = config
  if (par?.endpoint !== undefined) {
    const message = urlProblem(par.endpoint)
    if (message !== undefined) return { path: '/par/endpoint', message }
  }
  if (back !== undefined) {
    const message = /^\/(?![/\\])/.test(back) ? undefined : urlProblem(back)
    if (message !== undefined) return { path: '/redirect_uri', message: `${message}, or as a path` }
    if (/[?#]/.test(back))
      return { path: '/redirect_uri', message: 'has a query or a fragment, which come back changed; remove it' }
    if (new URL(back, 'http://host').pathname === logout) {
      return { path: '/redirect_uri', message: 'is the "logout_path", too; choose another path' }
    }
  }
  if (after !== undefined && !/^(https?:\/\/|\/(?![/\\]))/.test(after)) {
    return { path: '/post_logout_redirect_uri', message: 'must be a URL, or a path of this host' }
  }
  return undefined
}

function clientKeys(config: OidcConfig): ConfigProblem | undefined {
  const { bearer_only: bearerOnly, public_key: key, use_jwks: jwks, par } = config
  const introspects = key === undefined && !jwks && (bearerOnly || config.introspection_endpoint !== undefined)
  const uses: [string, AuthMethod][] = []
  if (!bearerOnly) uses.push(['/token_endpoint_auth_method', config.token_endpoint_auth_method])
  if (!bearerOnly && par?.endpoint_auth_method !== undefined)
    uses.push(['/par/endpoint_auth_method', par.endpoint_auth_method])
  if (introspects) uses.push(['/introspection_endpoint_auth_method', config.introspection_endpoint_auth_method])
  for (const [path, method] of uses) {
    const message = methodProblem(method, config)
    if (message !== undefined) return { path, message }
  }
  return undefined
}

function methodProblem(method: AuthMethod, config: OidcConfig): string | undefined {
  const { client_secret: secret, client_rsa_private_key: written, client_jwt_assertion_alg: alg } = config
  if (method.startsWith('client_secret') && secret === undefined) {
    return `"${method}" needs "client_secret"; write it, or choose "private_key_jwt" or "none"`
  }
  if (method === 'client_secret_jwt' && alg !== undefined && !alg.startsWith('HS')) {
    return `"client_secret_jwt" cannot sign with ${alg}; write client_jwt_assertion_alg: HS256`
  }
  if (method !== 'private_key_jwt') return undefined
  if (written === undefined) return '"private_key_jwt" needs "client_rsa_private_key"; write the key as PEM'
  let key: KeyObject
  try {
    key = createPrivateKey(written)
  } catch {
    return '"client_rsa_private_key" is not a private key; write it as PEM'
  }
  return fits(key, alg ?? 'RS256') ? undefined : `"client_rsa_private_key" cannot sign with ${alg ?? 'RS256'}`
}

function fits(key: KeyObject, alg: string): boolean {
  if (alg.startsWith('HS')) return false
  if (!alg.startsWith('ES'))
    return alg === 'EdDSA' ? key.asymmetricKeyType === 'ed25519' : key.asymmetricKeyType === 'rsa'
  return key.asymmetricKeyDetails?.namedCurve === CURVES[alg]
}

function tokenKeys({
  public_key: written,
  token_signing_alg_values_expected: alg,
  introspection_addon_headers: addons,
}: OidcConfig): ConfigProblem | undefined {
  if (alg !== undefined && !(ASYMMETRIC as readonly string[]).includes(alg)) {
    return {
      path: '/token_signing_alg_values_expected',
      message: `${alg} is not an algorithm with a public key; write one of ${ASYMMETRIC.join(', ')}`,
    }
  }
  const wrong = addons?.findIndex((name) => !isToken(name)) ?? -1
  if (wrong >= 0) return { path: `/introspection_addon_headers/${wrong}`, message: 'is not a header name' }
  if (written === undefined) return undefined
  let key: KeyObject
  try {
    key = createPublicKey(written)
  } catch {
    return { path: '/public_key', message: 'is not a public key or a certificate; write it as PEM' }
  }
  if (written.includes('PRIVATE KEY')) return { path: '/public_key', message: 'is a private key; write the public one' }
  return alg === undefined || fits(key, alg) ? undefined : { path: '/public_key', message: `is no key for ${alg}` }
}

function sessions({ bearer_only: bearerOnly, session }: OidcConfig): ConfigProblem | undefined {
  if (bearerOnly) return undefined
  if (session === undefined) {
    return {
      path: '/session',
      message:
        'is missing: people who sign in need a session; write "session: { secret: … }", or "bearer_only: true" where nobody does',
    }
  }
  const { redis } = session
  if (session.storage === 'redis') {
    if (redis === undefined) return { path: '/session', message: 'has no "redis"; write "redis: { host: … }"' }
    if (redis.server_name !== undefined && redis.server_name !== redis.host) {
      return {
        path: '/session/redis/server_name',
        message: 'has to be "host", whose name is verified; write the name there',
      }
    }
  } else if (redis !== undefined) {
    return {
      path: '/session/redis',
      message: 'has no effect with "storage: cookie"; write "storage: redis", or remove it',
    }
  }
  if (session.cookie_same_site === 'None' && session.cookie_secure === false) {
    return { path: '/session/cookie_same_site', message: 'browsers take "None" with "cookie_secure: true" alone' }
  }
  return undefined
}

/** What the plugin itself says to the provider. */
const OWN = new Set([
  'client_id',
  'client_secret',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'request',
  'request_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
])

function parameters({ authorization_params: given, scope }: OidcConfig): ConfigProblem | undefined {
  const own = Object.keys(given ?? {}).find((name) => OWN.has(name))
  if (own !== undefined)
    return { path: `/authorization_params/${own}`, message: 'is said by the plugin itself; remove it' }
  return scope.split(' ').includes('openid')
    ? undefined
    : { path: '/scope', message: 'has to hold "openid", or there is no ID token' }
}
