import type { Socket } from 'node:net'
import { corkForThisTurn, sendBytes, sendChunk, sendLastChunk, SENT, type Sent } from '../sockets/output.ts'
import type { RequestHead } from './request-head.ts'
import {
  BY_CHUNKS,
  BY_CLOSE,
  BY_LENGTH,
  frameResponse,
  NO_BODY,
  statusLine,
  type ResponseFraming,
} from './response-framing.ts'
import type { ResponseHead } from './response-head.ts'

/**
 * Sends the responses of one connection. It holds to what a head promised: a body that turns out longer or shorter than its
 * Content-Length (a filter's mistake) is reported, so that it is cut and the next response never taken for its end.
 */
export class ResponseWriter {
  /** The head of the present response left. */
  started = false
  /** Bytes of the present response on the wire. */
  bytesSent = 0
  framing: ResponseFraming = NO_BODY
  private readonly socket: Socket
  /** Bytes that the head still promises; only with a length. */
  private remaining = 0

  constructor(socket: Socket) {
    this.socket = socket
  }

  /** Before the next response. */
  reset(): void {
    this.started = false
    this.bytesSent = 0
  }

  /** Settles how the body leaves, in the head's fields too. */
  frame(head: ResponseHead, request: RequestHead | undefined): ResponseFraming {
    this.started = true
    this.framing = frameResponse(head, request)
    if (this.framing === BY_LENGTH) {
      const { headers, bodyLength } = head
      this.remaining = bodyLength >= 0 && !headers.touched ? bodyLength : Number(headers.get('content-length'))
    }
    return this.framing
  }

  /** Sends head and body in one write. Returns whether the body was as long as the head says. */
  sendWhole(head: ResponseHead, body: string, trailers: string): boolean {
    let text = statusLine(head) + head.headers.block + '\r\n'
    let kept = true
    if (this.framing === BY_CHUNKS) {
      if (body !== '') text += body.length.toString(16) + '\r\n' + body + '\r\n'
      text += '0\r\n' + trailers + '\r\n'
    } else if (this.framing === BY_LENGTH) {
      kept = body.length === this.remaining
      text += kept ? body : body.slice(0, this.remaining)
    } else if (this.framing === BY_CLOSE) text += body
    this.bytesSent += text.length
    this.socket.write(text, 'latin1')
    return kept
  }

  sendHead(head: ResponseHead): void {
    const text = statusLine(head) + head.headers.block + '\r\n'
    this.bytesSent += text.length
    // The body's first piece comes in the same turn most often: both leave in one system call.
    if (this.framing !== NO_BODY) corkForThisTurn(this.socket)
    this.socket.write(text, 'latin1')
  }

  /** Whether that many more bytes are what the head allows. */
  fits(length: number): boolean {
    return this.framing !== BY_LENGTH || length <= this.remaining
  }

  sendBody(chunk: Uint8Array): Sent {
    if (this.framing === NO_BODY) return SENT
    this.bytesSent += chunk.length
    if (this.framing === BY_CHUNKS) return sendChunk(this.socket, chunk)
    this.remaining -= chunk.length
    return sendBytes(this.socket, chunk)
  }

  /** Ends the body. Returns whether it was as long as the head says. */
  end(trailers: string): boolean {
    if (this.framing === BY_CHUNKS) sendLastChunk(this.socket, trailers)
    return this.framing !== BY_LENGTH || this.remaining === 0
  }

  /** Sends a head that no body follows here: 1xx. */
  sendLone(head: ResponseHead): void {
    const text = statusLine(head) + head.headers.block + '\r\n'
    this.bytesSent += text.length
    this.socket.write(text, 'latin1')
  }
}
