import type { TransportError } from '../errors.ts'
import type { RequestHead } from '../h1/request-head.ts'
import type { Refusal } from './refusal.ts'
import type { ServerConnection } from './server-connection.ts'
import type { ServerStream } from './server-stream.ts'

/** Who receives the requests of a listener's connections. One for all of them. */
export interface RequestHandler {
  /** A head was read and is well formed. Sets `stream.exchange` and answers, now or later. */
  onRequest(stream: ServerStream, head: RequestHead): void
  /** A head was refused. May answer with `stream.sendResponse`; the stream (in HTTP/1 the connection) closes in any case. */
  onRefused(stream: ServerStream, reason: Refusal): void
  onOpened?(connection: ServerConnection): void
  onClosed?(connection: ServerConnection): void
}

/** Who is told what happens to one request after its head. */
export interface ServerExchange {
  /**
   * A piece of the request body, only valid during the call.
   * @returns whether the bytes went on (or were copied); false keeps them untouched until `requestBodyReleased`
   */
  onRequestBody(chunk: Uint8Array): boolean
  /** The body is complete. `trailers`: lines with CRLF, or the empty string. */
  onRequestEnd(trailers: string): void
  /** The rest of the body is unusable: it broke a rule or a limit. An answer may still be possible. */
  onRequestRefused(reason: Refusal): void
  /** Asked when the client of an HTTP/2 request has sent nothing for the body timeout: true lets it wait on. */
  readonly mayWaitForClient?: boolean
  /** What waited to be sent has left: sending may go on. */
  onDownstreamDrain(): void
  /** The client is gone, or has given this request up, before the exchange was over. */
  onDownstreamLost(error: TransportError): void
}
