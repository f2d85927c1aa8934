import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalisePath } from '../../router/index.ts'
import {
  appendQuery,
  encodeLocation,
  encodePath,
  encodeQueryValue,
  encodeTarget,
  isLatin1Path,
} from './uri-encoding.ts'

describe('encodePath', () => {
  it.each([
    ['/a b', '/a%20b'],
    ['/a?b#c%d', '/a%3Fb%23c%25d'],
    ['/\r\n\t\0\x7f', '/%0D%0A%09%00%7F'],
    ['/"<>\\^`{|}', '/%22%3C%3E%5C%5E%60%7B%7C%7D'],
    ['/é€😀', '/%C3%A9%E2%82%AC%F0%9F%98%80'],
    ['/\ud800', '/%EF%BF%BD'],
    ["/-._~!$&'()*+,;=:@[]", "/-._~!$&'()*+,;=:@[]"],
  ])('%j', (path, expected) => {
    expect(encodePath(path)).toBe(expected)
  })

  it('keeps the bytes of a path that was not UTF-8', () => {
    expect(encodePath('/\xe9', true)).toBe('/%E9')
    expect(encodePath('/\xe9/€', true)).toBe('/%E9/%E2%82%AC')
  })

  it('undoes what normalisePath decodes, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const raw = '/' + [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
        const path = normalisePath(raw)
        fc.pre(path !== undefined)
        const encoded = encodePath(path!, isLatin1Path(path!, raw))
        expect(encoded).toMatch(/^[!$%&-;=@-~]*$/)
        expect(normalisePath(encoded)).toBe(path)
      }),
      { seed: 3, numRuns: 2_000 },
    )
  })
})

describe('encodeTarget', () => {
  it('leaves what is encoded and encodes what no target may hold', () => {
    expect(encodeTarget('/a%20b?x=1&y={}|^`')).toBe('/a%20b?x=1&y={}|^`')
    expect(encodeTarget('/a b\r\n"<>#é')).toBe('/a%20b%0D%0A%22%3C%3E%23%C3%A9')
  })
})

describe('encodeQueryValue', () => {
  it('keeps a value one value', () => {
    expect(encodeQueryValue('a&b=c d+100%#/?')).toBe('a%26b=c%20d%2B100%25%23/?')
  })
})

describe('encodeLocation', () => {
  it('encodes controls and what is not ASCII, and nothing else', () => {
    expect(encodeLocation('/a b\r\nSet-Cookie: x\0é"<>%20')).toBe('/a b%0D%0ASet-Cookie: x%00%C3%A9"<>%20')
  })
})

describe('appendQuery', () => {
  it.each([
    ['/a', '', '/a'],
    ['/a', 'x=1', '/a?x=1'],
    ['/a?y=2', 'x=1', '/a?y=2&x=1'],
  ])('%s and %s', (target, query, expected) => {
    expect(appendQuery(target, query)).toBe(expected)
  })
})

describe('isLatin1Path', () => {
  it('tells bytes that are not UTF-8 from text', () => {
    expect(isLatin1Path('/\xe9', '/%E9')).toBe(true)
    expect(isLatin1Path('/é', '/%C3%A9')).toBe(false)
    expect(isLatin1Path('/€', '/%E2%82%AC')).toBe(false)
    expect(isLatin1Path('/a', '/a')).toBe(false)
  })
})
