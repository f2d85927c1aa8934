import { Socket, type SocketConstructorOpts } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { UpstreamAddress } from '../pools/upstream-address.ts'
import { tlsConnectOptions } from '../tls/connect-options.ts'
import { loadTls } from '../tls/load-tls.ts'
import { keepSession, type TlsSessions } from '../tls/sessions.ts'
import type { UpstreamTls } from '../tls/upstream-tls.ts'
import { HIGH_WATER_MARK } from './output.ts'
import { own, readInto, type SocketOwner } from './owner.ts'

/** Who owns a socket that is being connected. */
export interface ConnectingOwner extends SocketOwner {
  /** The connection is there, TLS included: its certificate has been accepted. */
  onConnected(): void
}

export interface ConnectOptions {
  /** Of the pool, and so of the TLS session that is resumed. */
  readonly key: string
  readonly sessions: TlsSessions
  /** What is to be spoken, for ALPN; left out, that is not said. */
  readonly alpn?: string
  /** Sent before all else, TLS included: a header of the PROXY protocol. */
  readonly header?: Uint8Array | undefined
}

/** Reading into the owner's buffer: the option that `connect` takes, and the types do not know for both. */
type OnRead = ReturnType<typeof readInto>

/** Starts connecting. The owner is told when the connection is there; a failure closes the socket, which it is told as well. */
export function connectSocket<O extends ConnectingOwner>(
  address: UpstreamAddress,
  options: ConnectOptions,
  create: (socket: Socket) => O,
): O {
  const made: { socket?: Socket } = {}
  const onread = readInto(() => made.socket)
  const { tls } = address
  const socket = tls === undefined ? connectPlain(address, options, onread) : connectTls(address, tls, options, onread)
  made.socket = socket
  const owner = create(socket)
  own(socket, owner)
  socket.once(tls === undefined ? 'connect' : 'secureConnect', () => owner.onConnected())
  return owner
}

function connectPlain(address: UpstreamAddress, { header }: ConnectOptions, onread: OnRead): Socket {
  const options: SocketConstructorOpts & { onread: OnRead; writableHighWaterMark: number } = {
    onread,
    allowHalfOpen: true,
    writableHighWaterMark: HIGH_WATER_MARK,
  }
  const socket = new Socket(options)
  socket.connect({ ...target(address), noDelay: true })
  if (header !== undefined) socket.write(header)
  return socket
}

function connectTls(address: UpstreamAddress, tls: UpstreamTls, options: ConnectOptions, onread: OnRead): Socket {
  const { key, sessions, alpn, header } = options
  const session = sessions.get(key)
  const raw = header === undefined ? undefined : connectWithHeader(address, header)
  // @types/node 20 does not know the last three, which the documentation of tls.connect has.
  const secureOptions: ConnectionOptions & { onread: OnRead; allowHalfOpen: boolean; noDelay: boolean } = {
    // With a socket, `host` is not where to but whom to expect.
    ...(raw === undefined ? target(address) : { socket: raw, host: address.host }),
    ...tlsConnectOptions(tls, address.name),
    ...(session === undefined ? {} : { session }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
    onread,
    allowHalfOpen: true,
    noDelay: true,
  }
  const socket = startTls(secureOptions, raw)
  raw?.once('error', (error) => socket.destroy(error))
  socket.on('session', (fresh: Buffer) => keepSession(sessions, key, fresh))
  return socket
}

function startTls(options: ConnectionOptions, raw: Socket | undefined): Socket {
  try {
    return loadTls().connect(options)
  } catch (error) {
    // A certificate that is none, say: nobody would close this one.
    raw?.destroy()
    throw error
  }
}

/** A connection whose first bytes are not TLS yet. What becomes of it is told by the TLS socket on top. */
function connectWithHeader(address: UpstreamAddress, header: Uint8Array): Socket {
  const raw = new Socket({ allowHalfOpen: true })
  raw.connect({ ...target(address), noDelay: true })
  raw.write(header)
  return raw
}

type Target = { path: string } | { host: string; port: number; localAddress?: string }

function target({ host, port, localAddress }: UpstreamAddress): Target {
  if (port === 0) return { path: host }
  return { host, port, ...(localAddress === undefined ? {} : { localAddress }) }
}
