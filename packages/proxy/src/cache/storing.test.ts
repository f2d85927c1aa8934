import { Headers, RequestHead } from '@sekisho/wire'
import { expect, it } from 'vitest'
import { DEFAULT_CACHE_POLICY, type CachePolicy } from './policy.ts'
import { initialAgeMs, storable } from './storing.ts'
import { currentAgeMs, type StoredMeta } from './stored-response.ts'

const NOW = Date.UTC(2026, 0, 1)
const at = (seconds: number) => new Date(NOW + seconds * 1_000).toUTCString()

function lifetime(
  response: Record<string, string>,
  {
    status = 200,
    request = {},
    policy = {},
  }: { status?: number; request?: Record<string, string>; policy?: Partial<CachePolicy> } = {},
) {
  const head = new RequestHead('GET', '/', 'a', 1, Headers.from(request), 0, true, false, false, false, 0)
  const headers = Headers.from({ date: at(0), ...response })
  const result = storable(head, status, headers, { ...DEFAULT_CACHE_POLICY, ...policy }, NOW)
  return typeof result === 'string' ? result : result.freshMs / 1_000
}

const cc = (value: string) => ({ 'cache-control': value })
const AUTH = { authorization: 'Basic eA==' }

// RFC 9111 section 3: what may be stored, and section 4.2.1: for how long it is fresh.
it.each([
  ['s-maxage over max-age', cc('max-age=1, s-maxage=9'), {}, 9],
  ['max-age over Expires', { ...cc('max-age=5'), expires: at(99) }, {}, 5],
  ['Expires', { expires: at(60) }, {}, 60],
  ['a past Expires with a validator', { expires: at(-5), etag: '"a"' }, {}, 0],
  ['an Expires that is none, with a validator', { expires: '0', etag: '"a"' }, {}, 0],
  ['two fields of Expires', { expires: 'x, y', etag: '"a"' }, {}, 0],
  ['a max-age that is none', { ...cc('max-age=a'), etag: '"a"' }, {}, 0],
  ['nothing', {}, {}, 'no freshness'],
  ['nothing, with a default', {}, { policy: { defaultTtl: 30 } }, 30],
  [
    'nothing, with a default, of a status that has none',
    {},
    { status: 500, policy: { defaultTtl: 30 } },
    'no freshness',
  ],
  ['Last-Modified, heuristics off', { 'last-modified': at(-1000) }, {}, 0],
  ['Last-Modified, heuristics on', { 'last-modified': at(-1000) }, { policy: { heuristicFraction: 0.1 } }, 100],
  ['no-store', cc('no-store, max-age=9'), {}, 'no-store'],
  ['private', cc('private, max-age=9'), {}, 'private'],
  ['private for some fields', cc('private="x-a", max-age=9'), {}, 9],
  ['no-store of the request', cc('max-age=9'), { request: cc('no-store') }, 'no-store of the request'],
  ['must-understand with a known status', cc('must-understand, no-store, max-age=9'), {}, 9],
  ['must-understand with another status', cc('must-understand, max-age=9'), { status: 299 }, 'must-understand'],
  ['Authorization', cc('max-age=9'), { request: AUTH }, 'Authorization'],
  ['Authorization and public', cc('public, max-age=9'), { request: AUTH }, 9],
  ['Authorization and s-maxage', cc('s-maxage=9'), { request: AUTH }, 9],
  ['Authorization and must-revalidate', cc('must-revalidate, max-age=9'), { request: AUTH }, 9],
  ['Vary: *', { ...cc('max-age=9'), vary: 'accept, *' }, {}, 'Vary: *'],
  ['206', cc('max-age=9'), { status: 206 }, 'status 206'],
  ['304', cc('max-age=9'), { status: 304 }, 'status 304'],
  ['Set-Cookie', { ...cc('max-age=9'), 'set-cookie': 'a=b' }, {}, 'Set-Cookie'],
  ['Set-Cookie where it is let', { ...cc('max-age=9'), 'set-cookie': 'a=b' }, { policy: { storeSetCookie: true } }, 9],
  [
    'a status that is not asked for',
    cc('max-age=9'),
    { status: 404, policy: { statuses: new Set([200]) } },
    'status 404',
  ],
  ['CDN-Cache-Control over the other', { ...cc('no-store'), 'cdn-cache-control': 'max-age=7' }, {}, 7],
  ['a CDN-Cache-Control that cannot be read', { ...cc('max-age=3'), 'cdn-cache-control': ';;' }, {}, 3],
  ['no-cache without a validator', cc('no-cache, max-age=9'), {}, 'no freshness'],
] as const)('%s', (_, response, options, expected) => {
  expect(lifetime(response as Record<string, string>, options as object)).toBe(expected)
})

// RFC 9111 section 4.2.3.
it.each([
  ['no Age, no delay', {}, 0, 0],
  ['an Age', { age: '10' }, 0, 10],
  ['an Age and a delay', { age: '10' }, 2, 12],
  ['an old Date', { date: at(-20) }, 0, 20],
  ['an old Date and a greater Age', { date: at(-20), age: '30' }, 1, 31],
  ['a Date ahead', { date: at(50) }, 0, 0],
  ['an Age that is none', { age: 'x' }, 0, 2_147_483_648],
])('an age: %s', (_, fields, delay, expected) => {
  const headers = Headers.from({ date: at(0), ...fields })
  expect(initialAgeMs(headers, NOW - delay * 1_000, NOW) / 1_000).toBe(expected)
})

it('counts the time that it is kept, and not backwards when the clock goes back', () => {
  const stored = { initialAgeMs: 5_000, receivedAt: NOW } as StoredMeta
  expect(currentAgeMs(stored, NOW + 3_000)).toBe(8_000)
  expect(currentAgeMs(stored, NOW - 3_000)).toBe(5_000)
})
