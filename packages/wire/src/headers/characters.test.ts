import { expect, it } from 'vitest'
import { AUTHORITY, FIELD_VALUE, isFieldValue, isToken, TARGET, TOKEN, trimOws } from './characters.ts'

const allowed = (table: Uint8Array): string =>
  Array.from(table, (one, code) => (one === 1 ? String.fromCharCode(code) : '')).join('')
const codes = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, at) => String.fromCharCode(from + at)).join('')
const sorted = (text: string): string => [...text].toSorted().join('')
const LETTERS_AND_DIGITS = codes(0x30, 0x39) + codes(0x41, 0x5a) + codes(0x61, 0x7a)

it('tokens are what RFC 9110 section 5.6.2 says', () => {
  expect(allowed(TOKEN)).toBe(sorted(`!#$%&'*+-.^_\`|~${LETTERS_AND_DIGITS}`))
  for (let code = 0; code < 256; code++) expect(isToken(String.fromCharCode(code))).toBe(TOKEN[code] === 1)
  expect(isToken('')).toBe(false)
})

it('field values have no control but the tab', () => {
  expect(allowed(FIELD_VALUE)).toBe(`\t${codes(0x20, 0x7e)}${codes(0x80, 0xff)}`)
  for (let code = 0; code < 256; code++) expect(isFieldValue(String.fromCharCode(code))).toBe(FIELD_VALUE[code] === 1)
  expect(isFieldValue('')).toBe(true)
})

it('targets are visible ASCII without what must be percent-encoded', () => {
  expect(allowed(TARGET)).toBe([...codes(0x21, 0x7e)].filter((one) => !'"<>#'.includes(one)).join(''))
})

it('only spaces and tabs are white space', () => {
  expect(trimOws(' \t a b\t ')).toBe('a b')
  for (const other of ['\xa0', '\x0b', '\x0c', '\x85']) expect(trimOws(`${other}a${other}`)).toBe(`${other}a${other}`)
  expect(trimOws('')).toBe('')
})

it('an authority has neither path nor user', () => {
  expect(allowed(AUTHORITY)).toBe(sorted(`-._~%!$&'()*+,;=:[]${LETTERS_AND_DIGITS}`))
})
