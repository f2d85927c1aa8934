import { RequestHead, UNTIL_CLOSE, type Headers, type ResponseHead } from '@sekisho/wire'
import { cacheStatusName } from '../cache/cache-status.ts'
import { CacheFill } from '../cache/cache-fill.ts'
import type { CacheUse } from '../cache/cache-use.ts'
import type { FillOutcome } from '../cache/fill-locks.ts'
import type { CacheResult } from '../cache/http-cache.ts'
import { RequestDirectives } from '../cache/request-directives.ts'
import { hasValidator, initialAgeMs, type Lifetime, storable } from '../cache/storing.ts'
import { currentAgeMs, freshened, type StoredResponse } from '../cache/stored-response.ts'
import { responseTags } from '../cache/tags.ts'
import { ProxyError } from '../proxy-error.ts'
import { BackgroundStream } from './background-stream.ts'
import { Exchange, isPromise } from './exchange.ts'
import { fail } from './finish.ts'
import { localResponse } from './reply.ts'
import { answerLocally } from './response-stage.ts'
import { serveStored } from './serve-stored.ts'
import { invalidateTargets } from './invalidate-targets.ts'
import { attempt } from './upstream-stage.ts'

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PURGE'])
const CONDITIONS = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range']

/** Asked for by `requestCacheFilter`: goes on to the upstream where nobody wants a cache. */
export function enterCache<Ctx>(exchange: Exchange<Ctx>): void {
  let use: CacheUse | undefined
  try {
    use = exchange.runtime.phases.requestCacheFilter?.(exchange)
  } catch (cause) {
    fail(exchange, ProxyError.fromPhase('requestCacheFilter', cause))
    return
  }
  if (use === undefined) {
    attempt(exchange)
    return
  }
  const cached = new CachedExchange(exchange as Exchange<unknown>, use)
  exchange.cached = cached
  cached.begin()
}

/** What one request has to do with a cache. Made only for requests that use one. */
export class CachedExchange {
  readonly use: CacheUse
  /** What it came to; undefined: not known yet. */
  result: CacheResult | undefined
  private readonly exchange: Exchange<unknown>
  private readonly directives: RequestDirectives
  /** Stale, or to be asked for: what a 304 refers to, and what is left when the upstream fails. */
  private stored: StoredResponse | undefined
  /** The request that left carries the validators of `stored`. */
  private validating = false
  private holdsLock = false
  private requestedAt = 0
  private sequence = 0
  private fill: CacheFill | undefined
  private invalidates = false
  /** Why the response is not stored, for logs. */
  whyNotStored = ''
  private waits = 0

  constructor(exchange: Exchange<unknown>, use: CacheUse) {
    this.exchange = exchange
    this.use = use
    this.directives = RequestDirectives.of(exchange.request.headers, use.policy)
  }

  begin(): void {
    const { exchange, use } = this
    const { request } = exchange
    if (
      !use.policy.methods.has(request.method) ||
      request.upgrade ||
      (exchange.body !== undefined && request.method !== 'POST')
    ) {
      this.invalidates = !SAFE.has(request.method)
      this.pass('bypass')
      return
    }
    if (use.bypass === true || (this.directives.noStore && !this.directives.onlyIfCached)) {
      this.pass('bypass')
      return
    }
    this.lookUp()
  }

  private lookUp(): void {
    const { exchange, use } = this
    const found = use.cache.find(use.key, exchange.request.headers)
    if (!isPromise(found)) this.decide(found)
    else
      exchange.wait(
        found,
        'the cache',
        (_, stored) => this.decide(stored),
        () => this.decide(undefined),
      )
  }

