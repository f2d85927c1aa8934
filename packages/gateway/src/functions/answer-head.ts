import { Headers, ResponseHead } from '@sekisho/proxy'
import { statusText } from '@sekisho/wire'
import type { HttpAnswer, PayloadFormat } from '@sekisho/functions/events'

/** How each kind of API names the request in its answers. */
const REQUEST_ID: Readonly<Record<PayloadFormat, string | undefined>> = {
  'rest-1.0': 'x-amzn-RequestId',
  'http-2.0': 'apigw-requestid',
  alb: undefined,
  'function-url': 'x-amzn-RequestId',
}

/** What an answer's head is made of besides the answer. */
export interface HeadParts {
  readonly format: PayloadFormat
  readonly requestId: string
  /** The Date field of the service's answer. */
  readonly date: string | undefined
  readonly reason?: string | undefined
}

/** @param length of the body; undefined: it follows in pieces */
export function answerHead(
  { status, headers: fields }: Pick<HttpAnswer, 'status' | 'headers'>,
  parts: HeadParts,
  length: number | undefined,
): ResponseHead {
  const headers = new Headers()
  for (const [name, value] of fields) headers.append(name, value)
  if (parts.date !== undefined && !headers.has('date')) headers.appendUnchecked('Date', parts.date)
  const idName = REQUEST_ID[parts.format]
  if (idName !== undefined && !headers.has(idName)) headers.appendUnchecked(idName, parts.requestId)
  const reason = parts.reason ?? statusText(status)
  if (status === 204 || status === 304) return new ResponseHead(status, reason, headers, 0)
  if (length === undefined) return new ResponseHead(status, reason, headers)
  headers.appendUnchecked('Content-Length', String(length))
  return new ResponseHead(status, reason, headers, length)
}
