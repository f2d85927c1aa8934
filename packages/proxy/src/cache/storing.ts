import type { Headers, RequestHead } from '@sekisho/wire'
import { deltaSeconds, type Directives, parseDirectives } from './cache-control.ts'
import { parseHttpDate } from './http-date.ts'
import type { CachePolicy } from './policy.ts'

/** How long a response may be used, in ms; what `storable` finds. */
export interface Lifetime {
  /** From its Date on. */
  readonly freshMs: number
  /** Each use asks the upstream first (`no-cache`). */
  readonly alwaysAsk: boolean
  /** Stale it is never used (`must-revalidate`, `proxy-revalidate`, `s-maxage`). */
  readonly neverStale: boolean
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
}

/** Statuses that this cache understands, and that `must-understand` lets it store (RFC 9111 section 5.2.2.3). */
const UNDERSTOOD = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 421, 451, 500, 501, 502, 503, 504,
])

/** May be stored for a heuristic time, or for a default one (RFC 9110 section 15.1). 206 is left out: parts are not stored. */
const HEURISTIC = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 451, 501])

/** Fields for gateways and not for browsers, in this order before `Cache-Control` (RFC 9213; the other one is older than that). */
const TARGETED = ['cdn-cache-control', 'surrogate-control']

/** The directives that count for a gateway. A targeted field that cannot be read counts for nothing. */
export function responseDirectives(headers: Headers): Directives {
  return targetedDirectives(headers) ?? parseDirectives(headers.get('cache-control'))
}

function targetedDirectives(headers: Headers): Directives | undefined {
  for (const name of TARGETED) {
    const field = headers.get(name)
    if (field === undefined) continue
    // A member with a target behind `;` is for another gateway than this one.
    const members = name === 'surrogate-control' ? field.split(',').filter((one) => !one.includes(';')) : [field]
    const directives = parseDirectives(members.join(','))
    if (directives.size > 0) return directives
  }
  return undefined
}

/** Fields that `no-cache` or `private` name: the rest may be stored without them (RFC 9111 sections 5.2.2.4 and 5.2.2.7). */
export function fieldsToDrop(headers: Headers): string[] {
  const directives = responseDirectives(headers)
  const named = [directives.get('no-cache'), directives.get('private')]
  return named
    .flatMap((list) => (list ?? '').split(',').map((name) => name.trim().toLowerCase()))
    .filter((name) => name !== '')
}

/**
 * Whether a response to this request may be stored (RFC 9111 section 3), and for how long it may be used; or why not, in the words of
 * the log.
 */
export function storable(
  request: RequestHead,
  status: number,
  headers: Headers,
  policy: CachePolicy,
  now: number,
): Lifetime | string {
  const directives = responseDirectives(headers)
  if (status === 206 || status === 304 || status < 200) return `status ${status}`
  const understood = UNDERSTOOD.has(status)
  if (directives.has('must-understand')) {
    if (!understood) return 'must-understand'
  } else if (directives.has('no-store')) return 'no-store'
  if (directives.has('private') && directives.get('private') === undefined) return 'private'
  if (policy.requestDirectives && parseDirectives(request.headers.get('cache-control')).has('no-store'))
    return 'no-store of the request'
  if (policy.statuses !== undefined && !policy.statuses.has(status)) return `status ${status}`
  if (!policy.storeSetCookie && headers.has('set-cookie')) return 'Set-Cookie'
  const shared = directives.has('public') || directives.has('s-maxage') || directives.has('must-revalidate')
  if (request.headers.has('authorization') && !shared) return 'Authorization'
  for (const value of headers.getAll('vary')) if (value.split(',').some((one) => one.trim() === '*')) return 'Vary: *'
  const freshMs = freshnessMs(status, headers, directives, policy, now)
  if (freshMs === undefined) return 'no freshness'
  const noCache = directives.has('no-cache') && directives.get('no-cache') === undefined
  const neverStale =
    directives.has('must-revalidate') || directives.has('proxy-revalidate') || directives.has('s-maxage')
  const whileRevalidate = neverStale
    ? 0
    : staleSeconds(directives, 'stale-while-revalidate', policy.staleWhileRevalidate)
  const ifError = neverStale ? 0 : staleSeconds(directives, 'stale-if-error', policy.staleIfError)
  // Nothing to ask the upstream with, and no time to use it in.
  if ((freshMs <= 0 || noCache) && !hasValidator(headers) && whileRevalidate + ifError === 0) return 'no freshness'
  return {
    freshMs,
    alwaysAsk: noCache,
    neverStale,
    staleWhileRevalidateMs: 1_000 * whileRevalidate,
    staleIfErrorMs: 1_000 * ifError,
  }
}

export const hasValidator = (headers: Headers): boolean => headers.has('etag') || headers.has('last-modified')

const staleSeconds = (directives: Directives, name: string, fallback: number): number =>
  directives.has(name) ? (deltaSeconds(directives.get(name)) ?? 0) : fallback

/** RFC 9111 section 4.2.1. undefined: nothing says how long, and the status is none that may be stored without. */
function freshnessMs(
  status: number,
  headers: Headers,
  directives: Directives,
  policy: CachePolicy,
  now: number,
): number | undefined {
  for (const name of ['s-maxage', 'max-age']) {
    // What is no number is stale (section 4.2.1).
    if (directives.has(name)) return 1_000 * (deltaSeconds(directives.get(name)) ?? 0)
  }
  const date = parseHttpDate(headers.get('date'), now) ?? now
  const expires = targetedDirectives(headers) === undefined ? headers.getAll('expires') : []
  if (expires.length > 0) {
    const at = expires.length === 1 ? parseHttpDate(expires[0], now) : undefined
    return at === undefined ? 0 : Math.max(0, at - date)
  }
  if (policy.defaultTtl > 0 && (policy.statuses?.has(status) ?? HEURISTIC.has(status))) return 1_000 * policy.defaultTtl
  if (!HEURISTIC.has(status) && !directives.has('public') && !directives.has('no-cache')) return undefined
  const modified = parseHttpDate(headers.get('last-modified'), now)
  if (policy.heuristicFraction > 0 && modified !== undefined)
    return Math.min(MAX_HEURISTIC_MS, Math.max(0, date - modified) * policy.heuristicFraction)
  return hasValidator(headers) ? 0 : undefined
}

/** Nobody means to have guessed for longer than that. */
const MAX_HEURISTIC_MS = 86_400_000

const MAX_AGE_SECONDS = 2_147_483_648

/** What of its age a response had when it came (RFC 9111 section 4.2.3), ms. */
export function initialAgeMs(headers: Headers, requestedAt: number, receivedAt: number): number {
  const date = parseHttpDate(headers.get('date'), receivedAt)
  const apparent = date === undefined ? 0 : Math.max(0, receivedAt - date)
  const age = headers.get('age')
  // What is no number may be any: it is taken for old.
  const told = 1_000 * (age === undefined ? 0 : (deltaSeconds(age) ?? MAX_AGE_SECONDS))
  // Seconds of Date are rounded down: less than one is no age.
  return Math.max(apparent < 1_000 ? 0 : apparent, told + (receivedAt - requestedAt))
}
