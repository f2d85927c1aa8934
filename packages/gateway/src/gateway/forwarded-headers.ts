import type { RequestHead } from '@sekisho/proxy'
import type { CidrSet } from '../addresses/index.ts'
import type { RequestContext } from '../request-context.ts'

/**
 * Tells the upstream who called, as APISIX does: X-Real-IP is the client, X-Forwarded-For is appended to, Proto, Host and Port are
 * overwritten and Forwarded is taken out, unless the peer is a proxy that we trust.
 */
export function addForwardedHeaders(request: RequestHead, context: RequestContext, trusted: CidrSet | undefined): void {
  const { headers } = request
  const { session } = context
  const address = context.remoteAddr
  const chain = headers.get('x-forwarded-for')
  headers.delete('x-real-ip')
  if (chain !== undefined) headers.delete('x-forwarded-for')
  let lines = `X-Real-IP: ${address}\r\nX-Forwarded-For: ${chain === undefined ? '' : chain + ', '}${session.remoteAddress}\r\n`
  // The fields of one of a batch were not written by the proxy that the batch came through.
  const keep = trusted !== undefined && !session.inner && trusted.has(session.remoteAddress)
  if (!keep) {
    headers.delete('forwarded')
    headers.delete('x-forwarded-proto')
    headers.delete('x-forwarded-host')
    headers.delete('x-forwarded-port')
  }
  if (!headers.has('x-forwarded-proto'))
    lines += session.secure ? 'X-Forwarded-Proto: https\r\n' : 'X-Forwarded-Proto: http\r\n'
  if (!headers.has('x-forwarded-host') && session.request.host !== '')
    lines += `X-Forwarded-Host: ${session.request.host}\r\n`
  if (!headers.has('x-forwarded-port')) lines += `X-Forwarded-Port: ${session.localPort}\r\n`
  headers.appendLines(lines, FORWARDED_NAMES)
}

/** What `appendLines` may add. */
const FORWARDED_NAMES = ['X-Real-IP', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port']
