import type { ClientStream } from '../streams/client-stream.ts'
import { ConnectionPool, type ConnectionPoolOptions } from './connection-pool.ts'
import { StreamPool, type StreamPoolOptions } from './stream-pool.ts'
import type { UpstreamAddress, UpstreamProtocol } from './upstream-address.ts'

/** The upstream connections of one thread: HTTP/1 ones, each for one exchange at a time, and HTTP/2 ones, shared by many. */
export class UpstreamPools {
  readonly connections: ConnectionPool
  readonly streams: StreamPool

  constructor(options: ConnectionPoolOptions & StreamPoolOptions) {
    this.connections = new ConnectionPool(options)
    this.streams = new StreamPool(options)
  }

  /**
   * Something to send a request on, without a new connection; undefined: one has to be opened.
   * @param fresh a kept HTTP/1 connection was dead: none of those is wanted (HTTP/2 connections say when they go)
   */
  take(key: string, protocol: UpstreamProtocol, fresh: boolean): ClientStream | undefined {
    if (protocol === 'h2') return this.streams.take(key)
    return fresh ? undefined : this.connections.take(key)
  }

  /** On a new connection, being made. */
  open(key: string, address: UpstreamAddress): ClientStream {
    return address.protocol === 'h2' ? this.streams.open(key, address) : this.connections.open(key, address)
  }

  /** Connections with a request on them, or being made for one. */
  get active(): number {
    return this.connections.active + this.streams.active
  }
  get idle(): number {
    return this.connections.idle + this.streams.idle
  }

  /** Closes the idle connections: nobody is left to use them. */
  closeIdle(): void {
    this.connections.closeIdle()
    this.streams.closeIdle()
  }
}
