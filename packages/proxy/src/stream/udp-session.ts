import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { addressName, connectError, TransportError, type UpstreamAddress } from '@sekisho/wire'
import type { Peer } from '../peers/peer.ts'
import { ProxyError } from '../proxy-error.ts'
import { numericLookup } from './numeric-lookup.ts'
import type { StreamPlan } from './phases.ts'
import { StreamSession, type StreamClient, type StreamRuntime } from './stream-session.ts'

/** Bytes that may wait in a socket for the kernel; further datagrams are dropped, as a network does. */
export const MAX_QUEUED_BYTES = 1_048_576

/** What a session needs of the listener that its client sent to. */
export interface UdpDownstream {
  /** Sends to the client from the listener's address. */
  reply(bytes: Uint8Array): void
  /** Room for datagrams that are kept until there is an answer, of all sessions together. Whether there was some. */
  keep(bytes: number): boolean
  giveBack(bytes: number): void
  /** No new sessions: those that wait for nothing may end. */
  readonly draining: boolean
}

/** The datagrams of one client address and port, to and from one node. */
export class UdpSession<Ctx> extends StreamSession<Ctx> {
  bytesReceived = 0
  bytesSent = 0
  private readonly downstream: UdpDownstream
  private socket: Socket | undefined
  private ready = false
  private answers = 0
  /** The client spoke last. */
  private waiting = false
  /** What the client sent until the first answer: sent again to the next node when this one turns out to be down. */
  private unanswered: Buffer[] = []
  private keptBytes = 0

  constructor(
    runtime: StreamRuntime<Ctx>,
    client: StreamClient,
    downstream: UdpDownstream,
    onEnded: (session: StreamSession<Ctx>) => void,
  ) {
    super(runtime, 'udp', client, '', onEnded)
    this.downstream = downstream
  }

  /** @param datagram the session's to keep */
  fromClient(datagram: Buffer): void {
    if (this.over) return
    this.bytesReceived += datagram.length
    this.waiting = true
    if (this.answers === 0 && this.downstream.keep(datagram.length)) {
      this.unanswered.push(datagram)
      this.keptBytes += datagram.length
    }
    if (!this.ready) return
    this.startTimer((this.plan as StreamPlan).idleTimeoutMs)
    this.send(datagram)
  }

  /** Ends the session if its client waits for nothing. */
  endIfIdle(): void {
    if (!this.waiting) this.end()
  }

  protected connect(_peer: Peer, address: UpstreamAddress): void {
    const { host, port, localAddress } = address
    if (port === 0) throw new Error('a unix socket takes no datagrams')
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', lookup: numericLookup })
    this.socket = socket
    socket.on('error', (error) => this.failed(socket, error))
    socket.on('message', (datagram) => this.answer(socket, datagram))
    socket.once('connect', () => this.sendUnanswered(socket))
    if (localAddress !== undefined) socket.bind(0, localAddress)
    // Connected, it hears of it when nobody listens there (ICMP), and of nobody else.
    socket.connect(port, host)
  }

  onDeadline(): void {
    if (this.ready) this.end()
    else {
      this.closeSocket()
      this.connectFailed(new TransportError('CONNECT_TIMEOUT', `connecting to ${this.peer?.name} took too long`))
    }
  }

  protected release(): void {
    this.forgetUnanswered()
    this.closeSocket()
  }

  private sendUnanswered(socket: Socket): void {
    if (socket !== this.socket) return
    this.ready = true
    this.startTimer((this.plan as StreamPlan).idleTimeoutMs)
    for (const datagram of this.unanswered) this.send(datagram)
  }

  private send(datagram: Buffer): void {
    const socket = this.socket as Socket
    if (socket.getSendQueueSize() > MAX_QUEUED_BYTES) return
    socket.send(datagram)
  }

  private answer(socket: Socket, datagram: Buffer): void {
    if (socket !== this.socket) return
    if (this.answers++ === 0) {
      this.forgetUnanswered()
      this.connected()
      if (this.over) return
    }
    this.bytesSent += datagram.length
    this.waiting = false
    const { idleTimeoutMs, responses } = this.plan as StreamPlan
    this.startTimer(idleTimeoutMs)
    this.downstream.reply(datagram)
    if (this.answers === responses || this.downstream.draining) this.end()
  }

  private failed(socket: Socket, error: NodeJS.ErrnoException): void {
    if (socket !== this.socket) return
    // A datagram that is too large for the way is the client's affair, and only this one's.
    if (error.code === 'EMSGSIZE') return
    const address = this.peer?.resolved?.address
    const cause = connectError(address === undefined ? '' : addressName(address), error)
    this.closeSocket()
    if (this.answers === 0) this.connectFailed(cause)
    // It was there before: the client's next datagram begins anew.
    else this.end(ProxyError.fromUpstream(cause))
  }

  private forgetUnanswered(): void {
    this.downstream.giveBack(this.keptBytes)
    this.keptBytes = 0
    this.unanswered = []
  }

  private closeSocket(): void {
    this.ready = false
    this.socket?.close()
    this.socket = undefined
  }
}
