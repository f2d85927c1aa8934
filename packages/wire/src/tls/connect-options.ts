import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { UpstreamTls } from './upstream-tls.ts'

/**
 * Whom to trust and who we are, as `tls.connect` and `http2.connect` want it.
 *
 * @param name of the upstream, as it was written: the server name where `tls` has none of its own
 */
export function tlsConnectOptions(tls: UpstreamTls, name: string): ConnectionOptions {
  const { serverName = name, ca, cert, key, ciphers, minVersion = 'TLSv1.2', verify } = tls
  return {
    // RFC 6066 section 3: an IP address is no server name.
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ciphers === undefined ? {} : { ciphers }),
    minVersion,
    rejectUnauthorized: verify !== false,
  }
}
