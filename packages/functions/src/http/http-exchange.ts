import {
  CHUNKED,
  Headers,
  latin1TextOf,
  ResponseHead,
  SENT,
  STALLED,
  statusText,
  type RequestHead,
  type ServerExchange,
  type ServerStream,
} from '@sekisho/wire'

/** A request that was read whole. */
export interface HttpRequest {
  readonly method: string
  /** `host[:port]` as the client called it; empty only in HTTP/1.0. */
  readonly host: string
  /** Percent-encoded, without the query. */
  readonly path: string
  /** Without `?`. */
  readonly query: string
  readonly headers: Headers
  /** Its memory belongs to the handler. */
  readonly body: Buffer
  readonly remoteAddress: string
}

/** Where a handler answers. Nothing here throws because a client has gone. */
export interface HttpReply {
  /** A whole answer in one write. */
  send(status: number, headers: Headers, body: Buffer | string): void
  /** Begins an answer that comes in pieces. */
  start(status: number, headers: Headers): void
  /** @returns false: no more before `onDrain` */
  write(chunk: Uint8Array): boolean
  end(trailers?: string): void
  /** The answer cannot be completed: the client sees that it was cut. */
  cut(): void
  onDrain: (() => void) | undefined
  /** The client has gone before it was answered. */
  onLost: (() => void) | undefined
}

export interface HttpHandler {
  /** Most bytes that the body of this request may have; asked before it is read. */
  maxBodyBytes(head: RequestHead): number
  handle(request: HttpRequest, reply: HttpReply): void
  /** The body is larger, or broke a rule: answers. Default: the status and its text. */
  refuse?(head: RequestHead, status: number, reply: HttpReply): void
}

const NOTHING = Buffer.alloc(0)

/** One request and its answer: gathers the body, then hands both to the handler. */
export class HttpExchange implements ServerExchange, HttpReply {
  onDrain: (() => void) | undefined
  onLost: (() => void) | undefined
  private readonly stream: ServerStream
  private readonly head: RequestHead
  private readonly handler: HttpHandler
  private readonly maxBytes: number
  private chunks: Buffer[] | undefined
  private bytes = 0
  private over = false

  constructor(stream: ServerStream, head: RequestHead, handler: HttpHandler) {
    this.stream = stream
    this.head = head
    this.handler = handler
    this.maxBytes = head.bodyLength === 0 ? 0 : handler.maxBodyBytes(head)
  }

  /** Reads the body, if there is one, and calls the handler. */
  begin(): void {
    if (this.head.bodyLength === 0) this.handle(NOTHING)
    else if (this.head.bodyLength !== CHUNKED && this.head.bodyLength > this.maxBytes) this.refuse(413)
    else this.stream.readRequestBody()
  }

  onRequestBody(chunk: Uint8Array): boolean {
    if (this.over) return true
    this.bytes += chunk.length
    if (this.bytes > this.maxBytes) this.refuse(413)
    else (this.chunks ??= []).push(Buffer.from(chunk))
    return true
  }

  onRequestEnd(): void {
    if (this.over) return
    const { chunks } = this
    this.chunks = undefined
    this.handle(chunks === undefined ? NOTHING : chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
  }

  onRequestRefused(reason: { readonly status: number }): void {
    if (!this.over) this.refuse(reason.status)
  }

  onDownstreamDrain(): void {
    this.onDrain?.()
  }

  onDownstreamLost(): void {
    this.over = true
    this.chunks = undefined
    this.onLost?.()
  }

  send(status: number, headers: Headers, body: Buffer | string): void {
    if (this.over && this.stream.headSent) return
    this.over = true
    const text = typeof body === 'string' ? latin1TextOf(Buffer.from(body)) : latin1TextOf(body)
    headers.appendUnchecked('Content-Length', String(text.length))
    this.stream.sendResponse(new ResponseHead(status, statusText(status), headers, text.length), text)
  }

  start(status: number, headers: Headers): void {
    this.over = true
    headers.appendUnchecked('Transfer-Encoding', 'chunked')
    this.stream.sendHead(new ResponseHead(status, statusText(status), headers, CHUNKED))
  }

  write(chunk: Uint8Array): boolean {
    const sent = this.stream.sendBody(chunk)
    return sent === SENT || (sent !== STALLED && !this.stream.needsDrain)
  }

  end(trailers = ''): void {
    this.stream.endBody(trailers)
  }

  cut(): void {
    this.stream.cut()
  }

  private handle(body: Buffer): void {
    const { head, stream } = this
    const { method, host, path, query, headers } = head
    this.handler.handle({ method, host, path, query, headers, body, remoteAddress: stream.client.remoteAddress }, this)
  }

  private refuse(status: number): void {
    this.chunks = undefined
    if (this.handler.refuse === undefined) this.send(status, new Headers(), `${statusText(status)}\n`)
    else this.handler.refuse(this.head, status, this)
    this.over = true
  }
}
