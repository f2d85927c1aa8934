import type { Headers, RequestHead } from '@sekisho/wire'
import { parseHttpDate } from './http-date.ts'

/** The client has this response already (RFC 9110 section 13.2.2, for GET and HEAD): it is told so with 304. */
export function isNotModified(request: RequestHead, stored: Headers): boolean {
  const { headers } = request
  const ifNoneMatch = headers.get('if-none-match')
  if (ifNoneMatch !== undefined) return matchesAny(ifNoneMatch, stored.get('etag'))
  const since = parseHttpDate(headers.get('if-modified-since'))
  if (since === undefined) return false
  const modified = parseHttpDate(stored.get('last-modified')) ?? parseHttpDate(stored.get('date'))
  return modified !== undefined && modified <= since
}

/** Weak comparison (section 8.8.3.2). */
function matchesAny(list: string, etag: string | undefined): boolean {
  if (list.trim() === '*') return true
  if (etag === undefined) return false
  const wanted = opaque(etag)
  for (const [tag] of list.matchAll(ENTITY_TAG)) if (opaque(tag) === wanted) return true
  // Tags without quotes are against the grammar, and common.
  return list.split(',').some((one) => opaque(one.trim()) === wanted)
}

const ENTITY_TAG = /(?:W\/)?"[^"]*"/g
const opaque = (tag: string): string => (tag.startsWith('W/') ? tag.slice(2) : tag)

/** Whether a range may be taken of what is stored: If-Range names it, by strong comparison (section 13.1.5). */
export function rangeApplies(request: RequestHead, stored: Headers): boolean {
  const condition = request.headers.get('if-range')
  if (condition === undefined) return true
  if (condition.startsWith('"')) return condition === stored.get('etag')
  if (condition.startsWith('W/')) return false
  const date = parseHttpDate(condition)
  return date !== undefined && stored.get('last-modified') === condition
}

/** Bytes from `start` up to and without `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * One range of `length` bytes (RFC 9110 section 14.1.2). undefined: the field is to be ignored (it asks for several, or is no range);
 * `'unsatisfiable'`: nothing of what it asks for is there.
 */
export function parseRange(field: string, length: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(field)
  if (match === null) return undefined
  const [, first, last] = match
  if (first === '') {
    if (last === '') return undefined
    const suffix = Number(last)
    if (suffix === 0 || length === 0) return 'unsatisfiable'
    return { start: Math.max(0, length - suffix), end: length }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= length) return 'unsatisfiable'
  return { start, end: last === '' ? length : Math.min(length, Number(last) + 1) }
}