  private decide(found: StoredResponse | undefined): void {
    const { exchange, directives, use } = this
    const now = use.cache.now()
    let stored = found
    if (stored !== undefined) {
      let asked: 'fresh' | 'expired' | 'miss' | undefined
      try {
        asked = exchange.runtime.phases.cacheHitFilter?.(exchange, stored)
      } catch (cause) {
        fail(exchange, ProxyError.fromPhase('cacheHitFilter', cause))
        return
      }
      if (asked === 'miss') stored = undefined
      else if (asked === 'fresh' || (asked !== 'expired' && directives.accept(stored, now))) {
        this.serve(stored, stored.freshMs > currentAgeMs(stored, now) ? 'hit' : 'stale', now)
        return
      }
    }
    this.stored = stored
    if (stored !== undefined && directives.acceptWhileRevalidating(stored, now)) {
      this.refresh(stored)
      this.serve(stored, 'updating', now)
      return
    }
    if (directives.onlyIfCached) {
      this.result = 'miss'
      use.cache.events.result?.('miss')
      answerLocally(exchange, localResponse(504, { error_msg: 'not in the cache, and only-if-cached was asked for' }))
      return
    }
    this.fetch(now)
  }

  /** To the upstream, once for all that want the same at a time. */
  private fetch(now: number): void {
    const { exchange, use } = this
    const { request } = exchange
    // What such a request brings back is not for others: nobody needs to wait for it.
    const alone =
      request.method !== 'GET' ||
      use.noStore === true ||
      (this.stored === undefined && hasAny(request.headers, ['range', ...CONDITIONS]))
    const lock = alone || this.waits > 1 ? false : use.cache.locks.acquire(use.key, use.policy.lockTimeoutMs, now)
    if (typeof lock === 'boolean') {
      this.holdsLock = lock
      this.pass(this.stored === undefined ? 'miss' : 'expired')
      return
    }
    use.cache.events.collapsed?.()
    exchange.wait(lock, 'the cache', (_, outcome) => {
      this.waits = outcome === 'timeout' || outcome === 'not-stored' ? 2 : 1
      this.lookUp()
    })
  }

  private pass(result: CacheResult): void {
    this.result = result
    this.use.cache.events.result?.(result)
    this.requestedAt = this.use.cache.now()
    this.sequence = this.use.cache.sequence
    attempt(this.exchange)
  }

  private serve(stored: StoredResponse, result: CacheResult, now: number): void {
    this.result = result
    this.use.cache.events.result?.(result)
    serveStored(this.exchange, this, stored, result, now)
  }

  /** Another request, that nobody waits for, fetches it anew. */
  private refresh(stored: StoredResponse): void {
    const { exchange, use } = this
    const lock = use.cache.locks.isHeld(use.key) ? false : use.cache.locks.acquire(use.key, 0, use.cache.now())
    if (lock !== true) return
    const { runtime, request } = exchange
    const copy = request.copy()
    const own = new RequestHead(
      'GET',
      copy.target,
      copy.host,
      1,
      copy.headers,
      0,
      true,
      false,
      false,
      copy.hopByHop,
      copy.byteLength,
    )
    const background = new Exchange(runtime, new BackgroundStream(exchange.downstream), own, true)
    const cached = new CachedExchange(background, use)
    background.cached = cached
    cached.stored = stored
    cached.holdsLock = true
    cached.result = 'expired'
    cached.requestedAt = use.cache.now()
    cached.sequence = use.cache.sequence
    // Not within the request that goes on: this one may fail at once.
    setImmediate(() => {
      try {
        runtime.phases.backgroundContext?.(background, exchange.ctx)
      } catch (cause) {
        fail(background, ProxyError.fromPhase('backgroundContext', cause))
        return
      }
      attempt(background)
    })
  }

  // ---- the upstream is asked ------------------------------------------------------------------

  /** The request as it goes up: with our validators in place of the client's. */
  prepare(request: RequestHead): void {
    const { stored } = this
    const { headers } = request
    this.validating = false
    if (stored !== undefined && hasValidator(stored.headers)) {
      for (const name of CONDITIONS) headers.delete(name)
      headers.delete('range')
      const etag = stored.headers.get('etag')
      const modified = stored.headers.get('last-modified')
      if (etag !== undefined) headers.set('If-None-Match', etag)
      if (modified !== undefined) headers.set('If-Modified-Since', modified)
      this.validating = true
    } else if (this.holdsLock && stored !== undefined) for (const name of [...CONDITIONS, 'range']) headers.delete(name)
  }

