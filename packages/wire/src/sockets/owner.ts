import { Socket, type TcpSocketConnectOpts } from 'node:net'
import { HIGH_WATER_MARK } from './output.ts'

/** Who a socket belongs to: a connection of some protocol. One object is called, no listener is made per event. */
export interface SocketOwner {
  /** The buffer for the next read. */
  nextReadBuffer(): Buffer
  /** `bytes[0, length)` were read; they are valid during the call. */
  onBytes(bytes: Buffer, length: number): void
  /** The peer sends no more (FIN). */
  onPeerEnd(): void
  /** What waited to be sent has left. */
  onDrain(): void
  /** The socket is closed; `error` when it was not by anybody's will. */
  onSocketClosed(error: Error | undefined): void
}

/** What hangs on a socket: cheaper than a WeakMap by 100 bytes for each of 10,000 idle connections. */
interface OwnedSocket extends Socket {
  [OWNER]?: SocketOwner
  [FAILURE]?: Error
}
const OWNER = Symbol('owner')
const FAILURE = Symbol('failure')

/** Routes the events of a socket to its owner. */
export function own(socket: Socket, owner: SocketOwner): void {
  ;(socket as OwnedSocket)[OWNER] = owner
  socket.on('end', onEnd)
  socket.on('drain', onDrain)
  socket.on('error', onError)
  socket.on('close', onClose)
}

/** Another protocol goes on with the connection: reads and events are its own from here on. */
export function handOver(socket: Socket, owner: SocketOwner): void {
  ;(socket as OwnedSocket)[OWNER] = owner
}

/** Whose bytes and events these are. */
export function ownerOf(socket: Socket): SocketOwner | undefined {
  return (socket as OwnedSocket)[OWNER]
}

/** For sockets that cannot read into a buffer of ours (TLS on the server side): their bytes come as events. */
export function ownByEvents(socket: Socket, owner: SocketOwner): void {
  own(socket, owner)
  socket.on('data', onData)
}

/**
 * The `onread` option: bytes go straight from the kernel to where the socket's owner wants them. Node calls `callback` on the socket,
 * and `buffer` on nothing.
 */
export function readInto(socket: () => Socket | undefined): NonNullable<TcpSocketConnectOpts['onread']> {
  return {
    buffer: () => (socket() as OwnedSocket | undefined)?.[OWNER]?.nextReadBuffer() ?? EMPTY,
    callback: onRead,
  }
}

function onRead(this: OwnedSocket, length: number, bytes: Uint8Array): boolean {
  this[OWNER]?.onBytes(bytes as Buffer, length)
  return true
}

/** Only until the owner is set, which is before the first read can happen. */
const EMPTY = Buffer.allocUnsafeSlow(65_536)

/**
 * An accepted connection as a socket that reads into its owner's buffer. `net.Server` cannot be told to do that, so its
 * `connection` event is left out and the handle is wrapped here, with the constructor option that `net.Server` uses itself.
 */
export function adoptHandle(handle: object, create: (socket: Socket) => SocketOwner): Socket {
  let socket: Socket | undefined
  const options = {
    handle,
    allowHalfOpen: true,
    readable: true,
    writable: true,
    writableHighWaterMark: HIGH_WATER_MARK,
    onread: readInto(() => socket),
  }
  socket = new Socket(options)
  own(socket, create(socket))
  return socket
}

function onData(this: OwnedSocket, bytes: Buffer): void {
  this[OWNER]?.onBytes(bytes, bytes.length)
}
function onEnd(this: OwnedSocket): void {
  this[OWNER]?.onPeerEnd()
}
function onDrain(this: OwnedSocket): void {
  this[OWNER]?.onDrain()
}
function onError(this: OwnedSocket, error: Error): void {
  this[FAILURE] = error
}
function onClose(this: OwnedSocket): void {
  this[OWNER]?.onSocketClosed(this[FAILURE])
}
