import type { Deadlines } from '../clock/deadlines.ts'
import { H1ClientConnection } from '../h1/client-connection.ts'
import { connectH1 } from '../h1/connect.ts'
import type { TlsSessions } from '../tls/sessions.ts'
import type { H1Limits } from '../limits.ts'
import type { KeepAlive } from './keep-alive.ts'
import { addressName, type UpstreamAddress } from './upstream-address.ts'

export interface ConnectionPoolOptions {
  readonly deadlines: Deadlines
  readonly limits: H1Limits
  /** Idle connections kept in all; the one idle longest goes first. */
  readonly maxIdle: number
  /** A peer sent bytes that nobody asked for: its connections are not reused for a while. */
  readonly onDistrust?: (peer: string) => void
  /** How long, in ms; 0 = it is trusted again at once. */
  readonly distrustMs?: number
}

/**
 * How long no connection is reused to a peer that sent more than it was asked for. What it sends in the moment in which a connection is given to
 * the next request cannot be told from that request's response, by no client of HTTP/1.1: so it gets one connection a request.
 */
const DEFAULT_DISTRUST_MS = 60_000
/** Peers that are distrusted at a time. */
const MAX_DISTRUSTED = 1_024

export const DEFAULT_MAX_IDLE = 1_024

/**
 * The upstream connections of one thread. The connection used last is taken first: it is the most likely to be alive, its
 * memory is warm, and the others get the chance to time out.
 */
export class ConnectionPool {
  /** Connections with a request on them, or being made for one. */
  active = 0
  idle = 0
  private readonly peers = new Map<string, H1ClientConnection[]>()
  private readonly options: ConnectionPoolOptions
  private readonly sessions: TlsSessions = new Map()
  /** Until when, by key. */
  private readonly distrusted = new Map<string, number>()

  constructor(options: ConnectionPoolOptions) {
    this.options = options
  }

  /** An idle connection to that peer, or undefined. */
  take(key: string): H1ClientConnection | undefined {
    const stack = this.peers.get(key)
    if (stack === undefined || stack.length === 0 || this.isDistrusted(key)) return undefined
    const connection = stack.pop() as H1ClientConnection
    this.idle--
    this.active++
    connection.deadline = 0
    return connection
  }

  /** A new connection to that peer, being made. */
  open(key: string, address: UpstreamAddress): H1ClientConnection {
    const connection = connectH1(address, this.sessions, {
      key,
      limits: this.options.limits,
      deadlines: this.options.deadlines,
      name: addressName(address),
      onClosed: this.closed,
      onFree: this.free,
    })
    this.active++
    return connection
  }

  /** A connection comes back after its exchange; it stays if it can take another request and there is room. */
  private readonly free = (connection: H1ClientConnection, keepAlive: KeepAlive): void => {
    if (connection.closed) return
    const { key } = connection.options
    const usedUp = keepAlive.maxRequests > 0 && connection.requestCount >= keepAlive.maxRequests
    let stack = this.peers.get(key)
    if (stack === undefined) this.peers.set(key, (stack = []))
    if (!connection.idle || usedUp || stack.length >= keepAlive.maxIdle || this.isDistrusted(key)) {
      connection.discard()
      return
    }
    this.active--
    this.idle++
    const now = this.options.deadlines.now()
    connection.idleSince = now
    connection.deadline = keepAlive.idleTimeoutMs === 0 ? 0 : now + keepAlive.idleTimeoutMs
    stack.push(connection)
    if (this.idle > this.options.maxIdle) this.evict()
  }

  /** Closes the idle connections: of one peer that is gone, or of all. */
  closeIdle(key?: string): void {
    for (const [peer, stack] of this.peers)
      if (key === undefined || key === peer) for (const one of [...stack]) one.discard()
  }

  /** Closes the connection that was not needed for longest, the bottom of some peer's stack; forgets peers that have none. */
  private evict(): void {
    let oldest: H1ClientConnection | undefined
    for (const [key, stack] of this.peers) {
      if (stack.length === 0) this.peers.delete(key)
      else if (oldest === undefined || stack[0].idleSince < oldest.idleSince) oldest = stack[0]
    }
    oldest?.discard()
  }

  private isDistrusted(key: string): boolean {
    if (this.distrusted.size === 0) return false
    const until = this.distrusted.get(key)
    if (until === undefined) return false
    if (this.options.deadlines.now() < until) return true
    this.distrusted.delete(key)
    return false
  }

  private distrust(key: string, peer: string): void {
    const { distrustMs = DEFAULT_DISTRUST_MS } = this.options
    if (distrustMs === 0) return
    const known = this.isDistrusted(key)
    if (this.distrusted.size >= MAX_DISTRUSTED) this.distrusted.delete(this.distrusted.keys().next().value as string)
    this.distrusted.set(key, this.options.deadlines.now() + distrustMs)
    if (known) return
    this.closeIdle(key)
    this.options.onDistrust?.(peer)
  }

  private readonly closed = (connection: H1ClientConnection): void => {
    const { key, name } = connection.options
    if (connection.sentTooMuch) this.distrust(key, name)
    const stack = this.peers.get(key)
    const at = stack === undefined ? -1 : stack.indexOf(connection)
    if (stack === undefined || at < 0) {
      this.active--
      return
    }
    stack.splice(at, 1)
    this.idle--
    if (stack.length === 0) this.peers.delete(key)
  }
}
