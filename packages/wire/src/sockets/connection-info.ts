import type { TlsInfo } from '../tls/server-tls.ts'

/** What is known of a client's connection before its protocol begins. */
export interface ConnectionInfo {
  readonly tls: TlsInfo | undefined
  /** What ALPN agreed on; '' without TLS, or when the client named nothing. */
  readonly protocol: string
  /** Addresses that the PROXY protocol told: to be believed in place of the socket's. */
  readonly proxied: ProxiedAddresses | undefined
}

export interface ProxiedAddresses {
  readonly sourceAddress: string
  readonly sourcePort: number
  readonly destinationAddress: string
  readonly destinationPort: number
  /** What else a header of version 2 said: type-length-value fields, bounded in number and size. */
  readonly tlvs?: readonly ProxyTlv[]
}

/** A field of the PROXY protocol, section 2.2: e.g. 0x05 = a unique id of the connection, 0xEA = AWS's endpoint id. */
export interface ProxyTlv {
  readonly type: number
  readonly value: Buffer
}

/** Of every plain connection without the PROXY protocol. */
export const PLAIN: ConnectionInfo = { tls: undefined, protocol: '', proxied: undefined }
