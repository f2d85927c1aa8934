import type { Deadlines } from '../clock/deadlines.ts'
import type { H2ClientConnection } from '../h2/client-connection.ts'
import { connectH2 } from '../h2/connect.ts'
import type { H2Limits } from '../h2/limits.ts'
import type { H1Limits } from '../limits.ts'
import type { ClientStream } from '../streams/client-stream.ts'
import type { TlsSessions } from '../tls/sessions.ts'
import type { UpstreamAddress } from './upstream-address.ts'

export interface StreamPoolOptions {
  readonly deadlines: Deadlines
  readonly limits: H1Limits
  readonly h2Limits: H2Limits
  /** Idle connections kept in all; the one idle longest goes first. */
  readonly maxIdle: number
}

/** RFC 9113 section 6.5.2 recommends no less. */
const FEW_STREAMS = 100
/** Peers whose limits are remembered. */
const MAX_LIMITED = 1_024

/**
 * The HTTP/2 connections to upstreams of one thread. A request takes a stream of the first connection of its peer that has room, so that few
 * connections are busy and the others fall idle; when none has room another is made. A connection that is going away, or gone, is not found here.
 */
export class StreamPool {
  idle = 0
  private total = 0
  private readonly peers = new Map<string, H2ClientConnection[]>()
  private readonly options: StreamPoolOptions
  private readonly sessions: TlsSessions = new Map()
  /** Peers that take few requests at a time: the next connection to one is not asked for more before it can say so. */
  private readonly limited = new Map<string, number>()

  constructor(options: StreamPoolOptions) {
    this.options = options
  }

  get active(): number {
    return this.total - this.idle
  }

  /** A stream of a connection that is there, or being made; undefined: none has room. */
  take(key: string): ClientStream | undefined {
    const connections = this.peers.get(key)
    if (connections === undefined) return undefined
    for (const connection of connections) if (connection.room > 0) return connection.openStream()
    return undefined
  }

  /** A stream of a new connection, being made. */
  open(key: string, address: UpstreamAddress): ClientStream {
    const { limits, h2Limits, deadlines } = this.options
    const connection = connectH2(address, key, this.sessions, {
      limits,
      deadlines,
      h2: h2Limits,
      assumedStreams: this.limited.get(key) ?? Infinity,
      onMaxStreams: (streams) => this.noteLimit(key, streams),
      onUnusable: (one) => this.drop(key, one),
      onIdleChange: (one, idle) => this.countIdle(key, one, idle),
      onClosed: () => this.total--,
    })
    this.total++
    this.idle++
    const known = this.peers.get(key)
    if (known === undefined) this.peers.set(key, [connection])
    else known.push(connection)
    return connection.openStream()
  }

  closeIdle(): void {
    for (const connections of this.peers.values()) {
      for (const one of [...connections]) if (one.idle) one.discard()
    }
  }

  private countIdle(key: string, connection: H2ClientConnection, idle: boolean): void {
    this.idle += idle ? 1 : -1
    if (!idle) return
    const connections = this.peers.get(key)
    const { maxIdle } = connection
    if (connections !== undefined && connections.length > maxIdle && countIdleOf(connections) > maxIdle) {
      connection.discard()
    } else if (this.idle > this.options.maxIdle) this.evict()
  }

  private noteLimit(key: string, streams: number): void {
    if (streams >= FEW_STREAMS) {
      this.limited.delete(key)
      return
    }
    if (this.limited.size >= MAX_LIMITED) this.limited.delete(this.limited.keys().next().value as string)
    this.limited.set(key, Math.max(1, streams))
  }

  private evict(): void {
    let oldest: H2ClientConnection | undefined
    for (const connections of this.peers.values()) {
      for (const one of connections) {
        if (one.idle && (oldest === undefined || one.idleSince < oldest.idleSince)) oldest = one
      }
    }
    oldest?.discard()
  }

  private drop(key: string, connection: H2ClientConnection): void {
    if (connection.idle) this.idle--
    const connections = this.peers.get(key)
    const at = connections === undefined ? -1 : connections.indexOf(connection)
    if (connections === undefined || at < 0) return
    connections.splice(at, 1)
    if (connections.length === 0) this.peers.delete(key)
  }
}

const countIdleOf = (connections: readonly H2ClientConnection[]): number =>
  connections.reduce((count, one) => count + (one.idle ? 1 : 0), 0)
