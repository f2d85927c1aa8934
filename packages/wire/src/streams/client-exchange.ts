import type { TransportError } from '../errors.ts'
import type { ResponseHead } from '../h1/response-head.ts'

/** Who is told what an upstream connection brings for one request. */
export interface ClientExchange {
  /** The connection is there (TLS included): the request may be sent. */
  onConnected(): void
  /** Asked when the read timeout of HTTP/2 has passed before the head: true lets it wait on. PING finds out whether the upstream is there. */
  readonly mayWaitForUpstream?: boolean
  /** A 1xx response; 101 only when the request asked for an upgrade, as `onUpgraded`. */
  onInformational(head: ResponseHead): void
  /**
   * The whole response came in one read: the path of every small answer.
   * @param body latin1 text of the body's bytes, decoded if it was chunked
   */
  onResponse(head: ResponseHead, body: string, trailers: string): void
  /** The head of a response whose body follows. */
  onResponseHead(head: ResponseHead): void
  /**
   * A piece of the body, only valid during the call.
   * @returns whether the bytes went on (or were copied); false keeps them untouched until `releaseBody`
   */
  onResponseBody(chunk: Uint8Array): boolean
  /** The body is complete. `trailers`: lines with CRLF, or the empty string. */
  onResponseEnd(trailers: string): void
  /** 101: from here on bytes are a tunnel's, which takes both connections over by `joinTunnel` and `startTunnel`. */
  onUpgraded(head: ResponseHead): void
  /** What waited to be sent upstream has left. */
  onUpstreamDrain(): void
  /** Connecting, sending or receiving failed; nothing more comes. */
  onUpstreamError(error: TransportError): void
}
