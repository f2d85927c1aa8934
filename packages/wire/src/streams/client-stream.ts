import type { RequestHead } from '../h1/request-head.ts'
import type { KeepAlive } from '../pools/keep-alive.ts'
import type { Sent } from '../sockets/output.ts'
import type { ClientExchange } from './client-exchange.ts'
import type { TunnelEnds } from './tunnel-ends.ts'

/** How long a peer may take, in ms; 0 = as long as it likes. */
export interface StreamTimeouts {
  /** From the end of the request to the head of the response, and in HTTP/1 between two reads of its body. */
  readonly readTimeoutMs: number
  /** Between two writes that the peer must make room for. */
  readonly writeTimeoutMs: number
  /** Between two pieces of a response body in HTTP/2, where a quiet stream is no dead one: PING tells them apart. */
  readonly quietTimeoutMs: number
}

export const NO_TIMEOUTS: StreamTimeouts = { readTimeoutMs: 0, writeTimeoutMs: 0, quietTimeoutMs: 0 }

/** One request and its response, seen from where the request leaves: a stream of an HTTP/2 connection, or an HTTP/1 connection for one exchange. */
export interface ClientStream {
  /** The connection is there (TLS included): a request may be sent at once. */
  readonly ready: boolean
  /** Nothing can be sent or received any more. */
  readonly closed: boolean
  /** A body without a length is sent in chunks, which `Transfer-Encoding` must say; in HTTP/2 frames do that. */
  readonly chunks: boolean
  /** Bytes of the current exchange on the wire. */
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Bytes that wait for the upstream to take them. */
  readonly backlog: number

  /** Waits for the connection on behalf of `exchange`. */
  connectFor(exchange: ClientExchange, timeoutMs: number): void
  /**
   * Sends a request head; its fields are as they leave, apart from what the protocol says in its own way.
   * @param bodyLength bytes of the body that follows by `sendBody`, `CHUNKED`, or 0
   */
  sendRequest(exchange: ClientExchange, request: RequestHead, bodyLength: number, timeouts: StreamTimeouts): void
  sendBody(chunk: Uint8Array): Sent
  endBody(trailers?: string): void

  pauseBody(): void
  resumeBody(): void
  /** The chunks that `onResponseBody` answered false for have left. */
  releaseBody(): void

  /** After `onUpgraded`: who gets the bytes from here on. */
  joinTunnel(tunnel: TunnelEnds): void
  sendTunnelBytes(chunk: Uint8Array): Sent
  endTunnel(): void
  /** Both sides of the tunnel ended: closes when what waits has left. */
  closeTunnel(): void

  /** The exchange is over, and went well: the connection may serve others. */
  giveBack(keepAlive: KeepAlive): void
  /** Nobody waits for this any more: gives the request up without telling anybody but the pool and the peer. */
  discard(): void
}
