import type { Headers, RequestHead } from '@sekisho/proxy'
import type { GatewaySession } from '../session.ts'

/** Where a status stands when there is no body: a browser shows no field to a page that is not named. */
const STATUS_FIELDS = ['grpc-status', 'grpc-message', 'grpc-status-details-bin']

/** What clients of gRPC-Web send, beside metadata. */
export const CLIENT_FIELDS = 'content-type,x-grpc-web,x-user-agent,grpc-timeout'

/** Lets pages read the status, if they may read the response. */
export function exposeStatus(headers: Headers): void {
  if (!headers.has('access-control-allow-origin')) return
  const exposed = headers.get('access-control-expose-headers')
  if (exposed === undefined) {
    headers.appendUnchecked('Access-Control-Expose-Headers', STATUS_FIELDS.join(','))
    return
  }
  const names = exposed.toLowerCase().split(/[,\s]+/)
  // With credentials an asterisk is a name as any other (Fetch, "CORS-safelisted response-header name").
  if (names.includes('*') && !headers.has('access-control-allow-credentials')) return
  const missing = STATUS_FIELDS.filter((name) => !names.includes(name))
  if (missing.length > 0) headers.set('Access-Control-Expose-Headers', [exposed, ...missing].join(','))
}

/** A browser asks whether a page may make a call of gRPC-Web. Its clients say `X-Grpc-Web: 1`. */
export function asksForCall({ method, headers }: RequestHead): boolean {
  return (
    method === 'OPTIONS' &&
    headers.get('access-control-request-method') === 'POST' &&
    /(?:^|[,\s])x-grpc-web(?:[,\s]|$)/i.test(headers.get('access-control-request-headers') ?? '')
  )
}

/** The plugin `cors` says who may call. */
export const isGoverned = ({ ctx: { plan } }: GatewaySession): boolean =>
  plan?.headerFilter.some(({ name }) => name === 'cors') === true

/** What an upstream says itself stays. */
export function allowEveryOrigin(headers: Headers): void {
  if (!headers.has('access-control-allow-origin')) headers.appendUnchecked('Access-Control-Allow-Origin', '*')
}

/** How long a browser may remember that it may call, in seconds. */
const REMEMBER_S = '600'

/** What a browser that asks is told. */
export function allowCall(headers: Headers, fields: string): void {
  headers.set('Access-Control-Allow-Origin', '*')
  headers.set('Access-Control-Allow-Methods', 'POST')
  headers.set('Access-Control-Allow-Headers', fields)
  headers.set('Access-Control-Max-Age', REMEMBER_S)
}
