import { ResponseHead, type Headers } from '@sekisho/wire'
import { cacheStatusName } from '../cache/cache-status.ts'
import { isNotModified, parseRange, rangeApplies } from '../cache/conditions.ts'
import type { CacheResult } from '../cache/http-cache.ts'
import { currentAgeMs, PIECE_BYTES, type StoredResponse } from '../cache/stored-response.ts'
import { ProxyError } from '../proxy-error.ts'
import { hideFreshness, type CachedExchange } from './cached-exchange.ts'
import { isPromise, type Exchange } from './exchange.ts'
import { fail } from './finish.ts'
import { relayBody, relayEnd, relayStored, relayStoredHead } from './response-stage.ts'

/** Answers with what is stored: whole, the part that was asked for, or that the client has it already. */
export function serveStored(
  exchange: Exchange<unknown>,
  cached: CachedExchange,
  stored: StoredResponse,
  result: CacheResult,
  now: number,
): void {
  const { request } = exchange
  const { policy } = cached.use
  const headers = stored.headers.clone()
  const ageMs = currentAgeMs(stored, now)
  if (policy.hideFreshness) hideFreshness(headers)
  headers.appendUnchecked('Age', String(Math.floor(ageMs / 1_000)))
  if (policy.name !== undefined)
    headers.appendUnchecked('Cache-Status', statusText(policy.name, result, stored.freshMs - ageMs))
  let { status, reason } = stored
  let start = 0
  let end = stored.bodyLength
  if (status === 200 && isConditional(request.headers)) {
    if (isNotModified(request, stored.headers)) {
      headers.delete('content-length')
      relayStored(exchange, new ResponseHead(304, '', headers, 0), '')
      return
    }
    const field = request.method === 'GET' ? request.headers.get('range') : undefined
    const range = field === undefined || !rangeApplies(request, stored.headers) ? undefined : parseRange(field, end)
    if (range === 'unsatisfiable') {
      headers.set('Content-Range', `bytes */${end}`)
      headers.set('Content-Length', '0')
      relayStored(exchange, new ResponseHead(416, '', headers, 0), '')
      return
    }
    if (range !== undefined) {
      headers.set('Content-Range', `bytes ${range.start}-${range.end - 1}/${end}`)
      headers.set('Content-Length', String(range.end - range.start))
      status = 206
      reason = ''
      ;({ start, end } = range)
    }
  }
  const head = new ResponseHead(status, reason, headers, end - start)
  const { text } = stored
  if (request.method === 'HEAD') relayStored(exchange, head, '')
  else if (text !== undefined) relayStored(exchange, head, end - start === text.length ? text : text.slice(start, end))
  else sendPieces(exchange, cached, stored, head, start, end)
}

/** One look at two words for requests without any. */
const isConditional = (headers: Headers): boolean =>
  headers.has('if-none-match') || headers.has('if-modified-since') || headers.has('range')

function statusText(name: string, result: CacheResult, leftMs: number): string {
  const left = Math.floor(leftMs / 1_000)
  const member = cacheStatusName(name)
  if (result === 'revalidated') return `${member}; fwd=stale; fwd-status=304; stored; ttl=${left}`
  return result === 'stale' || result === 'updating'
    ? `${member}; hit; ttl=${left}; detail=${result}`
    : `${member}; hit; ttl=${left}`
}

/** A large body, at the pace of the client. */
function sendPieces(
  exchange: Exchange<unknown>,
  cached: CachedExchange,
  stored: StoredResponse,
  head: ResponseHead,
  start: number,
  end: number,
): void {
  const reader = stored.openBody()
  if (reader === undefined) {
    cached.gone(stored)
    return
  }
  cached.closeReader = () => reader.close()
  let first: Uint8Array | undefined
  let at = start
  let reading = false
  const failed = (cause: unknown): void => {
    cached.use.cache.delete(stored)
    cached.use.cache.events.failed?.(cause)
    if (!exchange.over)
      fail(exchange, new ProxyError('PHASE_FAILED', 'internal', 502, 'a stored body cannot be read', { cause }))
  }
  const send = (piece: Uint8Array): void => {
    at += piece.length
    relayBody(exchange, piece)
  }
  const pump = (): void => {
    if (reading) return
    if (first !== undefined) {
      const piece = first
      first = undefined
      send(piece)
    }
    while (!exchange.over && at < end && !exchange.downstream.needsDrain) {
      let piece: Uint8Array | Promise<Uint8Array>
      try {
        piece = reader.read(at, Math.min(end, at + PIECE_BYTES))
      } catch (cause) {
        failed(cause)
        return
      }
      if (isPromise(piece)) {
        reading = true
        piece.then((bytes) => {
          reading = false
          if (exchange.over) return
          send(bytes)
          pump()
        }, failed)
        return
      }
      send(piece)
    }
    if (exchange.over || at < end) return
    cached.onDrain = undefined
    reader.close()
    relayEnd(exchange, '')
  }
  const begin = (piece: Uint8Array): void => {
    first = piece
    cached.onDrain = pump
    relayStoredHead(exchange, head, pump)
  }
  // Before the head leaves: what cannot be read is fetched.
  try {
    const piece = reader.read(at, Math.min(end, at + PIECE_BYTES))
    if (!isPromise(piece)) begin(piece)
    else
      exchange.wait(
        piece,
        'the cache',
        (_, bytes) => begin(bytes),
        () => cached.gone(stored),
      )
  } catch {
    cached.gone(stored)
  }
}
