import { isIP, Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { UpstreamAddress } from '../pools/upstream-address.ts'
import { HIGH_WATER_MARK } from '../sockets/output.ts'
import { own, readInto } from '../sockets/owner.ts'
import { loadTls } from '../tls/load-tls.ts'
import { H1ClientConnection, type ClientConnectionOptions } from './client-connection.ts'

/** The last TLS session of each peer, to resume: saves a round trip and the certificate check's signatures. */
export type TlsSessions = Map<string, Buffer>
/** About 2 KiB each. */
const MAX_SESSIONS = 1_024

/** Starts connecting; the connection tells its exchange when it is there. */
export function connectSocket(
  address: UpstreamAddress,
  sessions: TlsSessions,
  options: ClientConnectionOptions,
): H1ClientConnection {
  let connection: H1ClientConnection | undefined
  const onread = readInto(() => connection)
  const where = address.port === 0 ? { path: address.host } : { host: address.host, port: address.port }
  const local = address.localAddress === undefined ? {} : { localAddress: address.localAddress }
  let socket: Socket
  if (address.tls === undefined) {
    socket = new Socket({
      onread,
      allowHalfOpen: true,
      writableHighWaterMark: HIGH_WATER_MARK,
    } as ConstructorParameters<typeof Socket>[0])
    socket.connect({ ...where, ...local, noDelay: true })
    socket.once('connect', () => connection?.onConnected())
  } else {
    const { tls } = address
    const serverName = tls.serverName ?? address.name
    const session = sessions.get(options.key)
    // @types/node 20 does not know these two, which the documentation of tls.connect has.
    const secureOptions: ConnectionOptions & { onread: typeof onread; allowHalfOpen: boolean; noDelay: boolean } = {
      ...where,
      ...local,
      onread,
      allowHalfOpen: true,
      // RFC 6066 section 3: an IP address is no server name.
      ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      ...(tls.ca === undefined ? {} : { ca: tls.ca as string | string[] }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
      ...(tls.ciphers === undefined ? {} : { ciphers: tls.ciphers }),
      ...(session === undefined ? {} : { session }),
      minVersion: tls.minVersion ?? 'TLSv1.2',
      rejectUnauthorized: tls.verify !== false,
      noDelay: true,
      ALPNProtocols: ['http/1.1'],
    }
    const secure = loadTls().connect(secureOptions)
    secure.once('secureConnect', () => connection?.onConnected())
    secure.on('session', (fresh: Buffer) => {
      if (sessions.size >= MAX_SESSIONS) sessions.delete(sessions.keys().next().value as string)
      sessions.set(options.key, fresh)
    })
    socket = secure
  }
  connection = new H1ClientConnection(socket, options)
  own(socket, connection)
  return connection
}
