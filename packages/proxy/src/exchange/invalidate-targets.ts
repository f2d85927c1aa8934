import type { ResponseHead } from '@sekisho/wire'
import type { CacheUse } from '../cache/cache-use.ts'
import type { Exchange } from './exchange.ts'

/** An unsafe request went well: what is stored of its target, and of what it says it made, is not right any more (RFC 9111 section 4.4). */
export function invalidateTargets(exchange: Exchange<unknown>, use: CacheUse, head: ResponseHead): void {
  const targets = [exchange.request.target]
  for (const name of ['location', 'content-location']) {
    const target = sameOrigin(head.headers.get(name), exchange)
    if (target !== undefined) targets.push(target)
  }
  const keys = new Set([use.key])
  for (const target of use.keyFor === undefined ? [] : targets) keys.add(use.keyFor?.(target) ?? use.key)
  for (const key of keys) use.cache.purgeKey(key).catch((error: unknown) => use.cache.events.failed?.(error))
}

/** Path and query of a URL of the same origin. */
function sameOrigin(reference: string | undefined, exchange: Exchange<unknown>): string | undefined {
  if (reference === undefined) return undefined
  try {
    const base = new URL(`${exchange.secure ? 'https' : 'http'}://${exchange.request.host}${exchange.request.target}`)
    const url = new URL(reference, base)
    return url.host === base.host ? url.pathname + url.search : undefined
  } catch {
    return undefined
  }
}
