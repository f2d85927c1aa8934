import { expect, it } from 'vitest'
import { Findings, shortValue } from './problem.ts'
import { hasPassword, isSecretName, secretRule } from './secret-fields.ts'

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

it('problems do not show secrets', () => {
  const findings = new Findings()
  const add = (path: string, value: unknown) => findings.add({ path, value: shortValue(value), message: 'is wrong' })
  add('/consumers/0/plugins/jwe-decrypt/secret', 'hush')
  add('/consumers/0/plugins/key-auth/key', 'hush')
  add('/routes/0/plugins/csrf/key', 'hush')
  add('/routes/0/plugins/openid-connect/session', { secret: 'hush', name: 'n' })
  add('/routes/0/plugins/limit-count/key', 'remote_adr')
  expect(findings.list.map(({ value }) => value)).toEqual([
    '***',
    '***',
    '***',
    '{"secret":"***","name":"n"}',
    '"remote_adr"',
  ])
})

it.each(['https://u:p@h/', 'redis://:p@h', 'http://u:p%40@[::1]:80/a?b'])('%s has a password', (url) =>
  expect(hasPassword(url)).toBe(true),
)
it.each(['https://h/', 'https://u@h/', 'https://h/a:b@c', 'https://h:80/@', 'a: b@c', 'mailto:a@b'])(
  '%s has none',
  (url) => expect(hasPassword(url)).toBe(false),
)
