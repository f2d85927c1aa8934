import type { ResponseHead } from '../h1/response-head.ts'
import type { ClientEnd } from '../sockets/client-end.ts'
import type { Sent } from '../sockets/output.ts'
import type { ServerExchange } from './server-exchange.ts'
import type { TunnelEnds } from './tunnel-ends.ts'

/**
 * One request and its response, seen from where the answer leaves. In HTTP/2 a stream of a connection; in HTTP/1, where one request follows the
 * other, the connection is its own only stream.
 */
export interface ServerStream {
  /** Who handles the request; set by the handler in `onRequest`. */
  exchange: ServerExchange | undefined
  readonly client: ClientEnd
  /** 1 for the first request of its connection. */
  readonly requestNumber: number
  readonly httpMajor: 1 | 2
  /** Bytes of this exchange on the wire, for logs and metrics. */
  readonly bytesReceived: number
  readonly bytesSent: number
  /** The response has been started: its status can no longer be changed. */
  readonly headSent: boolean
  /** Bytes that wait for the client to take them. */
  readonly backlog: number
  /** So many wait that no more should be sent before `onDownstreamDrain`. */
  readonly needsDrain: boolean

  /** Starts the delivery of the request body to the exchange; sends `100 Continue` first to a client that waits for it. */
  readRequestBody(): void
  /** Stops the delivery of the request body, or of the tunnel's bytes. */
  pauseRequestBody(): void
  resumeRequestBody(): void
  /** The chunks that `onRequestBody` answered false for have left. */
  releaseRequestBody(): void

  /** A 1xx response other than 101. */
  sendInformational(head: ResponseHead): void
  /**
   * Sends a whole response in one write: the path of every small answer.
   * @param body latin1 text of the body's bytes, as long as the head says
   * @param trailers lines with CRLF
   */
  sendResponse(head: ResponseHead, body: string, trailers?: string): void
  /** Starts a response whose body follows in `sendBody`. */
  sendHead(head: ResponseHead): void
  sendBody(chunk: Uint8Array): Sent
  /** Ends the body that `sendHead` began. */
  endBody(trailers?: string): void
  /** The response cannot be completed: the client must see that it was cut, and not take it for whole. */
  cut(): void

  /** Agrees to the switch that the request asked for (101); from here on bytes flow both ways untouched. */
  startTunnel(head: ResponseHead, tunnel: TunnelEnds): void
  sendTunnelBytes(chunk: Uint8Array): Sent
  /** No more bytes will come for the client (half close). */
  endTunnel(): void
  /** The other side is gone: what it sent is still delivered, in limited time. */
  closeTunnel(): void
}
