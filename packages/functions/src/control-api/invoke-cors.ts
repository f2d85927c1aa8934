import { Headers } from '@sekisho/wire'
import type { HttpReply, HttpRequest } from '../http/http-exchange.ts'

/** What a page may read of an answer. */
const EXPOSED = [
  'x-amzn-RequestId',
  'x-amzn-ErrorType',
  'X-Amz-Executed-Version',
  'X-Amz-Function-Error',
  'X-Amz-Log-Result',
  'X-Amzn-Trace-Id',
].join(', ')

/** Lines for a web page of an origin that has been checked; undefined: no page asks. */
export function invokeCors(request: Headers): Headers | undefined {
  const origin = request.get('origin')
  if (origin === undefined) return undefined
  const headers = new Headers()
  headers.append('Access-Control-Allow-Origin', origin)
  headers.append('Vary', 'Origin')
  headers.append('Access-Control-Expose-Headers', EXPOSED)
  return headers
}

/** Answers the question that browsers ask before a page's POST. */
export function invokePreflight(request: HttpRequest, reply: HttpReply, cors: Headers): void {
  const headers = cors.clone()
  headers.append('Access-Control-Allow-Methods', 'POST')
  const wanted = request.headers.get('access-control-request-headers')
  if (wanted !== undefined) headers.append('Access-Control-Allow-Headers', wanted)
  headers.append('Access-Control-Max-Age', '86400')
  reply.send(204, headers, '')
}
