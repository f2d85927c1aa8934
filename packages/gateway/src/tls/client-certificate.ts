import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate } from 'node:tls'
import type { TlsInfo } from '@sekisho/wire'

/** A client's certificate, as policy and logs need it. */
export interface ClientCertificate {
  /** Distinguished name as in RFC 2253, the most specific part first: `CN=alice,O=Example`. */
  readonly subject: string
  /** SHA-1 of the certificate, hexadecimal in lower case, as nginx's `$ssl_client_fingerprint`. */
  readonly fingerprint: string
  /** Certificates between it and the one that signed itself. */
  readonly intermediates: number
}

/** Longer chains are not followed to their end. */
const MAX_CHAIN = 32

/** Read at the first request of a connection that asks. */
const known = new WeakMap<TlsInfo, ClientCertificate | null>()

/** The certificate that the client sent; undefined when it sent none. */
export function clientCertificate(tls: TlsInfo): ClientCertificate | undefined {
  let certificate = known.get(tls)
  if (certificate === undefined) {
    const peer = tls.peerCertificate()
    certificate = peer === undefined ? null : read(peer)
    known.set(tls, certificate)
  }
  return certificate ?? undefined
}

/** As nginx's `$ssl_client_verify`: `SUCCESS`, `FAILED:reason`, or `NONE` when the client sent no certificate. */
export function verdictOn(tls: TlsInfo): string {
  if (clientCertificate(tls) === undefined) return 'NONE'
  return tls.authorized ? 'SUCCESS' : `FAILED:${tls.authorizationError ?? 'not trusted'}`
}

function read(peer: DetailedPeerCertificate): ClientCertificate {
  const { subject, fingerprint } = new X509Certificate(peer.raw)
  return {
    subject: subject.split('\n').toReversed().join(','),
    fingerprint: fingerprint.replaceAll(':', '').toLowerCase(),
    intermediates: intermediatesOf(peer),
  }
}

function intermediatesOf(peer: DetailedPeerCertificate): number {
  let count = 0
  let current = peer.issuerCertificate as DetailedPeerCertificate | undefined
  // Node makes a root its own issuer.
  while (current !== undefined && current.issuerCertificate !== current && count < MAX_CHAIN) {
    count++
    current = current.issuerCertificate as DetailedPeerCertificate | undefined
  }
  return count
}
