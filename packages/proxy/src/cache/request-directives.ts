import type { Headers } from '@sekisho/wire'
import { deltaSeconds, type Directives, parseDirectives } from './cache-control.ts'
import type { CachePolicy } from './policy.ts'
import { currentAgeMs, type StoredResponse } from './stored-response.ts'

/** What a request says of the responses it takes (RFC 9111 section 5.2.1), and which stored ones that lets through. */
export class RequestDirectives {
  private readonly directives: Directives

  private constructor(directives: Directives) {
    this.directives = directives
  }

  static of(headers: Headers, policy: CachePolicy): RequestDirectives {
    if (!policy.requestDirectives) return NONE
    const field = headers.get('cache-control')
    if (field !== undefined) return new RequestDirectives(parseDirectives(field))
    // HTTP/1.0 (section 5.4).
    const pragma = headers.get('pragma')?.toLowerCase().includes('no-cache') === true
    return pragma ? NO_CACHE : NONE
  }

  static parse(field: string | undefined): RequestDirectives {
    return new RequestDirectives(parseDirectives(field))
  }

  get noStore(): boolean {
    return this.directives.has('no-store')
  }
  get onlyIfCached(): boolean {
    return this.directives.has('only-if-cached')
  }

  /** Fresh, as the request wants it (section 4.2). */
  accept(stored: StoredResponse, now: number): boolean {
    const age = currentAgeMs(stored, now)
    const { directives } = this
    if (directives.size === 0) return !stored.alwaysAsk && stored.freshMs > age
    if (stored.alwaysAsk || directives.has('no-cache')) return false
    const maxAge = this.milliseconds('max-age')
    if (maxAge !== undefined && age > maxAge) return false
    const left = stored.freshMs - age
    const minFresh = this.milliseconds('min-fresh')
    if (minFresh !== undefined && left < minFresh) return false
    if (left > 0) return true
    if (!directives.has('max-stale') || stored.neverStale) return false
    // Without a value: however stale.
    return directives.get('max-stale') === undefined || -left <= (this.milliseconds('max-stale') ?? 0)
  }

  /** Stale, while another request fetches it anew (RFC 5861 section 3). */
  acceptWhileRevalidating(stored: StoredResponse, now: number): boolean {
    if (stored.alwaysAsk || stored.staleWhileRevalidateMs === 0 || this.directives.size > 0) return false
    return currentAgeMs(stored, now) - stored.freshMs < stored.staleWhileRevalidateMs
  }

  /** Stale, in place of an error (RFC 5861 section 4). */
  acceptOnError(stored: StoredResponse, now: number): boolean {
    if (stored.neverStale || stored.alwaysAsk) return false
    const allowed = Math.max(stored.staleIfErrorMs, this.milliseconds('stale-if-error') ?? 0)
    return allowed > 0 && currentAgeMs(stored, now) - stored.freshMs < allowed
  }

  private milliseconds(name: string): number | undefined {
    const value = deltaSeconds(this.directives.get(name))
    return value === undefined ? (this.directives.has(name) ? 0 : undefined) : value * 1_000
  }
}

const NONE = RequestDirectives.parse(undefined)
const NO_CACHE = RequestDirectives.parse('no-cache')
