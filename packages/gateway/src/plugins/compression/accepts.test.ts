import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { accepts } from './accepts.ts'

/** That of Express. */
const Negotiator = createRequire(import.meta.url)('negotiator') as new (request: {
  headers: Record<string, string>
}) => { encodings(available: string[]): string[] }

test.each([
  [undefined, false],
  ['', false],
  ['gzip', true],
  ['GZIP', true],
  ['br, gzip', true],
  ['br,gzip;q=0.5', true],
  ['gzip;q=0', false],
  ['gzip;q=0.000', false],
  ['gzip ; q=0.001', true],
  ['*', true],
  ['*;q=0', false],
  ['gzip, *;q=0', true],
  ['gzip;q=0, *', false],
  ['*, gzip;q=0', false],
  ['identity', false],
  ['xgzip, gzipx', false],
  ['gzip;x=1;q=0', false],
])('%s: %s', (field, yes) => {
  expect(accepts(field, 'gzip')).toBe(yes)
})

test('agrees with an independent reader', () => {
  const quality = fc.constantFrom('', ';q=0', ';q=0.5', ';q=1', '; q=0.0', ';q=1.0')
  const part = fc.tuple(fc.constantFrom('gzip', 'br', 'deflate', 'identity', '*'), quality).map(([name, q]) => name + q)
  // Of a coding that is named twice nobody says which counts.
  const field = fc
    .uniqueArray(part, { maxLength: 5, selector: (one) => one.split(';')[0] })
    .map((parts) => parts.join(', '))
  fc.assert(
    fc.property(field, (text) => {
      const other = new Negotiator({ headers: { 'accept-encoding': text } }).encodings(['gzip']).includes('gzip')
      expect(accepts(text, 'gzip')).toBe(other)
    }),
  )
})
