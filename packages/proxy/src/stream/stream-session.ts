import {
  TransportError,
  type Deadlines,
  type ProxiedAddresses,
  type TlsInfo,
  type TlsSessions,
  type Timed,
  type UpstreamAddress,
} from '@sekisho/wire'
import type { Backend } from '../balancing/index.ts'
import type { ProxyLogger } from '../exchange/options.ts'
import type { Peer } from '../peers/peer.ts'
import type { Resolver } from '../peers/resolver.ts'
import { ProxyError } from '../proxy-error.ts'
import type { StreamPhases, StreamPlan } from './phases.ts'

/** What the sessions of one proxy in one thread share. */
export interface StreamRuntime<Ctx> {
  readonly phases: StreamPhases<Ctx>
  readonly deadlines: Deadlines
  readonly resolver: Resolver
  readonly logger: ProxyLogger
  /** The last TLS session of each upstream, to resume. */
  readonly tlsSessions: TlsSessions
}

/** The client's side, as far as it is known. */
export interface StreamClient {
  /** The client's IP address, as the PROXY protocol told it or the socket does. */
  readonly remoteAddress: string
  readonly remotePort: number
  /** Of the listener: where the connection came in, whatever the PROXY protocol said. */
  readonly localAddress: string
  readonly localPort: number
  /** What a header of the PROXY protocol told; undefined without one. */
  readonly proxied: ProxiedAddresses | undefined
  /** What the TLS handshake came to; undefined where TLS does not end here. */
  readonly tls: TlsInfo | undefined
}

/** A TCP connection, or the datagrams of one client: what it is, where it goes, and how it came to its end. */
export abstract class StreamSession<Ctx> implements Timed {
  readonly transport: 'tcp' | 'udp'
  readonly client: StreamClient
  /** Server name that the client asked for by TLS; '' = none. */
  readonly serverName: string
  /** What `newContext` made. */
  readonly ctx: Ctx
  /** Monotonic milliseconds (performance.now), as all times here. */
  readonly startedAt: number = performance.now()
  /** When the present attempt began, and when it succeeded; 0 = not yet. */
  attemptedAt = 0
  connectedAt = 0
  /** 0 = not yet. */
  finishedAt = 0
  /** Attempts begun, 1 during the first. */
  attempts = 0
  /** The peer of the current or last attempt. */
  peer: Peer | undefined
  /** Nodes that failed in this session. */
  tried: readonly Backend[] = []
  /** What ended the session, if it was not the will of both sides. */
  error: ProxyError | undefined
  deadline = 0
  protected plan: StreamPlan | undefined
  protected readonly runtime: StreamRuntime<Ctx>
  private readonly onEnded: (session: StreamSession<Ctx>) => void

  protected constructor(
    runtime: StreamRuntime<Ctx>,
    transport: 'tcp' | 'udp',
    client: StreamClient,
    serverName: string,
    onEnded: (session: StreamSession<Ctx>) => void,
  ) {
    this.runtime = runtime
    this.transport = transport
    this.client = client
    this.serverName = serverName
    this.onEnded = onEnded
    this.ctx = runtime.phases.newContext(this)
  }

  /** Bytes of the client. */
  abstract get bytesReceived(): number
  /** Bytes for the client. */
  abstract get bytesSent(): number
  /** Starts connecting; what comes of it is told by `connected` or `connectFailed`. May throw. */
  protected abstract connect(peer: Peer, address: UpstreamAddress, key: string): void
  /** Closes what is open, at once. */
  protected abstract release(): void
  abstract onDeadline(): void

  /** Nothing is received or sent any more. */
  get over(): boolean {
    return this.finishedAt !== 0
  }

  /** Asks the program, and goes to the first node. */
  begin(): void {
    const { phases, deadlines } = this.runtime
    deadlines.add(this)
    try {
      this.plan = phases.open(this)
    } catch (cause) {
      this.end(ProxyError.fromPhase('open', cause))
      return
    }
    if (this.plan === undefined) this.end()
    else this.attempt()
  }

