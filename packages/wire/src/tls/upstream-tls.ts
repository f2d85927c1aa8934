import { createHash } from 'node:crypto'

/** TLS towards an upstream. What is left out is as safe as it gets: verified against the system's roots, by host name. */
export interface UpstreamTls {
  /** Server name sent and verified; the host of the address when left out. */
  readonly serverName?: string
  /** Certificates to trust instead of Node's roots, PEM. */
  readonly ca?: string | readonly string[]
  /** Client certificate chain and key, PEM. */
  readonly cert?: string
  readonly key?: string
  /** false accepts any certificate: for tests and trusted networks alone. */
  readonly verify?: boolean
  /** OpenSSL cipher list. */
  readonly ciphers?: string
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
}

/** Everything that changes whom we trust and who we are, as text: connections are only shared when it is equal. */
export function tlsTrustKey(tls: UpstreamTls, host: string): string {
  const secret =
    tls.ca === undefined && tls.cert === undefined
      ? ''
      : createHash('sha256')
          .update(JSON.stringify([tls.ca, tls.cert, tls.key]))
          .digest('base64')
  return `tls|${tls.serverName ?? host}|${tls.verify === false ? 'unverified' : 'verified'}|${tls.minVersion ?? ''}|${tls.ciphers ?? ''}|${secret}`
}
