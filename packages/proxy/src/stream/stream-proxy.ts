import type { Socket } from 'node:net'
import {
  ClientEnd,
  Deadlines,
  Listener,
  plainAddress,
  singleCertificate,
  type ConnectionInfo,
  type ListenerOptions,
  type ServerTls,
} from '@sekisho/wire'
import type { ProxyLogger } from '../exchange/options.ts'
import { jsonLogger } from '../json-logger.ts'
import { LogThrottle } from '../log-throttle.ts'
import { Resolver } from '../peers/resolver.ts'
import type { Application, ListenTarget, ServingListener } from '../server/application.ts'
import type { StreamPhases } from './phases.ts'
import type { StreamClient, StreamRuntime, StreamSession } from './stream-session.ts'
import { TcpListener } from './tcp-listener.ts'
import { TcpSession } from './tcp-session.ts'
import { UdpListener } from './udp-listener.ts'

/** What holds for all sessions of one proxy in one thread; each has a default. */
export interface StreamProxyOptions {
  /** Open TCP connections of a listener; further ones are closed as they are accepted. Default 65,536. */
  readonly maxConnections?: number
  /** Clients of a UDP listener at a time; each costs a descriptor. Default 8,192. */
  readonly maxUdpSessions?: number
  /** Default: one JSON line each on standard error, refused connections and lost clients left out. */
  readonly logger?: ProxyLogger
  /** How names of upstreams become addresses. Default: the system's resolver. */
  readonly resolver?: Resolver
  /** The time limits of this thread. Default: some of its own. */
  readonly deadlines?: Deadlines
}

/** What a listener may be told. */
export interface StreamServeOptions extends Pick<ListenerOptions, 'proxyProtocol' | 'handshakeTimeoutMs'> {
  /** Default `tcp`. `udp` needs an address and a port of its own: a descriptor that was bound elsewhere will not do. */
  readonly transport?: 'tcp' | 'udp'
  /**
   * The listener's connections begin with TLS, which ends here with a certificate of these unless `passesTls` of the phases says otherwise.
   * `passthrough`: there is none, and it never ends here.
   */
  readonly tls?: ServerTls | { readonly cert: string; readonly key: string } | 'passthrough' | undefined
}

const DEFAULT_MAX_CONNECTIONS = 65_536
const DEFAULT_MAX_UDP_SESSIONS = 8_192

/** Joins connections and datagrams of clients with those of upstreams, and does not look at what they say. One per thread. */
export class StreamProxy<Ctx> implements Application {
  /** What its sessions share. */
  readonly runtime: StreamRuntime<Ctx>
  /** Sessions open in this thread. */
  sessionCount = 0
  private readonly options: StreamProxyOptions

  constructor(phases: StreamPhases<Ctx>, options: StreamProxyOptions = {}) {
    this.options = options
    this.runtime = {
      phases,
      deadlines: options.deadlines ?? new Deadlines(),
      resolver: options.resolver ?? new Resolver(),
      logger: options.logger ?? jsonLogger,
      tlsSessions: new Map(),
    }
  }

  /** Rejects with a TypeError for UDP on a descriptor or path, with a system error for an address that cannot be listened on. */
  serve(target: ListenTarget, options: StreamServeOptions = {}): Promise<ServingListener> {
    return options.transport === 'udp' ? this.serveUdp(target) : this.serveTcp(target, options)
  }

  private serveUdp(target: ListenTarget): Promise<ServingListener> {
    const maxSessions = this.options.maxUdpSessions ?? DEFAULT_MAX_UDP_SESSIONS
    return UdpListener.listen(this.runtime, target, {
      maxSessions,
      onOverload: this.onOverload(maxSessions, 'the limit of UDP sessions is reached: a datagram was dropped'),
    })
  }

  /** A datagram costs its sender nothing: it must not cost a line each. */
  private onOverload(limit: number, message: string): () => void {
    const throttle = new LogThrottle()
    return () => {
      if (!throttle.holds(message)) this.runtime.logger.warn({ limit }, message)
    }
  }

  private async serveTcp(target: ListenTarget, options: StreamServeOptions): Promise<ServingListener> {
    const { logger, deadlines } = this.runtime
    const { tls, proxyProtocol, handshakeTimeoutMs } = options
    const maxConnections = this.options.maxConnections ?? DEFAULT_MAX_CONNECTIONS
    const sessions = new Set<StreamSession<Ctx>>()
    let serving: TcpListener<Ctx> | undefined
    const onEnded = (session: StreamSession<Ctx>): void => {
      if (!sessions.delete(session)) return
      this.sessionCount--
      serving?.sessionEnded()
    }
    const make = (socket: Socket, info: ConnectionInfo, serverName: string): TcpSession<Ctx> =>
      new TcpSession(this.runtime, socket, clientOf(socket, info), serverName, onEnded)
    const begin = (session: TcpSession<Ctx>): TcpSession<Ctx>['downstream'] => {
      sessions.add(session)
      this.sessionCount++
      session.begin()
      return session.downstream
    }
    const listener = await Listener.listen(target, {
      maxConnections,
      proxyProtocol,
      handshakeTimeoutMs,
      deadlines,
      tls: serverTls(tls),
      open: (socket, info) => begin(make(socket, info, info.tls?.serverName ?? '')),
      passThrough:
        tls === undefined
          ? undefined
          : (socket, hello, info) => {
              const session = make(socket, info, hello.serverName)
              const passes = tls === 'passthrough' || this.runtime.phases.passesTls?.(session) === true
              return passes ? begin(session) : undefined
            },
      onClosed: () => serving?.connectionClosed(),
      onOverload: this.onOverload(maxConnections, 'the limit of connections is reached: a connection was closed'),
      onRefused: (reason, socket) =>
        logger.info({ client: socket.remoteAddress, reason }, `refused a connection: ${reason}`),
    })
    return (serving = new TcpListener(listener, sessions))
  }
}

/** Read now: a socket that is closed has no addresses any more, and logs want them. */
function clientOf(socket: Socket, info: ConnectionInfo): StreamClient {
  const { remoteAddress, remotePort } = new ClientEnd(socket, info)
  const { localAddress = '', localPort = 0 } = socket
  const { tls, proxied } = info
  return { remoteAddress, remotePort, localAddress: plainAddress(localAddress), localPort, tls, proxied }
}

function serverTls(tls: StreamServeOptions['tls']): ServerTls | undefined {
  if (tls === 'passthrough') return { contextFor: () => undefined }
  // No ALPN: what is spoken within is not known here.
  return tls === undefined || 'contextFor' in tls ? tls : singleCertificate(tls, [])
}
