import type { TransportError } from '../errors.ts'
import type { Refusal } from './refusal.ts'
import type { RequestHead } from './request-head.ts'
import type { H1ServerConnection } from './server-connection.ts'

/** Who receives the requests of a listener's connections. One for all of them. */
export interface RequestHandler {
  /** A head was read and is well formed. Sets `connection.exchange` and answers, now or later. */
  onRequest(connection: H1ServerConnection, head: RequestHead): void
  /** A head was refused. May answer with `connection.sendResponse`; the connection closes in any case. */
  onRefused(connection: H1ServerConnection, reason: Refusal): void
  onOpened?(connection: H1ServerConnection): void
  onClosed?(connection: H1ServerConnection): void
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
  /** What waited to be sent has left: sending may go on. */
  onDownstreamDrain(): void
  /** The client is gone before the exchange was over. */
  onDownstreamLost(error: TransportError): void
}
