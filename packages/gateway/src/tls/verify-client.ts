import type { TlsInfo } from '@sekisho/wire'
import { clientCertificate } from './client-certificate.ts'
import type { ClientPolicy } from './server-ssl.ts'
import type { SslTable } from './ssl-table.ts'

/** The answer to a request that may not go on. */
export interface TlsRefusal {
  readonly status: 400 | 421
  readonly message: string
}

const MISDIRECTED: TlsRefusal = {
  status: 421,
  message: 'this host asks for a client certificate, and the connection was made for another one',
}
const NOT_PRESENT: TlsRefusal = { status: 400, message: 'client certificate was not present' }

/**
 * Whether a request on a TLS connection fulfils what ssl resources ask of clients (mTLS); undefined = yes.
 *
 * Both names count: what the connection was made for (SNI), and what the request is for (Host). A client must not reach a host that asks for
 * a certificate by a connection that was made for one that does not, nor by reusing it for several hosts (RFC 9113 section 9.1.1): that
 * is 421, and the client opens another connection (RFC 9110 section 15.5.20).
 *
 * @param host in lower case, without the port
 * @param path decoded and normalised, as routes are matched with it
 */
export function verifyClient(ssls: SslTable, tls: TlsInfo, host: string, path: string): TlsRefusal | undefined {
  const wanted = ssls.find(host)
  if (wanted?.client !== undefined && !isExempt(wanted.client, path) && !wanted.vouches(tls.context)) return MISDIRECTED
  const own = ssls.byId(tls.context.id)
  const policy = own?.client
  if (policy === undefined || isExempt(policy, path)) return undefined
  // Its authorities are others by now.
  if (own?.vouches(tls.context) !== true) return MISDIRECTED
  return wrongWith(tls, policy)
}

/** The same for a connection without requests, on a stream listener: there is no path that could be exempt. What is wrong; undefined = nothing. */
export function verifyStreamClient(ssls: SslTable, tls: TlsInfo): string | undefined {
  const own = ssls.byId(tls.context.id)
  if (own?.client === undefined) return undefined
  return own.vouches(tls.context) ? wrongWith(tls, own.client)?.message : MISDIRECTED.message
}

function wrongWith(tls: TlsInfo, policy: ClientPolicy): TlsRefusal | undefined {
  const certificate = clientCertificate(tls)
  if (certificate === undefined) return NOT_PRESENT
  if (!tls.authorized) return failed(tls.authorizationError ?? 'it is not trusted')
  if (certificate.intermediates > policy.depth) {
    return failed(`${certificate.intermediates} intermediates, and at most ${policy.depth} are accepted`)
  }
  return undefined
}

const failed = (reason: string): TlsRefusal => ({
  status: 400,
  message: `client certificate verification failed: ${reason}`,
})

function isExempt({ exempt }: ClientPolicy, path: string): boolean {
  for (const pattern of exempt) if (pattern.test(path)) return true
  return false
}
