/** How one use of a cache departs from RFC 9111, and what it leaves open. All have defaults. */
export interface CachePolicy {
  /** Methods that are answered from the cache. */
  readonly methods: ReadonlySet<string>
  /** Statuses that may be stored, beside what the response says; undefined: all that RFC 9111 lets a cache store. */
  readonly statuses: ReadonlySet<number> | undefined
  /** Seconds that a response without explicit freshness is fresh; 0: it is not stored for reuse without asking (no heuristics). */
  readonly defaultTtl: number
  /** Of a response with Last-Modified and without explicit freshness: this part of its age, as RFC 9111 section 4.2.2 suggests 0.1. 0 = off. */
  readonly heuristicFraction: number
  /** What the client says in Cache-Control counts. */
  readonly requestDirectives: boolean
  /** Responses with Set-Cookie are stored. RFC 9111 section 7.3 leaves it to the upstream; who forgets gives one user's session to all. */
  readonly storeSetCookie: boolean
  /** Bytes of a stored body, at most. */
  readonly maxBodyBytes: number
  /** Seconds that a stale response may be used while it is fetched anew, where the response does not say (RFC 5861). */
  readonly staleWhileRevalidate: number
  /** Seconds that it may be used when the upstream fails, where the response does not say. */
  readonly staleIfError: number
  /** How long a request waits for the same one that is on its way already, ms; 0: it does not. */
  readonly lockTimeoutMs: number
  /** Name in the Cache-Status field (RFC 9211); undefined: there is no such field. */
  readonly name: string | undefined
  /** The client is not told how long the response is fresh (Cache-Control and Expires are taken out). */
  readonly hideFreshness: boolean
  /** Fields with the tags of a response, by which it can be purged, lower case. */
  readonly tagFields: readonly string[]
}

export const DEFAULT_CACHE_POLICY: CachePolicy = {
  methods: new Set(['GET', 'HEAD']),
  statuses: undefined,
  defaultTtl: 0,
  heuristicFraction: 0,
  requestDirectives: true,
  storeSetCookie: false,
  maxBodyBytes: 67_108_864,
  staleWhileRevalidate: 0,
  staleIfError: 0,
  lockTimeoutMs: 5_000,
  name: 'Sekisho',
  hideFreshness: false,
  tagFields: ['surrogate-key', 'cache-tag'],
}
