import type { Socket } from 'node:net'
import {
  ClientEnd,
  H1ServerConnection,
  H2ServerConnection,
  handOver,
  Listener,
  singleCertificate,
  type H2ServerOptions,
  type ListenerOptions,
  type RequestHandler,
  type ServerConnection,
  type ServerConnectionOptions,
  type ServerTls,
  type SocketOwner,
} from '@sekisho/wire'
import type { ProxyRuntime } from './exchange/options.ts'
import { LogThrottle } from './log-throttle.ts'
import type { ListenTarget, ServingListener } from './server/application.ts'

/** What a listener may be told: `new Server().listen({ address, options })`. */
export interface ServeOptions extends Pick<ListenerOptions, 'proxyProtocol' | 'passThrough' | 'handshakeTimeoutMs'> {
  /** A choice of certificates, or one for whatever name: chain and key, PEM. */
  readonly tls?: ServerTls | { readonly cert: string; readonly key: string } | undefined
  /** Clients may speak HTTP/2 with prior knowledge (over TLS it is ALPN that settles it, and so the certificate's context). Default true. */
  readonly http2?: boolean | undefined
}

type ListenerRuntime = Pick<ProxyRuntime<unknown>, 'limits' | 'h2Limits' | 'deadlines' | 'logger'>

/** A listener of a proxy and its connections, whatever they speak. */
export class ProxyListener implements ServingListener {
  private listener!: Listener
  private readonly open = new Set<ServerConnection>()
  private readonly h1: ServerConnectionOptions
  private readonly h2: H2ServerOptions
  private readonly drained: () => void
  private draining = false
  private reported = false
  /** Whoever waits for the last connection to be gone. */
  private readonly checks = new Set<() => void>()

  private constructor(
    handler: RequestHandler,
    { limits, h2Limits, deadlines }: ListenerRuntime,
    http2: boolean,
    drained: () => void,
  ) {
    this.drained = drained
    this.h2 = { handler, limits, h2: h2Limits, deadlines }
    this.h1 = { handler, limits, deadlines, draining: false, onPreface: http2 ? this.onPreface : undefined }
  }

  /** @param drained called once, when the last connection is gone */
  static async listen(
    target: ListenTarget,
    { tls, http2 = true, ...accepting }: ServeOptions,
    handler: RequestHandler,
    runtime: ListenerRuntime,
    drained: () => void,
  ): Promise<ProxyListener> {
    const { limits, deadlines, logger } = runtime
    const throttle = new LogThrottle()
    const own = new ProxyListener(handler, runtime, http2, drained)
    own.listener = await Listener.listen(target, {
      maxConnections: limits.maxConnections,
      ...accepting,
      ...(tls === undefined
        ? {}
        : { tls: 'contextFor' in tls ? tls : singleCertificate(tls, http2 ? ['h2', 'http/1.1'] : ['http/1.1']) }),
      deadlines,
      open: (socket, info) => {
        const client = new ClientEnd(socket, info)
        return info.protocol === 'h2' ? own.openH2(socket, client) : own.openH1(socket, client)
      },
      onClosed: own.onClosed,
      onOverload: () => {
        if (throttle.holds('max_connections')) return
        logger.warn({ limit: limits.maxConnections }, 'max_connections reached: a connection was closed')
      },
      onRefused: (reason, socket) =>
        logger.info({ client: socket.remoteAddress, reason }, `refused a connection: ${reason}`),
    })
    return own
  }

  get address(): ServingListener['address'] {
    return this.listener.address
  }

  get connections(): number {
    return this.open.size
  }

  private openH1(socket: Socket, client: ClientEnd): SocketOwner {
    const connection = new H1ServerConnection(socket, this.h1, client)
    this.keep(socket, connection)
    if (this.draining) connection.drain()
    return connection
  }

  private openH2(socket: Socket, client: ClientEnd): H2ServerConnection {
    const connection = new H2ServerConnection(socket, client, this.h2)
    this.keep(socket, connection)
    if (this.draining) connection.drain()
    return connection
  }

  private keep(socket: Socket, connection: ServerConnection): void {
    this.open.add(connection)
    socket.once('close', () => this.open.delete(connection))
  }

  private readonly onPreface = (before: H1ServerConnection, bytes: Buffer): void => {
    const { socket, client } = before
    this.open.delete(before)
    const connection = this.openH2(socket, client)
    handOver(socket, connection)
    connection.onBytes(bytes, bytes.length)
  }

  private readonly onClosed = (): void => {
    for (const check of this.checks) setImmediate(check)
  }

  stopAccepting(): void {
    this.listener.stopAccepting()
    this.startDraining()
  }

  private startDraining(): void {
    this.draining = true
    this.h1.draining = true
    for (const connection of this.open) connection.drain()
  }

  drain(deadlineMs: number): Promise<number> {
    return this.finish(deadlineMs).finally(() => {
      if (!this.reported) this.drained()
      this.reported = true
    })
  }

  private finish(deadlineMs: number): Promise<number> {
    this.startDraining()
    return new Promise((resolve) => {
      const end = (left: number): void => {
        clearTimeout(cut)
        this.checks.delete(check)
        resolve(left)
      }
      const cut = setTimeout(() => {
        const left = [...this.open].filter((connection) => !connection.idle)
        for (const connection of this.open) connection.destroy()
        this.listener.closeUnopened()
        end(left.length)
      }, deadlineMs)
      // A client in the middle of its handshake was accepted by us: nobody else will serve it.
      const check = (): void => {
        if (this.open.size === 0 && this.listener.unopened === 0) end(0)
      }
      this.checks.add(check)
      check()
    })
  }
}
