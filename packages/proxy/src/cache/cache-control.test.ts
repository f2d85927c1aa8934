import { expect, it } from 'vitest'
import { deltaSeconds, parseDirectives } from './cache-control.ts'
import { parseHttpDate } from './http-date.ts'

const of = (field: string) => Object.fromEntries(parseDirectives(field))

it.each([
  ['max-age=60, public', { 'max-age': '60', public: undefined }],
  ['MAX-AGE=60,,  Public ,', { 'max-age': '60', public: undefined }],
  ['private="set-cookie, x-a", max-age=1', { private: 'set-cookie, x-a', 'max-age': '1' }],
  ['a="x\\"y", no-store', { a: 'x"y', 'no-store': undefined }],
  ['max-age="5"', { 'max-age': '5' }],
  ['max-age =5, no-cache', { 'no-cache': undefined }],
  ['"unclosed, no-store', {}],
  ['max-age=3600, max-age=1', { 'max-age': '1' }],
  ['no-store;max-age=5', { 'no-store': undefined, 'max-age': '5' }],
])('reads %j', (field, expected) => {
  expect(of(field)).toEqual(expected)
})

it('takes a field that is too long for no-store', () => {
  expect(of('a,'.repeat(3_000))).toEqual({ 'no-store': undefined })
})

it.each([
  ['0', 0],
  ['99999999999', 2_147_483_648],
  ['-1', undefined],
  ['1.5', undefined],
  ['', undefined],
  [undefined, undefined],
])('reads %j as seconds', (value, expected) => expect(deltaSeconds(value)).toBe(expected))

it.each([
  ['Sun, 06 Nov 1994 08:49:37 GMT', 784111777000],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 784111777000],
  ['Sun Nov  6 08:49:37 1994', 784111777000],
  ['sun 6 nov 1994 8:49:37 gmt', 784111777000],
  ['Sun, 06 Nov 1994 08:49:37 UTC', undefined],
  ['Sun, 31 Feb 1994 08:49:37 GMT', undefined],
  ['Sun, 06 Nov 1994 25:49:37 GMT', undefined],
  ['0', undefined],
  ['', undefined],
])('reads the date %j', (text, expected) => expect(parseHttpDate(text, 1_700_000_000_000)).toBe(expected))

it('takes any bytes without an exception (seeded)', () => {
  const seed = Date.now() & 0xffff
  let state = seed
  const next = () => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff)
  const alphabet = 'abc=",\\ \t-;max-age123\x80\xff'
  for (let round = 0; round < 3_000; round++) {
    let field = ''
    for (let length = next() % 40; length > 0; length--) field += alphabet[next() % alphabet.length]
    expect(() => parseDirectives(field), `seed ${seed}: ${JSON.stringify(field)}`).not.toThrow()
  }
})
