import { expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed, SeededRandom } from '../../../../wire/src/testing/seeded-random.ts'
import { CookieJar, sortCookies } from './cookies.ts'
import type { SessionConfig } from './session-schema.ts'

const isOwn = (suffix: string): boolean => /^(_\d)?$/.test(suffix)
const sort = (field: string) => {
  const sorted = sortCookies(field, 's', isOwn)
  return sorted && [Object.fromEntries(sorted.own), sorted.rest]
}

it.each<[string, unknown]>([
  ['a=1; b=2', undefined],
  ['s=1', [{ s: '1' }, '']],
  ['a=1; s=2; b=3', [{ s: '2' }, 'a=1; b=3']],
  ['s=2;s_1=3, s_2=4;  sx=5', [{ s: '2', s_1: '3', s_2: '4' }, 'sx=5']],
  ['s=1; s=2', [{ s: '1' }, '']],
  ['s; s=1;; ;=x', [{ s: '1' }, 's; =x']],
  ['s=a=b', [{ s: 'a=b' }, '']],
  ['xs=1; as=2; s', undefined],
])('%s', (field, expected) => {
  expect(sort(field)).toEqual(expected)
})

it(`any field (seed ${fuzzSeed(3)})`, () => {
  const random = new SeededRandom(fuzzSeed(3))
  for (let run = 0; run < fuzzRuns(5_000); run++) {
    const field = Array.from({ length: random.below(30) }, () =>
      random.pick(['s', '=', ';', ',', ' ', '_', '1', 'x', 's_1=']),
    ).join('')
    const sorted = sortCookies(field, 's', isOwn)
    // What is left has none of ours any more.
    if (sorted !== undefined) expect(sortCookies(sorted.rest, 's', isOwn)).toBeUndefined()
  }
})

it('writes long values in chunks, reads them, and takes away what is too much', () => {
  const jar = new CookieJar({
    cookie_name: 's',
    cookie_path: '/',
    cookie_http_only: true,
    cookie_same_site: 'Lax',
  } as SessionConfig)
  const value = Array.from({ length: 9_000 }, (_, at) => String(at % 10)).join('')
  const fields = jar.write(value, true, new Map([['s_4', 'old']]))
  expect(fields.map((field) => field.slice(0, 6))).toEqual(
    ['s=3.01', 's_1=01', 's_2=01', 's_4=; '].map((text) => expect.stringContaining(text.slice(0, 3))),
  )
  for (const field of fields) expect(field).toContain('; Path=/; HttpOnly; SameSite=Lax; Secure')
  expect(fields[3]).toContain('Max-Age=0')
  const cookies = new Map(
    fields.slice(0, 3).map((field) => field.slice(0, field.indexOf(';')).split('=') as [string, string]),
  )
  expect(jar.read(cookies)).toBe(value)
  cookies.delete('s_2')
  expect(jar.read(cookies)).toBeUndefined()
})
