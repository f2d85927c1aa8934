import type { UpstreamAddress } from '../pools/upstream-address.ts'
import { connectSocket } from '../sockets/connect-socket.ts'
import type { TlsSessions } from '../tls/sessions.ts'
import { H1ClientConnection, type ClientConnectionOptions } from './client-connection.ts'

/** Starts connecting; the connection tells its exchange when it is there. */
export const connectH1 = (
  address: UpstreamAddress,
  sessions: TlsSessions,
  options: ClientConnectionOptions,
): H1ClientConnection =>
  connectSocket(
    address,
    { key: options.key, sessions, alpn: 'http/1.1' },
    (socket) => new H1ClientConnection(socket, options),
  )
