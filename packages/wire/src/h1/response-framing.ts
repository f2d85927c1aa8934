import type { RequestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'
import { isFieldValue } from '../headers/characters.ts'
import { statusText } from './status-text.ts'

/** How the body of a response leaves. */
export const NO_BODY = 0
export const BY_LENGTH = 1
export const BY_CHUNKS = 2
export const BY_CLOSE = 3
export type ResponseFraming = typeof NO_BODY | typeof BY_LENGTH | typeof BY_CHUNKS | typeof BY_CLOSE

/**
 * Settles the framing fields of a response for the client that asked (RFC 9112 section 6): no body for HEAD, 204 and 304, a length
 * where one is known, else chunks, and for HTTP/1.0, which knows no chunks, the end of the connection.
 */
export function frameResponse(head: ResponseHead, request: RequestHead | undefined): ResponseFraming {
  const { headers, status } = head
  if (status < 200 || status === 204) {
    headers.delete('content-length')
    headers.delete('transfer-encoding')
    return NO_BODY
  }
  if (request !== undefined && request.minorVersion === 0 && headers.delete('transfer-encoding')) {
    return request.method === 'HEAD' || status === 304 ? NO_BODY : BY_CLOSE
  }
  if (status === 304 || request?.method === 'HEAD') return NO_BODY
  if (headers.has('transfer-encoding')) {
    // Both would let the client choose; a filter may have set the other one (RFC 9112 section 6.2).
    headers.delete('content-length')
    return BY_CHUNKS
  }
  // A response of HTTP/2 that ended with its head need not say how long it is.
  if (head.bodyLength === 0 && !headers.has('content-length')) headers.appendUnchecked('Content-Length', '0')
  // What a parser or we ourselves settled holds if no field was taken out: looking for it would cost an index of the fields, 0.4 µs.
  if ((head.bodyLength >= 0 && !headers.touched) || headers.has('content-length')) return BY_LENGTH
  if (request?.minorVersion === 0) return BY_CLOSE
  headers.appendUnchecked('Transfer-Encoding', 'chunked')
  return BY_CHUNKS
}

export function statusLine(head: ResponseHead): string {
  if (head.status === 200) return 'HTTP/1.1 200 OK\r\n'
  // A filter may have written the phrase: nothing in it may end the line.
  const reason = head.reason !== '' && isFieldValue(head.reason) ? head.reason : statusText(head.status)
  return 'HTTP/1.1 ' + head.status + ' ' + reason + '\r\n'
}
