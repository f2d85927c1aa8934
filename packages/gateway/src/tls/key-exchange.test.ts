import { createSecureContext } from 'node:tls'
import { expect, test } from 'vitest'
import { keyExchangeGroups, POST_QUANTUM_GROUP } from './key-exchange.ts'

test('the post-quantum group goes first where OpenSSL has it, and is left out where it has not', () => {
  const groups = keyExchangeGroups()
  const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number)
  expect(groups?.split(':')[0]).toBe(major > 3 || (major === 3 && minor >= 5) ? POST_QUANTUM_GROUP : undefined)
  expect(() => createSecureContext({ ecdhCurve: groups ?? 'auto' })).not.toThrow()
})
