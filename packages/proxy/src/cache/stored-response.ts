import { Headers } from '@sekisho/wire'
import type { Lifetime } from './storing.ts'

/** Reads a large body piece by piece. */
export interface BodyReader {
  /** Bytes from `start` up to and without `end`, a copy; rejects or throws when they cannot be had. At most `PIECE_BYTES`, none over a piece's border. */
  read(start: number, end: number): Uint8Array | Promise<Uint8Array>
  close(): void
}

/** A response as it is kept, found again: what a request that hits needs is ready. Not changed once it is made. */
export interface StoredResponse extends Lifetime {
  /** Of the resource and, where it varies, of the variant. */
  readonly key: string
  readonly status: number
  readonly reason: string
  /** As they leave, but for Age and Cache-Status. */
  readonly headers: Headers
  /** Wall clock, ms. */
  readonly receivedAt: number
  readonly initialAgeMs: number
  /** When it was asked for, in the order of purges. */
  readonly sequence: number
  /** Cells of the purge table that concern it: its resource, its tags. */
  readonly cells: readonly number[]
  /** In place of a response: the field names that responses of this resource vary by, the latest first. */
  readonly variants: readonly (readonly string[])[] | undefined
  readonly bodyLength: number
  /** Small bodies, latin1; undefined: `openBody`. */
  readonly text: string | undefined
  /** undefined: it is gone by now. */
  openBody(): BodyReader | undefined
  /** Place in its store. */
  readonly slot: number
  readonly generation: number
}

/** What a store is given, and gives back but for where it keeps it. */
export type StoredMeta = Omit<StoredResponse, 'text' | 'openBody' | 'slot' | 'generation'>

/** Bodies up to here are kept in one string by the worker that found them, and leave in one write. */
export const TEXT_BYTES = 65_536
/** Of large bodies, read and checked at a time. */
export const PIECE_BYTES = 65_536

export const currentAgeMs = (stored: StoredMeta, now: number): number =>
  stored.initialAgeMs + Math.max(0, now - stored.receivedAt)

/** Fields that are not stored: of one hop, or made anew for each answer (RFC 9111 section 3.1). */
const NOT_STORED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'age',
  'cache-status',
  'content-length',
])

/** The fields to keep, with the length that the whole body has. */
export function fieldsToStore(headers: Headers, bodyLength: number, drop: readonly string[] = []): Headers {
  const kept = new Headers()
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (!NOT_STORED.has(lower) && !drop.includes(lower)) kept.appendUnchecked(name, value)
  }
  if (bodyLength >= 0) kept.appendUnchecked('Content-Length', String(bodyLength))
  return kept
}

/**
 * The stored fields with those of a 304, or of the answer to HEAD (RFC 9111 section 3.2): each name that the new head has replaces all of the old
 * ones, but for what belongs to the body as it is stored.
 */
export function freshened(stored: Headers, update: Headers): Headers {
  const merged = stored.clone()
  const seen = new Set<string>()
  for (const [name, value] of update) {
    const lower = name.toLowerCase()
    if (NOT_STORED.has(lower) || BODY_FIELDS.has(lower)) continue
    if (!seen.has(lower)) merged.delete(name)
    seen.add(lower)
    merged.appendUnchecked(name, value)
  }
  // A clone that was edited says so for good, and its length would be looked up at each hit.
  const clean = new Headers()
  for (const [name, value] of merged) clean.appendUnchecked(name, value)
  return clean
}

const BODY_FIELDS = new Set(['content-encoding', 'content-md5', 'content-range', 'content-length', 'etag'])
