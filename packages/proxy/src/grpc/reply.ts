import { Headers, latin1TextOf, ResponseHead, statusText } from '@sekisho/wire'
import type { LocalResponse } from '../exchange/reply.ts'
import type { ProxyError, ProxyErrorCode } from '../proxy-error.ts'
import { GRPC_TYPE } from './content-type.ts'

/** What a gRPC client makes of an HTTP status (grpc/doc/http-grpc-status-mapping.md); any other is 2, UNKNOWN. */
const GRPC_STATUS: ReadonlyMap<number, number> = new Map([
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [431, 13],
  [502, 14],
  [503, 14],
  [504, 14],
])

/** Errors of our own for which gRPC has a better word than their HTTP status. */
const GRPC_STATUS_OF_CODE: ReadonlyMap<ProxyErrorCode, number> = new Map<ProxyErrorCode, number>([
  ['DEADLINE_EXCEEDED', 4],
  ['BODY_TOO_LARGE', 8],
])

/** Bytes of a message that says why, at most: it is a header field. */
const MAX_MESSAGE_BYTES = 1_024

/** Errors whose message is for the client: it says what the client asked too much of, and nothing of what is behind us. */
const TOLD: ReadonlySet<ProxyErrorCode> = new Set<ProxyErrorCode>(['DEADLINE_EXCEEDED', 'BODY_TOO_LARGE'])

/**
 * A local answer as gRPC tells it: 200 with `grpc-status` and `grpc-message` in a head without a body ("Trailers-Only", gRPC over HTTP/2). Other
 * fields of the answer, as `Retry-After` or those of CORS, stay. An answer that is gRPC already stays as it is, and so does a redirection of a
 * gRPC-Web call: a browser follows it before anybody looks for a status.
 *
 * @param type the content type: gRPC, or gRPC-Web as the client has it
 */
export function grpcReply(local: LocalResponse, error: ProxyError | undefined, type = GRPC_TYPE): LocalResponse {
  const { status, headers } = local.head
  if (headers.has('grpc-status')) return local
  if (type !== GRPC_TYPE && status >= 300 && status < 400) return local
  const own = new Headers(headers.block)
  const message = error !== undefined && isOwnPage(local, error) ? messageOfError(error) : messageOf(local)
  own.delete('content-length')
  own.set('content-type', type)
  own.set('grpc-status', String(grpcStatus(status, error)))
  if (message !== '') own.set('grpc-message', message)
  return { head: new ResponseHead(200, '', own, 0), body: '' }
}

/** The status for an HTTP status, or for the error that led to it. */
function grpcStatus(status: number, error: ProxyError | undefined): number {
  if (status === 200) return 0
  const known = error === undefined ? undefined : GRPC_STATUS_OF_CODE.get(error.code)
  return known ?? (status === 413 ? 8 : (GRPC_STATUS.get(status) ?? 2))
}

/** The trailers that end a response which cannot be completed: a client of gRPC learns more from them than from a reset. */
export function grpcTrailers(error: ProxyError): string {
  return `grpc-status: ${grpcStatus(httpStatusOf(error), error)}\r\ngrpc-message: ${messageOfError(error)}\r\n`
}

const httpStatusOf = ({ status }: ProxyError): number => (status === 0 ? 502 : status)

/** Nobody made a page for this error but the one that tells its code. */
function isOwnPage({ head, body }: LocalResponse, error: ProxyError): boolean {
  return head.status === error.status && body.includes(`"reason":"${error.code}"`)
}

/** What went wrong between us and the upstream is for the log; a client gets the words for it, and the code by which the log is searched. */
function messageOfError(error: ProxyError): string {
  const told = error.source === 'downstream' || TOLD.has(error.code)
  const text = told ? error.message : `${statusText(httpStatusOf(error))} (${error.code})`
  return percentEncoded(text.slice(0, MAX_MESSAGE_BYTES))
}

/** The text of a body that a person could read, else that of the status; percent-encoded as the protocol wants it. */
function messageOf({ head, body }: LocalResponse): string {
  if (head.status === 200) return ''
  const type = head.headers.get('content-type') ?? ''
  const text = /^text\/plain|json/.test(type) ? Buffer.from(body.slice(0, MAX_MESSAGE_BYTES), 'latin1').toString() : ''
  return percentEncoded(readable(text) || statusText(head.status))
}

function readable(text: string): string {
  if (!text.startsWith('{')) return text.trim()
  try {
    const value = JSON.parse(text) as Record<string, unknown>
    const found = value['error_msg'] ?? value['message'] ?? value['error']
    const reason = value['reason']
    return typeof found !== 'string' ? '' : typeof reason === 'string' ? `${found} (${reason})` : found
  } catch {
    return ''
  }
}

/** gRPC over HTTP/2, "Status-Message": all but visible ASCII and space, and the percent sign, as %XX of their UTF-8 bytes. */
export const percentEncoded = (text: string): string =>
  latin1TextOf(Buffer.from(text, 'utf8')).replace(
    /[^ -$&-~]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
