import { isIP, Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { UpstreamAddress } from '../pools/upstream-address.ts'
import { loadTls } from '../tls/load-tls.ts'
import { HIGH_WATER_MARK } from './output.ts'
import { own, readInto, type SocketOwner } from './owner.ts'

/** The last TLS session of each peer, to resume: saves a round trip and the certificate check's signatures. */
export type TlsSessions = Map<string, Buffer>
/** About 2 KiB each. */
const MAX_SESSIONS = 1_024

/** Who owns a socket that is being connected. */
export interface ConnectingOwner extends SocketOwner {
  /** The connection is there, TLS included. */
  onConnected(): void
}

/**
 * Starts connecting; the owner is told when the connection is there.
 * @param key of the pool, and so of the TLS session that is resumed
 * @param alpn what is to be spoken
 */
export function connectSocket<O extends ConnectingOwner>(
  address: UpstreamAddress,
  key: string,
  sessions: TlsSessions,
  alpn: string,
  create: (socket: Socket) => O,
): O {
  let owner: O | undefined
  const onread = readInto(() => socket)
  const where = address.port === 0 ? { path: address.host } : { host: address.host, port: address.port }
  const local = address.localAddress === undefined ? {} : { localAddress: address.localAddress }
  let socket: Socket | undefined
  if (address.tls === undefined) {
    socket = new Socket({
      onread,
      allowHalfOpen: true,
      writableHighWaterMark: HIGH_WATER_MARK,
    } as ConstructorParameters<typeof Socket>[0])
    socket.connect({ ...where, ...local, noDelay: true })
    socket.once('connect', () => owner?.onConnected())
  } else {
    const { tls } = address
    const serverName = tls.serverName ?? address.name
    const session = sessions.get(key)
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
      ALPNProtocols: [alpn],
    }
    const secure = loadTls().connect(secureOptions)
    secure.once('secureConnect', () => owner?.onConnected())
    secure.on('session', (fresh: Buffer) => {
      if (sessions.size >= MAX_SESSIONS) sessions.delete(sessions.keys().next().value as string)
      sessions.set(key, fresh)
    })
    socket = secure
  }
  owner = create(socket)
  own(socket, owner)
  return owner
}
