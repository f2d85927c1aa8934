import { addressName, type UpstreamAddress } from '../pools/upstream-address.ts'
import { connectSocket } from '../sockets/connect-socket.ts'
import type { TlsSessions } from '../tls/sessions.ts'
import { H2ClientConnection, type H2ClientOptions } from './client-connection.ts'

/** Starts connecting: by ALPN with TLS, with prior knowledge without (RFC 9113 section 3). Streams that wait for it are told when it is there. */
export function connectH2(
  address: UpstreamAddress,
  key: string,
  sessions: TlsSessions,
  options: Omit<H2ClientOptions, 'name' | 'secure'>,
): H2ClientConnection {
  const all: H2ClientOptions = { ...options, name: addressName(address), secure: address.tls !== undefined }
  return connectSocket(address, { key, sessions, alpn: 'h2' }, (socket) => new H2ClientConnection(socket, all))
}