  /** Ends the session now. Its connections are closed; what they have not sent is lost. */
  end(error?: ProxyError): void {
    if (this.over) return
    const { phases, deadlines, logger } = this.runtime
    this.deadline = 0
    deadlines.remove(this)
    this.error = error
    this.finishedAt = performance.now()
    this.release()
    if (error !== undefined) this.logError(error)
    try {
      phases.logging?.(this)
    } catch (err) {
      logger.error({ err }, 'logging of a stream session failed')
    }
    this.onEnded(this)
  }

  protected connected(): void {
    this.connectedAt = performance.now()
    const { phases } = this.runtime
    try {
      phases.connectedToUpstream?.(this, this.peer as Peer)
    } catch (cause) {
      this.end(ProxyError.fromPhase('connectedToUpstream', cause))
    }
  }

  /** No byte has reached the node: another one may be tried. */
  protected connectFailed(cause: TransportError): void {
    const { phases } = this.runtime
    const plan = this.plan as StreamPlan
    const peer = this.peer as Peer
    const error = ProxyError.fromUpstream(cause)
    const late = plan.retryTimeoutMs > 0 && performance.now() - this.startedAt > plan.retryTimeoutMs
    error.retry = this.attempts <= plan.retries && !late
    try {
      phases.failToConnect?.(this, peer, error)
    } catch (thrown) {
      this.end(ProxyError.fromPhase('failToConnect', thrown))
      return
    }
    if (peer.backend !== undefined) this.tried = [...this.tried, peer.backend]
    if (!error.retry) {
      this.end(error)
      return
    }
    this.logError(error)
    this.attempt(error)
  }

  protected startTimer(ms: number): void {
    this.deadline = ms === 0 ? 0 : this.runtime.deadlines.now() + ms
  }

  private attempt(before?: ProxyError): void {
    const { phases, resolver } = this.runtime
    this.attemptedAt = performance.now()
    let peer: Peer | undefined
    try {
      peer = phases.upstreamPeer(this)
    } catch (cause) {
      this.end(ProxyError.fromPhase('upstreamPeer', cause))
      return
    }
    if (peer === undefined) {
      this.end(before ?? new ProxyError('NO_UPSTREAM', 'upstream', 0, 'no node of the upstream is left'))
      return
    }
    this.attempts++
    this.peer = peer
    const { resolved } = peer
    if (resolved !== undefined) {
      this.reach(peer, resolved)
      return
    }
    const address = resolver.resolve(peer.host)
    if (typeof address === 'string') this.reach(peer, peer.resolveTo(address))
    else {
      const { attempts } = this
      const stale = (): boolean => this.over || this.attempts !== attempts
      address.then(
        (ip) => {
          if (!stale()) this.reach(peer, peer.resolveTo(ip))
        },
        (cause: unknown) => {
          if (stale()) return
          this.connectFailed(new TransportError('NAME_NOT_RESOLVED', `cannot resolve ${peer.host}`, { cause }))
        },
      )
    }
  }

  private reach(peer: Peer, { address, key }: NonNullable<Peer['resolved']>): void {
    this.startTimer(peer.connectTimeoutMs)
    try {
      this.connect(peer, address, key)
    } catch (cause) {
      // What Node refuses at once: a certificate that is none, a local address that is none.
      const message = `cannot connect to ${peer.name}: ${cause instanceof Error ? cause.message : String(cause)}`
      this.connectFailed(new TransportError('CONNECT_FAILED', message, { cause }))
    }
  }

  private logError(error: ProxyError): void {
    const { phases, logger } = this.runtime
    if (phases.suppressErrorLog?.(this, error) === true) return
    const { client, peer, attempts } = this
    const fields = {
      code: error.code,
      client: client.remoteAddress,
      port: client.localPort,
      peer: peer?.name,
      attempts,
    }
    if (error.source === 'downstream') logger.info(fields, error.message)
    else if (error.source === 'upstream') logger.warn(fields, error.message)
    else logger.error({ ...fields, err: error.cause ?? error }, error.message)
  }
}
