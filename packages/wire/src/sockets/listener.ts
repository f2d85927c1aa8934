import { createServer, type Socket, type AddressInfo, type Server } from 'node:net'
import { Deadlines } from '../clock/deadlines.ts'
import type { ClientHello } from '../tls/client-hello.ts'
import type { ServerTls } from '../tls/server-tls.ts'
import { PLAIN, type ConnectionInfo } from './connection-info.ts'
import { adoptHandle, ownByEvents, type SocketOwner } from './owner.ts'
import { Prelude, type PreludeOptions } from './prelude.ts'

/** Where to listen: an inherited descriptor that is already bound, an address, or a path. */
export type ListenTarget =
  | { readonly fd: number }
  | { readonly host: string; readonly port: number }
  | { readonly path: string }

export interface ListenerOptions {
  /** The protocol: makes the owner of a connection that is ready for it, after the PROXY protocol and the TLS handshake. */
  readonly open: (socket: Socket, info: ConnectionInfo) => SocketOwner
  /** Further connections are closed as soon as they are accepted. */
  readonly maxConnections: number
  /** Connections that the kernel holds until they are accepted. */
  readonly backlog?: number
  readonly onOverload?: () => void
  /** Connections begin with a TLS handshake. */
  readonly tls?: ServerTls | undefined
  /**
   * Sees who a client wants before a certificate is chosen. It answers the owner of the raw socket, which is told all bytes from the first on
   * (`onBytes`, before anything else), or undefined: TLS ends here. Without `tls` that means refused.
   */
  readonly passThrough?:
    | ((socket: Socket, hello: ClientHello, info: ConnectionInfo) => SocketOwner | undefined)
    | undefined
  /**
   * Connections begin with a header of the PROXY protocol. `required`: without it they are closed. `optional`: any client can say to be
   * anyone, so only where all clients are trusted; and a client that waits for the server to speak first waits for the time limit.
   */
  readonly proxyProtocol?: 'required' | 'optional' | undefined
  /** For PROXY header, ClientHello and handshake together. Default 10 s; 0 = no limit. */
  readonly handshakeTimeoutMs?: number | undefined
  /** The thread's time limits; a listener without its own makes them. */
  readonly deadlines?: Deadlines | undefined
  /** A connection is closed, whether it got to its protocol or not. */
  readonly onClosed?: (() => void) | undefined
  /** A connection that was closed before it got to its protocol, and why: for logs. */
  readonly onRefused?: ((reason: string, socket: Socket) => void) | undefined
}

/** Two round trips and some 3,000 bytes: a client on a link that needs longer could not use the service either. */
const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000

/** What `net.Server` keeps in `_handle`: undocumented, but what `node:cluster` stands on; the same in Node 20, 24 and 26. */
interface ServerHandle {
  onconnection: ((status: number, client: ClientHandle | undefined) => void) | undefined
}
interface ClientHandle {
  setNoDelay(on: boolean): void
  close(): void
}

/** Accepts connections and hands them to a protocol. */
export class Listener {
  /** Open, from the moment of acceptance. */
  connections = 0
  private readonly server: Server
  private readonly options: ListenerOptions

  private readonly waiting = new Set<Prelude>()
  private readonly create: (socket: Socket) => SocketOwner

  private constructor(options: ListenerOptions) {
    this.options = options
    this.create = this.creator()
    // Only for a Node whose handle works otherwise: the usual event, a little slower.
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (this.connections < options.maxConnections) this.accept(socket)
      else {
        socket.destroy()
        options.onOverload?.()
      }
    })
  }

  static listen(target: ListenTarget, options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options)
    return new Promise((resolve, reject) => {
      listener.server.once('error', reject)
      listener.server.listen({ ...target, backlog: options.backlog ?? 4_096 }, () => {
        listener.server.off('error', reject)
        listener.takeHandle()
        resolve(listener)
      })
    })
  }

  get address(): AddressInfo | string {
    return this.server.address() as AddressInfo | string
  }

  /** Closes the listening socket; open connections go on. */
  stopAccepting(): void {
    this.server.close()
  }

  /** Connections that have not got to their protocol: their PROXY header or handshake is under way. */
  get unopened(): number {
    return this.waiting.size
  }

  /** Cuts those. */
  closeUnopened(): void {
    for (const one of this.waiting) one.destroy()
  }

  /** How a connection gets to its protocol: at once if nothing comes before it. */
  private creator(): (socket: Socket) => SocketOwner {
    const { open, tls, passThrough, proxyProtocol, handshakeTimeoutMs, onRefused } = this.options
    if (tls === undefined && passThrough === undefined && proxyProtocol === undefined)
      return (socket) => open(socket, PLAIN)
    const options: PreludeOptions = {
      open,
      tls,
      passThrough,
      proxyProtocol,
      onRefused,
      timeoutMs: handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS,
      deadlines: this.options.deadlines ?? new Deadlines(),
      waiting: this.waiting,
    }
    return (socket) => new Prelude(socket, options)
  }

  private takeHandle(): void {
    const handle = (this.server as unknown as { _handle: ServerHandle | null })._handle
    if (handle === null || typeof handle.onconnection !== 'function') return
    handle.onconnection = (status, client) => {
      if (status !== 0 || client === undefined) return
      if (this.connections >= this.options.maxConnections) {
        client.close()
        this.options.onOverload?.()
        return
      }
      // Pipes (unix sockets) have no such option.
      if (typeof client.setNoDelay === 'function') client.setNoDelay(true)
      adoptHandle(client, this.open)
    }
  }

  private accept(socket: Socket): void {
    ownByEvents(socket, this.open(socket))
  }

  private readonly open = (socket: Socket): SocketOwner => {
    this.connections++
    socket.once('close', this.closed)
    return this.create(socket)
  }

  private readonly closed = (): void => {
    this.connections--
    this.options.onClosed?.()
  }
}
