import { tlsTrustKey, type UpstreamTls } from '../tls/upstream-tls.ts'

/** Where an upstream connection goes, resolved: an IP address and port, or a unix socket. */
export interface UpstreamAddress {
  /** IPv4 or IPv6 without brackets; the path of a unix socket when `port` is 0. */
  readonly host: string
  readonly port: number
  /** The name that was resolved to `host`; for the server name of TLS and for messages. */
  readonly name: string
  readonly tls: UpstreamTls | undefined
  /** Local address to connect from. */
  readonly localAddress: string | undefined
  /** Keeps connections of different owners apart though they go to the same place. */
  readonly group: string
  /** What is spoken there. */
  readonly protocol: UpstreamProtocol
}

/** `h2`: HTTP/2, by ALPN over TLS and with prior knowledge without (RFC 9113 section 3.3). */
export type UpstreamProtocol = 'http/1.1' | 'h2'

/** `host:port` as it was written, for messages. */
export const addressName = ({ host, port, name }: UpstreamAddress): string =>
  port === 0 ? host : name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`

/** Connections are shared among requests whose address has the same key: all that changes trust is in it. */
export function poolKey(address: UpstreamAddress): string {
  const trust = address.tls === undefined ? 'plain' : tlsTrustKey(address.tls, address.name)
  return `${address.host}|${address.port}|${trust}|${address.localAddress ?? ''}|${address.group}|${address.protocol}`
}
