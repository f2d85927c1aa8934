import type { Socket } from 'node:net'
import type { ConnectionInfo } from './connection-info.ts'
import type { TlsInfo } from '../tls/server-tls.ts'

/** Who is at the other end of a client's connection, and through what it came. The PROXY protocol's word counts before the socket's. */
export class ClientEnd {
  readonly info: ConnectionInfo
  private readonly socket: Socket
  private address: string | undefined

  constructor(socket: Socket, info: ConnectionInfo) {
    this.socket = socket
    this.info = info
  }

  /** The client's IP address; an IPv4 one that came in over an IPv6 socket without its `::ffff:`. */
  get remoteAddress(): string {
    return (this.address ??= plainAddress(this.info.proxied?.sourceAddress ?? this.socket.remoteAddress ?? ''))
  }
  get remotePort(): number {
    return this.info.proxied?.sourcePort ?? this.socket.remotePort ?? 0
  }
  /** Where the client connected to. */
  get localAddress(): string {
    return this.info.proxied?.destinationAddress ?? this.socket.localAddress ?? ''
  }
  get localPort(): number {
    return this.info.proxied?.destinationPort ?? this.socket.localPort ?? 0
  }
  /** The connection is encrypted, as far as it is ours. */
  get secure(): boolean {
    return this.info.tls !== undefined
  }
  get tls(): TlsInfo | undefined {
    return this.info.tls
  }
}

/** An IPv4 address that came in over an IPv6 socket, without its `::ffff:`. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '')
