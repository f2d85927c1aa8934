import type { Socket } from 'node:net'
import {
  addressName,
  connectError,
  connectSocket,
  TransportError,
  writeProxyHeader,
  type UpstreamAddress,
} from '@sekisho/wire'
import type { Peer } from '../peers/peer.ts'
import { ProxyError } from '../proxy-error.ts'
import type { StreamPlan } from './phases.ts'
import { SpliceEnd, type Splice } from './splice-end.ts'
import { StreamSession, type StreamClient, type StreamRuntime } from './stream-session.ts'

/** When one side is lost, what it sent may still leave to the other for so long. */
const FLUSH_MS = 5_000

const CONNECTING = 0
const JOINED = 1
/** One side is gone; what it sent is still being delivered. */
const FLUSHING = 2

/** A client's connection and that to an upstream, joined. Half closes pass through. */
export class TcpSession<Ctx> extends StreamSession<Ctx> implements Splice {
  readonly downstream: SpliceEnd
  private upstream: SpliceEnd | undefined
  private state = CONNECTING
  private closedEnds = 0
  private failure: ProxyError | undefined
  private queuedBefore = 0

  constructor(
    runtime: StreamRuntime<Ctx>,
    socket: Socket,
    client: StreamClient,
    serverName: string,
    onEnded: (session: StreamSession<Ctx>) => void,
  ) {
    super(runtime, 'tcp', client, serverName, onEnded)
    this.downstream = new SpliceEnd(this, socket)
  }

  override begin(): void {
    // Nothing is read that nobody could take.
    this.downstream.socket.pause()
    super.begin()
  }

  get bytesReceived(): number {
    return this.downstream.received
  }
  get bytesSent(): number {
    return this.upstream?.received ?? 0
  }

  protected connect(_peer: Peer, address: UpstreamAddress, key: string): void {
    const options = { key, sessions: this.runtime.tlsSessions, header: this.proxyHeader() }
    this.upstream = connectSocket(address, options, (socket) => new SpliceEnd(this, socket))
  }

  reached(end: SpliceEnd): void {
    if (!this.over && this.upstream === end) this.join(end)
  }

  active(): void {
    if (this.state === JOINED) this.startTimer((this.plan as StreamPlan).idleTimeoutMs)
  }

  closed(end: SpliceEnd, error: Error | undefined): void {
    if (this.over) return
    if (this.state === CONNECTING) {
      if (end === this.downstream) this.end(clientGone(error))
      else if (end === this.upstream) this.connectFailed(connectError(this.peerName, error ?? CLOSED))
      return
    }
    if (end !== this.downstream && end !== this.upstream) return
    this.closedEnds++
    const whole = this.downstream.ended && this.upstream?.ended === true && error === undefined
    if (this.closedEnds === 2) this.end(this.failure ?? (whole ? undefined : this.lost(end, error)))
    else if (this.state === JOINED && !whole) this.flush(this.lost(end, error))
  }

  onDeadline(): void {
    if (this.state === CONNECTING) {
      this.dropUpstream()
      this.connectFailed(new TransportError('CONNECT_TIMEOUT', `connecting to ${this.peerName} took too long`))
    } else if (this.state === FLUSHING) this.end(this.failure)
    else if (this.tookSome()) this.active()
    else this.end(new ProxyError('READ_TIMEOUT', 'downstream', 0, 'no byte in either direction within the time limit'))
  }

  protected release(): void {
    this.downstream.stop()
    this.downstream.socket.destroy()
    this.dropUpstream()
  }

  private join(upstream: SpliceEnd): void {
    this.state = JOINED
    this.active()
    this.connected()
    if (this.over) return
    upstream.join(this.downstream)
    this.downstream.join(upstream)
  }

  /** A side is gone, and not because both were done: the other is closed when it has got what was sent before. */
  private flush(failure: ProxyError): void {
    this.state = FLUSHING
    this.failure = failure
    this.startTimer(FLUSH_MS)
    for (const end of [this.downstream, this.upstream as SpliceEnd]) {
      end.stop()
      // Paused, it would never see the end of its peer.
      end.socket.resume()
      end.socket.destroySoon()
    }
  }

  private lost(end: SpliceEnd, error: Error | undefined): ProxyError {
    if (end === this.downstream) return clientGone(error)
    const how = error === undefined ? 'was closed' : `was lost: ${error.message}`
    return ProxyError.fromUpstream(new TransportError('RESET', `the connection to ${this.peerName} ${how}`))
  }

  private dropUpstream(): void {
    const { upstream } = this
    if (upstream === undefined) return
    upstream.stop()
    upstream.socket.destroy()
  }

  /** Whether a side took any byte since this was asked last: a slow one is not a dead one. */
  private tookSome(): boolean {
    const queued = this.downstream.queued + (this.upstream?.queued ?? 0)
    const before = this.queuedBefore
    this.queuedBefore = queued
    return queued > 0 && queued < before
  }

  private proxyHeader(): Uint8Array | undefined {
    const version = this.plan?.proxyProtocol
    if (version === undefined) return undefined
    const { remoteAddress, remotePort, localAddress, localPort, proxied } = this.client
    return writeProxyHeader(version, {
      sourceAddress: remoteAddress,
      sourcePort: remotePort,
      destinationAddress: proxied?.destinationAddress ?? localAddress,
      destinationPort: proxied?.destinationPort ?? localPort,
    })
  }

  private get peerName(): string {
    const address = this.peer?.resolved?.address
    return address === undefined ? (this.peer?.name ?? '') : addressName(address)
  }
}

const CLOSED: NodeJS.ErrnoException = Object.assign(new Error('it closed the connection'), { code: 'ECONNRESET' })

const clientGone = (cause: Error | undefined): ProxyError =>
  ProxyError.fromDownstream(
    new TransportError(
      'CLIENT_GONE',
      `the client's connection ${cause === undefined ? 'was closed' : `was lost: ${cause.message}`}`,
    ),
  )
