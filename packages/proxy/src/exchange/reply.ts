import { Headers, latin1TextOf, ResponseHead, statusText } from '@sekisho/wire'
import type { ResponseBody, ResponseFields } from '../session.ts'

/** A response of our own: a head with its length, and the body as latin1 text of its bytes. */
export interface LocalResponse {
  /** With its `Content-Length`. */
  readonly head: ResponseHead
  /** One character for each byte. */
  readonly body: string
}

/** Makes the response that tells a client of an error. `reason` is an error code, for the log's reader more than the client. */
export type ErrorRenderer = (status: number, reason: string) => LocalResponse

/** Throws a RangeError for a status that no final response has, a TypeError for a field that would break the framing. */
export function localResponse(status: number, body: ResponseBody = '', fields: ResponseFields = {}): LocalResponse {
  if (!Number.isInteger(status) || status < 200 || status > 999)
    throw new RangeError(`not the status of a final response: ${status}`)
  const headers = Headers.from(fields)
  const bytes = bodyText(body)
  if (bytes !== '' && !headers.has('content-type')) headers.appendUnchecked('Content-Type', contentType(body))
  headers.delete('transfer-encoding')
  headers.set('Content-Length', String(bytes.length))
  // RFC 9110 section 6.6.1: who answers and has a clock says when.
  if (!headers.has('date')) headers.appendUnchecked('Date', httpDate(Date.now()))
  return { head: new ResponseHead(status, statusText(status), headers, bytes.length), body: bytes }
}

/** JSON with the reason's code; nothing of what only the operator should know. */
export const renderJsonError: ErrorRenderer = (status, reason) =>
  localResponse(status, { error_msg: `${status} ${statusText(status)}`.trim(), reason })

let dateSecond = -1
let dateText = ''

/** The time as HTTP writes it, made once a second. */
function httpDate(now: number): string {
  const second = Math.floor(now / 1_000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(now).toUTCString()
  }
  return dateText
}

// eslint-disable-next-line no-control-regex
const ASCII = /^[\0-\x7f]*$/

function bodyText(body: ResponseBody): string {
  if (typeof body === 'string') return ASCII.test(body) ? body : latin1TextOf(Buffer.from(body, 'utf8'))
  if (body instanceof Uint8Array) return latin1TextOf(body)
  return bodyText(JSON.stringify(body) + '\n')
}

function contentType(body: ResponseBody): string {
  if (typeof body === 'string') return 'text/plain; charset=utf-8'
  return body instanceof Uint8Array ? 'application/octet-stream' : 'application/json'
}
