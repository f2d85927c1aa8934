import { expect, test } from 'vitest'
import { checkDrivers } from './check-drivers.ts'

test('says of every driver what it needs, what is there and how to get the rest', async () => {
  const found = await checkDrivers()
  expect(found.map((entry) => entry.driver)).toEqual(['process', 'sandbox', 'oci', 'microvm'])
  for (const { checks } of found) {
    expect(checks.length).toBeGreaterThan(0)
    for (const check of checks) expect(check.detail).not.toBe('')
  }
})
