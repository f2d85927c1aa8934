import { createServer, Socket, type AddressInfo, type Server } from 'node:net'
import type { SecureContext } from 'node:tls'
import { loadTls } from '../tls/load-tls.ts'
import { adoptHandle, ownByEvents, type SocketOwner } from './owner.ts'

/** Where to listen: an inherited descriptor that is already bound, an address, or a path. */
export type ListenTarget =
  | { readonly fd: number }
  | { readonly host: string; readonly port: number }
  | { readonly path: string }

export interface ListenerOptions {
  /** The protocol: makes the owner of a fresh connection. */
  readonly open: (socket: Socket) => SocketOwner
  /** Further connections are closed as soon as they are accepted. */
  readonly maxConnections: number
  /** Connections that the kernel holds until they are accepted. */
  readonly backlog?: number
  readonly onOverload?: () => void
  /** TLS with this certificate. */
  readonly tls?: ListenerTls
}

/** Certificate chain and private key, PEM. */
export interface ListenerTls {
  readonly cert: string
  readonly key: string
}

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
  connections = 0
  private readonly server: Server
  private readonly options: ListenerOptions
  private readonly secure: SecureContext | undefined

  private constructor(options: ListenerOptions) {
    this.options = options
    const { tls } = options
    this.secure = tls === undefined ? undefined : loadTls().createSecureContext({ ...tls, minVersion: 'TLSv1.2' })
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
      if (this.secure === undefined) adoptHandle(client, this.open)
      else this.accept(new Socket({ handle: client, allowHalfOpen: true } as ConstructorParameters<typeof Socket>[0]))
    }
  }

  /** A socket whose bytes come as events: TLS, or a Node without the handle that `takeHandle` looks for. */
  private accept(socket: Socket): void {
    const { secure } = this
    const stream =
      secure === undefined
        ? socket
        : new (loadTls().TLSSocket)(socket, { isServer: true, secureContext: secure, ALPNProtocols: ['http/1.1'] })
    ownByEvents(stream, this.open(stream))
  }

  private readonly open = (socket: Socket): SocketOwner => {
    this.connections++
    socket.once('close', this.closed)
    return this.options.open(socket)
  }

  private readonly closed = (): void => {
    this.connections--
  }
}
