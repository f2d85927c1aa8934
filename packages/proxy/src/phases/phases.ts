import type { Headers, RequestHead, ResponseHead } from '@sekisho/wire'
import type { CacheUse } from '../cache/cache-use.ts'
import type { Lifetime } from '../cache/storing.ts'
import type { StoredResponse } from '../cache/stored-response.ts'
import type { Peer } from '../peers/peer.ts'
import type { ProxyError } from '../proxy-error.ts'
import type { Session } from '../session.ts'

/** A callback that has nothing to wait for returns nothing, and is not awaited. */
export type MaybePromise<T> = T | Promise<T>

/**
 * Every phase of a request, in the order in which they happen. Only `upstreamPeer` is required; a phase that is left out costs one
 * comparison.
 *
 * - To answer in place of the upstream, a phase calls `session.respond(...)`: what remains up to the upstream is skipped.
 * - A phase that throws (or rejects) ends the request: `failToProxy` may shape the answer, a 500 by default.
 * - Phases up to `responseFilter` may be asynchronous. Those that see body bytes are not, except `requestBodyFilter`.
 *
 * `Ctx` is the state of one request, made by `newContext`; what is shared by requests is an ordinary variable.
 */
export interface ProxyPhases<Ctx> {
  /** The request's own state. Runs first; of the session only what came with the request is there. Default: undefined. */
  newContext?(session: Session<Ctx>): Ctx

  /** On the second and later requests of a connection: gets what `persistConnectionContext` kept. */
  onConnectionReuse?(session: Session<Ctx>, previous: unknown): void

  /** Before anything else may reject: no access control has happened. For settings of the session. */
  earlyRequestFilter?(session: Session<Ctx>): MaybePromise<void>

  /** Authentication, limits, static answers. The usual place for `session.respond`. */
  requestFilter?(session: Session<Ctx>): MaybePromise<void>

  /** After every reason to answer locally, before an upstream is chosen. false ends the request with 502 unless it was answered. */
  proxyUpstreamFilter?(session: Session<Ctx>): MaybePromise<boolean>

  /**
   * Whether this request may be answered from a cache, and from which, by which key. After every reason to answer locally, so that a hit
   * has been through access control. Returns nothing for a request that uses none.
   */
  requestCacheFilter?(session: Session<Ctx>): CacheUse | undefined

  /** Something is stored for this request: 'fresh' uses it however old it is, 'expired' asks the upstream first, 'miss' does as if it were not there. Nothing: RFC 9111 decides. */
  cacheHitFilter?(session: Session<Ctx>, stored: StoredResponse): 'fresh' | 'expired' | 'miss' | undefined

  /** The cache fetches for itself: gives the new session's context what the one that led to it had. */
  backgroundContext?(session: Session<Ctx>, original: Ctx): void

  /** Where the request goes. Once per attempt; `session.tried` holds the nodes that failed. Throwing ends the request. */
  upstreamPeer(session: Session<Ctx>): MaybePromise<Peer>

  /**
   * No response has begun in the time that `session.hedge` set: the node that the same request goes to as well; nothing for none. Throwing
   * is the same, and logged.
   */
  hedgePeer?(session: Session<Ctx>): Peer | undefined

  /**
   * What became of a hedge: it `won` (the exchange goes on with it, `session.peer` is its peer), or it was given up or failed (`error`). A hedge
   * has also won when the attempt failed before either answered.
   */
  hedgeOver?(session: Session<Ctx>, peer: Peer, won: boolean, error: ProxyError | undefined): void

  /** A connection could not be made. Nothing was sent, so `error.retry` is true: set it to false to give up. */
  failToConnect?(session: Session<Ctx>, peer: Peer, error: ProxyError): void

  /** A connection is there, fresh or `reused` from the pool. */
  connectedToUpstream?(session: Session<Ctx>, peer: Peer, reused: boolean): void

  /** The request as this attempt will send it; a copy, so that another attempt starts from what the client sent. */
  upstreamRequestFilter?(session: Session<Ctx>, request: RequestHead): MaybePromise<void>

  /** Whether this request's body is to go through requestBodyFilter, asked once before its first byte. Default: yes, if there is one. */
  filtersRequestBody?(session: Session<Ctx>): boolean

