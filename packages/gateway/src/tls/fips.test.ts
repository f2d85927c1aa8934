import { createHash, getFips } from 'node:crypto'
import { expect, test } from 'vitest'
import { offersFips, useFips } from './fips.ts'

const hash = (): string => createHash('sha256').update('x').digest('hex').slice(0, 8)

// FIPS mode belongs to the process: a test that left it on would change all others.
test('asking whether there is FIPS changes nothing', () => {
  const before = getFips()
  offersFips()
  expect(getFips()).toBe(before)
  expect(hash()).toBe('2d711642')
})

test.skipIf(offersFips())('without a FIPS provider the mode is refused in words, and stays off', () => {
  expect(() => useFips()).toThrow(
    /^"fips": this Node\.js has no FIPS cryptography \(OpenSSL .*: unsupported\); install/,
  )
  expect(getFips()).toBe(0)
  expect(hash()).toBe('2d711642')
})
