import type { HttpCache } from './http-cache.ts'
import type { CachePolicy } from './policy.ts'

/** What `requestCacheFilter` returns for a request that may be answered from a cache. */
export interface CacheUse {
  readonly cache: HttpCache
  /**
   * What tells this resource from all others. There is no default: a key without the scheme and the host of the request gives one site's
   * pages to another's visitors. `cacheKey(session)` has them.
   */
  readonly key: string
  readonly policy: CachePolicy
  /** The key of another target (path and query) of the same site; left out, Location and Content-Location of unsafe requests invalidate nothing. */
  keyFor?(target: string): string
  /** Nothing is stored (what is there is used). */
  readonly noStore?: boolean
  /** Nothing that is stored is used (but the answer is stored). */
  readonly bypass?: boolean
}