  /**
   * Each piece of the request body on its way up, then once with `end` and no bytes. Returns the bytes to send instead, or nothing to leave
   * them. A promise holds the body back (and the client, by back-pressure) until it settles. `chunk` is valid during the call only.
   * Whoever changes the length deletes `content-length` in upstreamRequestFilter; the body then goes up chunked.
   */
  requestBodyFilter?(
    session: Session<Ctx>,
    chunk: Uint8Array,
    end: boolean,
  ): MaybePromise<Uint8Array | undefined | void>

  /** The upstream's final response head, before anything is cached. Throw a ProxyError with `retry` set to try another node. */
  upstreamResponseFilter?(session: Session<Ctx>, response: ResponseHead): MaybePromise<void>

  /** Whether a response is stored: false: no; a lifetime: yes, for so long; nothing: RFC 9111 decides. After upstreamResponseFilter. */
  responseCacheFilter?(session: Session<Ctx>, response: ResponseHead): Lifetime | false | undefined

  /** The head of every response that leaves: the upstream's, stored and local ones. */
  responseFilter?(session: Session<Ctx>, response: ResponseHead): MaybePromise<void>

  /** Whether this response's body is to go through the body filters, asked once behind its head. Default: yes, if there are any. */
  filtersResponseBody?(session: Session<Ctx>): boolean

  /** Each piece of the upstream's body, before anything is cached. Like `responseBodyFilter`. */
  upstreamResponseBodyFilter?(session: Session<Ctx>, chunk: Uint8Array, end: boolean): Uint8Array | undefined | void

  /**
   * Each piece of the body that leaves, the last one with `end` (it may be empty). Returns the bytes to send instead. `chunk` is valid during
   * the call only. Whoever changes the length deletes `content-length` in responseFilter. `session.pauseResponse(ms)` slows down.
   */
  responseBodyFilter?(session: Session<Ctx>, chunk: Uint8Array, end: boolean): Uint8Array | undefined | void

  /** The upstream's trailer fields, before anything is cached. */
  upstreamResponseTrailerFilter?(session: Session<Ctx>, trailers: Headers): void

  /** The trailer fields that leave. */
  responseTrailerFilter?(session: Session<Ctx>, trailers: Headers): void

  /**
   * The exchange failed after a connection was there. `error.retry` says whether another attempt is safe (nothing of the response
   * was sent on; the request is idempotent and still replayable, or was never sent), and may be set to false; true is
   * only obeyed where a repetition is possible at all.
   */
  errorWhileProxy?(session: Session<Ctx>, peer: Peer, error: ProxyError): void

  /** No attempt is left. May call `session.respond` with a page of its own, or change `error.status`. */
  failToProxy?(session: Session<Ctx>, error: ProxyError): void

  /** true keeps this error out of the error log. */
  suppressErrorLog?(session: Session<Ctx>, error: ProxyError): boolean

  /** What identifies the request in the error log. Default: method, host and path. */
  requestSummary?(session: Session<Ctx>): string

  /** Always runs once, when the last byte was handed over or the exchange failed: access logs, metrics. */
  logging?(session: Session<Ctx>, error: ProxyError | undefined): void

  /** What the next request on this connection gets in `onConnectionReuse`. */
  persistConnectionContext?(session: Session<Ctx>): unknown
}

/** The phases in order, for documentation and tests; the compiler checks that none is missing. */
export const PHASE_NAMES = [
  'newContext',
  'onConnectionReuse',
  'earlyRequestFilter',
  'requestFilter',
  'proxyUpstreamFilter',
  'requestCacheFilter',
  'cacheHitFilter',
  'backgroundContext',
  'upstreamPeer',
  'hedgePeer',
  'hedgeOver',
  'failToConnect',
  'connectedToUpstream',
  'upstreamRequestFilter',
  'filtersRequestBody',
  'requestBodyFilter',
  'upstreamResponseFilter',
  'responseCacheFilter',
  'responseFilter',
  'filtersResponseBody',
  'upstreamResponseBodyFilter',
  'responseBodyFilter',
  'upstreamResponseTrailerFilter',
  'responseTrailerFilter',
  'errorWhileProxy',
  'failToProxy',
  'suppressErrorLog',
  'requestSummary',
  'logging',
  'persistConnectionContext',
] as const satisfies readonly (keyof ProxyPhases<unknown>)[]

type Missing = Exclude<keyof ProxyPhases<unknown>, (typeof PHASE_NAMES)[number]>
const complete: [Missing] extends [never] ? true : Missing = true
void complete