  /** @returns true: this head is not the answer, what is stored is */
  takes(head: ResponseHead): boolean {
    const { stored, exchange } = this
    if (stored === undefined || exchange.over) return false
    if (head.status === 304 && this.validating) {
      this.confirmed(stored, head)
      return true
    }
    if (head.status >= 500 && head.status <= 504 && head.status !== 501 && this.mayUseOnError(stored)) {
      this.end('failed')
      this.serve(stored, 'stale', this.use.cache.now())
      return true
    }
    return false
  }

  /** The exchange fails: whether what is stored is used in its place (RFC 5861 section 4). */
  takesFailure(error: ProxyError): boolean {
    const { stored } = this
    if (stored === undefined || error.source !== 'upstream' || !this.mayUseOnError(stored)) return false
    this.end('failed')
    this.serve(stored, 'stale', this.use.cache.now())
    return true
  }

  private mayUseOnError(stored: StoredResponse): boolean {
    return !this.exchange.background && this.directives.acceptOnError(stored, this.use.cache.now())
  }

  /** 304: what is stored is good, with a new head (RFC 9111 section 4.3.4). */
  private confirmed(stored: StoredResponse, head: ResponseHead): void {
    const { exchange, use } = this
    const now = use.cache.now()
    const { fresh, lifetime } = this.freshen(stored, head.headers, now)
    if (typeof lifetime === 'string') {
      if (lifetime === 'no-store' || lifetime === 'private') use.cache.delete(stored)
      this.end('not-stored')
    } else {
      // Later requests see the new head when it is there; this one has it already.
      this.settling = true
      void use.cache.update(stored, fresh).finally(() => this.end('stored'))
    }
    use.cache.events.result?.('revalidated')
    this.result = 'revalidated'
    serveStored(exchange, this, fresh, 'revalidated', now)
  }

  /** The upstream's head, before it leaves: decides whether it is stored. */
  onHead(head: ResponseHead): void {
    const { exchange, use } = this
    const { request } = exchange
    const { status } = head
    if (this.invalidates) {
      if (status < 400) invalidateTargets(exchange, use, head)
      return
    }
    if (this.result === 'bypass' && this.directives.noStore) return
    if (!use.policy.methods.has(request.method)) return
    const now = use.cache.now()
    if (request.method === 'HEAD') {
      this.freshenByHead(head, now)
      this.end('not-stored')
      this.tell(head, false)
      return
    }
    const lifetime = use.noStore === true ? 'no_cache' : this.lifetimeOf(head, now)
    if (typeof lifetime === 'string') {
      this.whyNotStored = lifetime
      // What must not be kept must not be kept from before either.
      if (this.stored !== undefined && status < 400) use.cache.delete(this.stored)
      this.end(status >= 500 ? 'failed' : 'not-stored')
      this.tell(head, false)
      return
    }
    this.fill = new CacheFill(use, head, {
      ...lifetime,
      status,
      reason: head.reason,
      receivedAt: now,
      initialAgeMs: initialAgeMs(head.headers, this.requestedAt, now),
      sequence: this.sequence,
      cells: use.cache.cellsOf(use.key, this.url, responseTags(head.headers, use.policy.tagFields)),
    })
    this.tell(head, true)
  }

  /** By which the Admin API purges, whatever the key is. */
  private get url(): string {
    const { request, secure } = this.exchange
    return `${secure ? 'https' : 'http'}://${request.host.toLowerCase()}${request.target}`
  }

  private lifetimeOf(head: ResponseHead, now: number): Lifetime | string {
    const { exchange, use } = this
    // It may have been cut, and nobody could tell.
    if (head.bodyLength === UNTIL_CLOSE && head.byteLength > 0 && exchange.peer?.resolved?.address.protocol !== 'h2')
      if (head.status !== 204 && !head.headers.has('transfer-encoding')) return 'no length'
    if (head.bodyLength > use.policy.maxBodyBytes) return 'too large'
    const asked = exchange.runtime.phases.responseCacheFilter?.(exchange, head)
    if (asked === false) return 'responseCacheFilter'
    const lifetime = storable(exchange.request, head.status, head.headers, use.policy, now)
    return typeof asked === 'object' && asked !== null ? asked : lifetime
  }

