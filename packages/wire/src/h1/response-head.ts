import { FIELD_VALUE } from '../headers/characters.ts'
import { Headers } from '../headers/headers.ts'
import type { H1Limits } from '../limits.ts'
import { CONNECTION_CLOSE, CONNECTION_KEEP_ALIVE, FieldScan, HOP_BY_HOP } from './field-scan.ts'
import { refusal, type Refusal } from '../streams/refusal.ts'
import { CHUNKED } from './request-head.ts'

/** A response body that ends where the connection ends. */
export const UNTIL_CLOSE = -3

/** The head of one response. */
export class ResponseHead {
  status: number
  reason: string
  readonly headers: Headers
  /** Bytes of the body as the head tells them, before HEAD, 204 and 304 are thought of: a length, `CHUNKED` or `UNTIL_CLOSE`. */
  readonly bodyLength: number
  /** Whoever sent it keeps the connection open. */
  readonly keepAlive: boolean
  /** Fields of one hop must be taken out before forwarding. */
  readonly hopByHop: boolean
  /** Bytes of the head on the wire; 0 for a head of our own. */
  readonly byteLength: number

  constructor(
    status: number,
    reason: string,
    headers: Headers,
    bodyLength = UNTIL_CLOSE,
    keepAlive = true,
    hopByHop = false,
    byteLength = 0,
  ) {
    this.status = status
    this.reason = reason
    this.headers = headers
    this.bodyLength = bodyLength
    this.keepAlive = keepAlive
    this.hopByHop = hopByHop
    this.byteLength = byteLength
  }
}

const scanner = new FieldScan()

/** Parses `text[start, end)` with the strictness of `parseRequestHead`: status line, fields, empty line. */
export function parseResponseHead(text: string, start: number, end: number, limits: H1Limits): ResponseHead | Refusal {
  const minorVersion = text.charCodeAt(start + 7) - 48
  const status = statusCode(text, start + 9)
  if (!text.startsWith('HTTP/1.', start) || (minorVersion !== 1 && minorVersion !== 0)) return refusal('STATUS_LINE')
  if (text.charCodeAt(start + 8) !== 0x20 || status < 100) return refusal('STATUS_LINE')
  let at = start + 12
  let reason = ''
  if (text.charCodeAt(at) === 0x20) {
    const reasonStart = ++at
    while (FIELD_VALUE[text.charCodeAt(at)] === 1) at++
    reason = status === 200 && text.startsWith('OK\r', reasonStart) ? 'OK' : text.slice(reasonStart, at)
  }
  if (text.charCodeAt(at) !== 13 || text.charCodeAt(at + 1) !== 10) return refusal('STATUS_LINE')
  const fieldsStart = at + 2

  const problem = scanner.scan(text, fieldsStart, end - 2, limits.maxHeaderCount)
  if (problem !== undefined) return refusal(problem === 'EXPECTATION' ? 'HEADER_VALUE' : problem)
  if (minorVersion === 0 && scanner.chunked) return refusal('ENCODING_IN_HTTP_10')
  const connection = scanner.connection
  const keepAlive =
    minorVersion === 1
      ? (connection & CONNECTION_CLOSE) === 0
      : (connection & (CONNECTION_KEEP_ALIVE | CONNECTION_CLOSE)) === CONNECTION_KEEP_ALIVE
  const bodyLength = scanner.chunked ? CHUNKED : scanner.contentLength >= 0 ? scanner.contentLength : UNTIL_CLOSE
  const headers = new Headers(text.slice(fieldsStart, end - 2), scanner.mask, scanner.tailMask)
  return new ResponseHead(status, reason, headers, bodyLength, keepAlive, (connection & HOP_BY_HOP) !== 0, end - start)
}

/** Three digits, the first 1 to 5 as RFC 9110 section 15 has them, but up to 9 as servers use them; -1 otherwise. */
function statusCode(text: string, at: number): number {
  let status = 0
  for (let place = 0; place < 3; place++) {
    const digit = text.charCodeAt(at + place) - 48
    if (!(digit >= 0 && digit <= 9)) return -1
    status = status * 10 + digit
  }
  return status
}
