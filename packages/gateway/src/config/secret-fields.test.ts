import { describe, expect, test } from 'vitest'
import type { PluginDefinition } from '../plugins/definition.ts'
import type { ResourceKind } from '../resources/kind-names.ts'
import { secretRule } from './secret-fields.ts'

const auth = { type: 'auth' } as PluginDefinition
const plugins = {
  get: (name: string) => (name.endsWith('-auth') || name === 'jwe-decrypt' ? auth : undefined),
  names: () => [],
}
const isSecret = (kind: ResourceKind, path: string): boolean => secretRule(kind, plugins)(path.split('/'))

describe('secrets of plugins are told by their names', () => {
  test.each([
    ['consumers', 'plugins/jwt-auth/key', true],
    ['consumers', 'plugins/jwt-auth/secret', true],
    ['consumers', 'plugins/jwt-auth/public_key', false],
    ['consumers', 'plugins/jwt-auth/jwks_uri', false],
    ['consumers', 'credentials/c1/plugins/jwt-auth/secret', true],
    ['consumers', 'plugins/hmac-auth/secret_key', true],
    ['consumers', 'plugins/hmac-auth/key_id', false],
    ['consumers', 'plugins/jwe-decrypt/key', true],
    ['consumers', 'plugins/jwe-decrypt/secret', true],
    ['routes', 'plugins/csrf/key', true],
    ['global_rules', 'plugins/csrf/key', true],
    ['routes', 'plugins/csrf/name', false],
    ['routes', 'plugins/limit-count/key', false],
    ['routes', 'plugins/jwt-auth/key_claim_name', false],
  ] as const)('%s %s: %s', (kind, path, secret) => {
    expect(isSecret(kind, path)).toBe(secret)
  })
})