  private tell(head: ResponseHead, stored: boolean): void {
    const { name } = this.use.policy
    if (name !== undefined) {
      const result = this.result === 'bypass' ? 'fwd=bypass' : this.stored === undefined ? 'fwd=uri-miss' : 'fwd=stale'
      head.headers.append('Cache-Status', `${cacheStatusName(name)}; ${result}${stored ? '; stored' : ''}`)
    }
    if (this.use.policy.hideFreshness) hideFreshness(head.headers)
  }

  /** A piece of the body that leaves, valid during the call only. */
  onBody(chunk: Uint8Array): void {
    if (this.fill === undefined || this.fill.add(chunk)) return
    this.whyNotStored = 'too large'
    this.end('not-stored')
  }

  onText(text: string): void {
    if (this.fill !== undefined) this.onBody(Buffer.from(text, 'latin1'))
  }

  /** The body is whole. */
  onEnd(): void {
    const { fill, exchange } = this
    if (fill === undefined) return
    this.fill = undefined
    const stored = fill.store(exchange.request.headers)
    if (stored === undefined) {
      this.unlock('failed')
      return
    }
    this.settling = true
    void stored.finally(() => this.unlock('stored'))
  }

  /** Nothing (more) will be stored by this request. */
  end(outcome: FillOutcome): void {
    this.fill?.abandon()
    this.fill = undefined
    this.unlock(outcome)
  }

  /** The exchange is over. */
  over(): void {
    if (this.fill !== undefined) this.end('failed')
    else if (this.holdsLock && !this.settling) this.unlock('failed')
    this.closeReader?.()
  }

  /** What was to be served is gone by now. */
  gone(stored: StoredResponse): void {
    this.use.cache.delete(stored)
    this.stored = undefined
    this.fetch(this.use.cache.now())
  }

  /** Closes what `serveStored` reads from. */
  closeReader: (() => void) | undefined
  /** Goes on with what `serveStored` sends. */
  onDrain: (() => void) | undefined
  private settling = false

  private unlock(outcome: FillOutcome): void {
    if (!this.holdsLock) return
    this.holdsLock = false
    this.use.cache.locks.release(this.use.key, outcome, this.use.cache.now())
  }

  /** What is stored, with what the upstream says of it now (RFC 9111 section 3.2). `lifetime`: or why it may not be kept. */
  private freshen(
    stored: StoredResponse,
    told: Headers,
    now: number,
  ): { fresh: StoredResponse; lifetime: Lifetime | string } {
    const { exchange, use } = this
    const headers = freshened(stored.headers, told)
    const lifetime = storable(exchange.request, stored.status, headers, use.policy, now)
    const fresh = {
      ...stored,
      ...(typeof lifetime === 'string' ? STALE : lifetime),
      headers,
      receivedAt: now,
      initialAgeMs: initialAgeMs(told, this.requestedAt, now),
      sequence: this.sequence,
    }
    return { fresh, lifetime }
  }

  /** HEAD told of a new version, or that the old one still is it (RFC 9111 section 4.3.5). */
  private freshenByHead(head: ResponseHead, now: number): void {
    const { use, exchange } = this
    if (head.status !== 200) return
    const found = use.cache.find(use.key, exchange.request.headers)
    const update = (stored: StoredResponse | undefined): void => {
      if (stored === undefined || stored.status !== 200) return
      const told = head.headers
      const same = ['etag', 'last-modified'].every(
        (name) => !told.has(name) || told.get(name) === stored.headers.get(name),
      )
      const length = told.get('content-length')
      if (!same || (length !== undefined && Number(length) !== stored.bodyLength)) {
        use.cache.delete(stored)
        return
      }
      const { fresh, lifetime } = this.freshen(stored, told, now)
      if (typeof lifetime !== 'string') void use.cache.update(stored, fresh)
    }
    if (isPromise(found)) found.then(update, () => undefined)
    else update(found)
  }
}

/** It may be used for this request, as the upstream just said; not for another. */
const STALE: Lifetime = { freshMs: 0, alwaysAsk: true, neverStale: true, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 }

const hasAny = (headers: Headers, names: readonly string[]): boolean => names.some((name) => headers.has(name))

export function hideFreshness(headers: Headers): void {
  headers.delete('cache-control')
  headers.delete('expires')
}
