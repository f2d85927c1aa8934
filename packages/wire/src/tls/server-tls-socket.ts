import type { Socket } from 'node:net'
import type { TLSSocket, TLSSocketOptions } from 'node:tls'
import { HIGH_WATER_MARK } from '../sockets/output.ts'
import { own, ownByEvents, readInto, type SocketOwner } from '../sockets/owner.ts'
import { loadTls } from './load-tls.ts'
import type { ServerTlsContext } from './server-tls.ts'

/** What of `TLSSocket` is not documented; the same in Node 20, 24 and 26. */
interface TlsSocketInside extends TLSSocket {
  connecting: boolean
  _tlsOptions: { readonly raw: Socket }
  /** Makes the engine on top of a socket's handle. */
  _wrapHandle(socket: Socket | null, handle: object | undefined, writing: boolean): object
  _handle: { receive?(bytes: Buffer): void } | null
}
type TlsSocketConstructor = new (socket: undefined, options: object) => TlsSocketInside

type OwnReading = new (raw: Socket, options: TLSSocketOptions) => TLSSocket

/**
 * Starts the server's side of a handshake on a connection of which `received` was read already. The owner gets the events of the
 * encrypted socket; 'secure' says that the handshake is done, an error before that, that it failed.
 *
 * @param OwnReading null: without what Node does not document
 */
export function startServerTls(
  raw: Socket,
  received: Buffer,
  context: ServerTlsContext,
  owner: SocketOwner,
  OwnReading: OwnReading | null = ownReading(),
): TLSSocket {
  const options: TLSSocketOptions & { readonly highWaterMark: number } = {
    isServer: true,
    secureContext: context.secureContext,
    requestCert: context.requestClientCertificate,
    rejectUnauthorized: false,
    highWaterMark: HIGH_WATER_MARK,
    ...(context.alpn.length === 0 ? {} : { ALPNProtocols: context.alpn }),
  }
  const socket = OwnReading === null ? byEvents(raw, received, options) : new OwnReading(raw, options)
  // What goes wrong after the handshake is told by this event alone, and leaves the socket open.
  socket.on('_tlsError', (error: Error) => socket.destroy(error))
  if (OwnReading === null) ownByEvents(socket, owner)
  else {
    own(socket, owner)
    ;(socket as TlsSocketInside)._handle?.receive?.(received)
  }
  return socket
}

let cached: OwnReading | null | undefined

/**
 * A TLS socket that reads into its owner's buffer, as plain ones do: 1.7 of 12 µs for a small request. Node's class can do that for connections
 * that it makes itself; here it is made to take ours as if it had made it. null on a Node that is built otherwise.
 */
function ownReading(): OwnReading | null {
  if (cached !== undefined) return cached
  const Base = loadTls().TLSSocket as unknown as TlsSocketConstructor
  if (typeof Base.prototype._wrapHandle !== 'function') return (cached = null)
  cached = class extends Base {
    private readonly raw: Socket

    constructor(raw: Socket, options: TLSSocketOptions) {
      const made: { socket?: Socket } = {}
      const onread = readInto(() => made.socket)
      super(undefined, { ...options, raw, onread, allowHalfOpen: true })
      made.socket = this
      this.raw = raw
      // Without a socket the class is waiting for one to be connected.
      this.connecting = false
    }

    override _wrapHandle(): object {
      const { raw } = this._tlsOptions
      return super._wrapHandle(raw, (raw as unknown as { readonly _handle: object })._handle, false)
    }

    /** Node's own knows no other handle than that of TCP. */
    override resetAndDestroy(): this {
      this.raw.resetAndDestroy()
      return this
    }
  }
  return cached
}

/** The documented way. */
function byEvents(raw: Socket, received: Buffer, options: TLSSocketOptions): TLSSocket {
  raw.removeAllListeners('data')
  if (raw.readableFlowing === true) raw.pause()
  raw.unshift(received)
  const socket = new (loadTls().TLSSocket)(raw, options)
  socket.resetAndDestroy = () => {
    raw.resetAndDestroy()
    return socket
  }
  return socket
}
