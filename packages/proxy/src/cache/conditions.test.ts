import { Headers, RequestHead } from '@sekisho/wire'
import { expect, it } from 'vitest'
import { isNotModified, parseRange, rangeApplies } from './conditions.ts'
import { variantKey, varyNames } from './vary.ts'

const request = (fields: Record<string, string>) =>
  new RequestHead('GET', '/', 'a', 1, Headers.from(fields), 0, true, false, false, false, 0)
const DATE = 'Sun, 06 Nov 1994 08:49:37 GMT'
const LATER = 'Mon, 07 Nov 1994 08:49:37 GMT'

it.each([
  [{ 'if-none-match': '"a"' }, { etag: '"a"' }, true],
  [{ 'if-none-match': 'W/"a"' }, { etag: '"a"' }, true],
  [{ 'if-none-match': '"b", W/"a"' }, { etag: 'W/"a"' }, true],
  [{ 'if-none-match': '"b"' }, { etag: '"a"' }, false],
  [{ 'if-none-match': '*' }, {}, true],
  [{ 'if-none-match': '"b"', 'if-modified-since': LATER }, { etag: '"a"', 'last-modified': DATE }, false],
  [{ 'if-modified-since': DATE }, { 'last-modified': DATE }, true],
  [{ 'if-modified-since': LATER }, { 'last-modified': DATE }, true],
  [{ 'if-modified-since': DATE }, { 'last-modified': LATER }, false],
  [{ 'if-modified-since': 'never' }, { 'last-modified': DATE }, false],
  [{}, { etag: '"a"' }, false],
])('%j against %j', (fields, stored, expected) => {
  expect(isNotModified(request(fields as Record<string, string>), Headers.from(stored as Record<string, string>))).toBe(
    expected,
  )
})

it.each([
  ['bytes=0-4', { start: 0, end: 5 }],
  ['bytes=5-', { start: 5, end: 10 }],
  ['bytes=-3', { start: 7, end: 10 }],
  ['bytes=-30', { start: 0, end: 10 }],
  ['bytes=8-99', { start: 8, end: 10 }],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=4-2', undefined],
  ['bytes=-', undefined],
  ['bytes=0-1,3-4', undefined],
  ['lines=0-4', undefined],
])('%s of ten bytes', (field, expected) => expect(parseRange(field, 10)).toEqual(expected))

it.each([
  [{}, {}, true],
  [{ 'if-range': '"a"' }, { etag: '"a"' }, true],
  [{ 'if-range': 'W/"a"' }, { etag: 'W/"a"' }, false],
  [{ 'if-range': '"b"' }, { etag: '"a"' }, false],
  [{ 'if-range': DATE }, { 'last-modified': DATE }, true],
  [{ 'if-range': LATER }, { 'last-modified': DATE }, false],
])('If-Range %j against %j', (fields, stored, expected) => {
  expect(rangeApplies(request(fields as Record<string, string>), Headers.from(stored as Record<string, string>))).toBe(
    expected,
  )
})

it('makes the same variant of what says the same', () => {
  const names = varyNames(Headers.from({ vary: 'Accept-Encoding, X-A , x-a' })) ?? []
  expect(names).toEqual(['accept-encoding', 'x-a'])
  const key = (fields: Record<string, string>) => variantKey(names, Headers.from(fields))
  expect(key({ 'accept-encoding': 'gzip ,  BR' })).toBe(key({ 'Accept-Encoding': 'gzip,br' }))
  expect(key({ 'x-a': '' })).not.toBe(key({}))
  expect(key({ 'x-a': 'A' })).not.toBe(key({ 'x-a': 'a' }))
})
