import { expect, it } from 'vitest'
import { isSecretName, secretRule } from './secret-fields.ts'

const rule = secretRule('routes', { get: () => undefined, names: () => [] } as never)

it.each([
  ['plugins', 'openid-connect', 'client_secret'],
  ['plugins', 'openid-connect', 'client_rsa_private_key'],
  ['plugins', 'openid-connect', 'dpop', 'private_key'],
  ['plugins', 'openid-connect', 'session', 'secret'],
  ['plugins', 'openid-connect', 'session', 'redis', 'password'],
  ['plugins', 'forward-auth', 'extra_headers', 'Authorization'],
])('%s/%s/%s/%s is a secret', (...path) => {
  expect(rule(path.filter((name) => name !== undefined))).toBe(true)
})

it.each(['client_id', 'public_key', 'discovery', 'token_endpoint_auth_method', 'public_jwk'])('%s is none', (name) => {
  expect(isSecretName(name)).toBe(false)
})
