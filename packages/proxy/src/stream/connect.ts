import { isIP, Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { HIGH_WATER_MARK, loadTls, own, readInto, type SocketOwner, type UpstreamAddress } from '@sekisho/wire'

/** TLS sessions kept to resume, about 2 KiB each. */
const MAX_TLS_SESSIONS = 1_024

export interface UpstreamConnection {
  readonly address: UpstreamAddress
  /** What TLS sessions may be shared by. */
  readonly key: string
  readonly tlsSessions: Map<string, Buffer>
  readonly owner: SocketOwner
  /** Sent before all else, TLS included. */
  readonly header: Uint8Array | undefined
  /** The connection can be written to; with TLS: its certificate has been accepted. */
  readonly onConnected: () => void
}

/** Starts connecting to an upstream that gets bytes as they are. A failure closes the socket, which its owner is told. */
export function connectUpstream(options: UpstreamConnection): Socket {
  const { address, owner, header, onConnected } = options
  if (address.tls !== undefined) return connectTls(options, address.tls)
  let socket: Socket | undefined
  const onread = readInto(() => socket)
  socket = new Socket({
    onread,
    allowHalfOpen: true,
    writableHighWaterMark: HIGH_WATER_MARK,
  } as ConstructorParameters<typeof Socket>[0])
  own(socket, owner)
  socket.connect({ ...whereTo(address), noDelay: true })
  if (header !== undefined) socket.write(header)
  socket.once('connect', onConnected)
  return socket
}

function connectTls(options: UpstreamConnection, tls: NonNullable<UpstreamAddress['tls']>): Socket {
  const { address, key, tlsSessions, owner, header, onConnected } = options
  const serverName = tls.serverName ?? address.name
  const session = tlsSessions.get(key)
  const raw = header === undefined ? undefined : connectWithHeader(address, header)
  let secure: Socket | undefined
  const onread = readInto(() => secure)
  // @types/node 20 does not know these two, which the documentation of tls.connect has.
  const secureOptions: ConnectionOptions & { onread: typeof onread; allowHalfOpen: boolean; noDelay: boolean } = {
    // With a socket, `host` is not where to but whom to expect.
    ...(raw === undefined ? whereTo(address) : { socket: raw, host: address.host }),
    onread,
    allowHalfOpen: true,
    noDelay: true,
    // RFC 6066 section 3: an IP address is no server name.
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(tls.ca === undefined ? {} : { ca: tls.ca as string | string[] }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.ciphers === undefined ? {} : { ciphers: tls.ciphers }),
    ...(session === undefined ? {} : { session }),
    minVersion: tls.minVersion ?? 'TLSv1.2',
    rejectUnauthorized: tls.verify !== false,
  }
  const socket = loadTls().connect(secureOptions)
  secure = socket
  own(socket, owner)
  raw?.once('error', (error) => socket.destroy(error))
  socket.once('secureConnect', onConnected)
  socket.on('session', (fresh: Buffer) => {
    if (tlsSessions.size >= MAX_TLS_SESSIONS) tlsSessions.delete(tlsSessions.keys().next().value as string)
    tlsSessions.set(key, fresh)
  })
  return socket
}

/** A connection whose first bytes are not TLS yet. What becomes of it is told by the TLS socket on top. */
function connectWithHeader(address: UpstreamAddress, header: Uint8Array): Socket {
  const raw = new Socket({ allowHalfOpen: true })
  raw.connect({ ...whereTo(address), noDelay: true })
  raw.write(header)
  return raw
}

type Where = { path: string } | { host: string; port: number; localAddress?: string }

function whereTo({ host, port, localAddress }: UpstreamAddress): Where {
  if (port === 0) return { path: host }
  return { host, port, ...(localAddress === undefined ? {} : { localAddress }) }
}
