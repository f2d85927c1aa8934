import { TransportError } from '../errors.ts'
import type { RequestHead } from '../h1/request-head.ts'
import type { ResponseHead } from '../h1/response-head.ts'
import type { ClientEnd } from '../sockets/client-end.ts'
import { SENT, type Sent } from '../sockets/output.ts'
import { refusal } from '../streams/refusal.ts'
import type { ServerExchange } from '../streams/server-exchange.ts'
import type { ServerStream } from '../streams/server-stream.ts'
import type { TunnelEnds } from '../streams/tunnel-ends.ts'
import { encodeHeaders } from './encode-headers.ts'
import { ErrorCode, errorName } from './frames.ts'
import { ODD_BYTE } from './limits.ts'
import type { H2ServerConnection } from './server-connection.ts'
import { CONNECTION_FIELDS, H2Stream } from './stream.ts'

/** One request of an HTTP/2 client and what it is answered. */
export class H2ServerStream extends H2Stream implements ServerStream {
  exchange: ServerExchange | undefined
  readonly requestNumber: number
  readonly httpMajor = 2
  headSent = false
  protected readonly connection: H2ServerConnection
  private readonly request: RequestHead | undefined
  private tunnel: TunnelEnds | undefined
  /** The request asked for a tunnel (RFC 8441): its content is not a body. */
  private readonly tunnelAsked: boolean
  /** The body broke a limit, and the exchange knows it: the rest is dropped. */
  private bodyRefused = false
  /** Whatever is sent as content is none: the answer to HEAD, 204 and 304. */
  private bodyless = false

  /** @param request undefined when it was refused */
  constructor(connection: H2ServerConnection, id: number, request: RequestHead | undefined, requestNumber: number) {
    super(id, connection.peer.initialWindow, connection.h2.streamWindow + ODD_BYTE)
    this.connection = connection
    this.request = request
    this.requestNumber = requestNumber
    this.tunnelAsked = request !== undefined && request.upgrade
    this.bytesReceived = request === undefined ? 0 : request.byteLength
  }

  get client(): ClientEnd {
    return this.connection.client
  }

  // ---- the request body -------------------------------------------------------------------------

  readRequestBody(): void {
    if (this.reading || this.over || this.tunnelAsked) return
    if (this.request !== undefined && this.request.expectContinue && !this.headSent && this.contentReceived === 0) {
      const { encoder } = this.connection
      encoder.begin()
      encoder.field(':status', '100')
      this.bytesSent += this.connection.sendFields(this.id, false)
    }
    this.startTimer(this.connection.limits.bodyTimeoutMs)
    this.startReading()
  }

  pauseRequestBody(): void {
    if (!this.reading) return
    this.stopTimer()
    this.stopReading()
  }

  resumeRequestBody(): void {
    if (this.reading || this.over || (this.tunnelAsked && this.tunnel === undefined)) return
    if (!this.peerEnded) this.onProgress()
    this.startReading()
  }

  /** Pieces that were held are left to the garbage collector: a connection's buffer has pieces of many streams. */
  releaseRequestBody(): void {}

  protected deliver(chunk: Buffer): boolean {
    if (this.tunnel !== undefined) {
      this.tunnel.fromClient(chunk)
      return false
    }
    return this.exchange?.onRequestBody(chunk) ?? true
  }

  protected deliverEnd(trailers: string): void {
    this.stopTimer()
    if (this.tunnel !== undefined) this.tunnel.clientEnded()
    else this.exchange?.onRequestEnd(trailers)
  }

  protected checkLength(received: number, end: boolean): boolean {
    const { request, connection } = this
    if (this.bodyRefused) return false
    if (request === undefined || this.tunnelAsked) return true
    const { bodyLength } = request
    const lies = bodyLength >= 0 && (received > bodyLength || (end && received < bodyLength))
    if (lies) {
      connection.resetStream(this, ErrorCode.PROTOCOL_ERROR)
      return false
    }
    const { maxBodyBytes } = connection.limits
    if (maxBodyBytes === 0 || received <= maxBodyBytes) return true
    const { exchange } = this
    if (exchange === undefined) return true
    this.bodyRefused = true
    exchange.onRequestRefused(refusal('BODY_TOO_LARGE'))
    return false
  }

  protected onProgress(): void {
    // Who sends does not take: the time for that goes on.
    if (this.waits) return
    // Behind the head of a response both sides may be silent for as long as the call wants (gRPC streams): the upstream's time runs.
    if (this.headSent || this.tunnel !== undefined) this.deadline = 0
    else this.startTimer(this.connection.limits.bodyTimeoutMs)
  }

  // ---- the response -----------------------------------------------------------------------------

  get needsDrain(): boolean {
    return this.waits
  }

  sendInformational(head: ResponseHead): void {
    if (this.headSent || this.over) return
    this.encode(head)
    this.bytesSent += this.connection.sendFields(this.id, false)
  }

  sendResponse(head: ResponseHead, body: string, trailers = ''): void {
    if (this.headSent || this.over) return
    const content = this.mayHaveContent(head) && body !== ''
    this.start(head, !content && trailers === '')
    if (content) this.sendText(body)
    if (content || trailers !== '') this.sendEnd(trailers)
    this.finish()
  }

  sendHead(head: ResponseHead): void {
    if (this.headSent || this.over) return
    this.bodyless = !this.mayHaveContent(head)
    this.start(head, false)
  }

  sendBody(chunk: Uint8Array): Sent {
    return chunk.length === 0 || this.bodyless ? SENT : this.sendContent(chunk)
  }

  endBody(trailers = ''): void {
    if (this.over || !this.headSent) return
    this.sendEnd(trailers)
    this.finish()
  }

  cut(): void {
    this.exchange = undefined
    this.reset(ErrorCode.INTERNAL_ERROR)
  }

  private mayHaveContent({ status }: ResponseHead): boolean {
    return this.request?.method !== 'HEAD' && status !== 204 && status !== 304
  }

  private start(head: ResponseHead, end: boolean): void {
    this.headSent = true
    this.deadline = 0
    if (this.tunnelAsked && head.status < 300) {
      // To CONNECT that would mean that the tunnel is there (RFC 9110 section 9.3.6).
      this.reset(ErrorCode.CONNECT_ERROR)
      return
    }
    if (head.status === 204) head.headers.delete('content-length')
    this.encode(head)
    this.bytesSent += this.connection.sendFields(this.id, end)
    if (!end) return
    this.ended = true
    this.closeIfDone()
  }

  private encode(head: ResponseHead): void {
    const { encoder } = this.connection
    encoder.begin()
    encoder.field(':status', head.status === 200 ? '200' : String(head.status))
    encodeHeaders(encoder, head.headers, CONNECTION_FIELDS)
  }

  /** The exchange has said all. What of the request has not come is not wanted any more (RFC 9113 section 8.1). */
  private finish(): void {
    this.exchange = undefined
    if (this.over) return
    if (this.peerEnded) {
      // A body that nobody asked for.
      this.startReading()
      this.closeIfDone()
    } else if (this.waits) this.reading = true
    else this.reset(ErrorCode.NO_ERROR)
  }

  private reset(code: number): void {
    if (this.over) return
    this.connection.sendReset(this.id, code)
    this.connection.remove(this)
  }

  onDrained(): void {
    this.deadline = 0
    if (this.tunnel !== undefined) this.tunnel.clientDrained()
    else if (this.exchange !== undefined) this.exchange.onDownstreamDrain()
    else if (!this.peerEnded && this.ended) this.reset(ErrorCode.NO_ERROR)
    else this.closeIfDone()
  }

  /** Unless it is the time to take what waits. */
  private stopTimer(): void {
    if (!this.waits) this.deadline = 0
  }

  protected onStalled(): void {
    if (this.deadline === 0) this.startTimer(this.connection.limits.bodyTimeoutMs)
  }

  // ---- tunnels ----------------------------------------------------------------------------------

  startTunnel(head: ResponseHead, tunnel: TunnelEnds): void {
    if (this.over) return
    this.tunnel = tunnel
    this.headSent = true
    this.deadline = 0
    const { encoder } = this.connection
    encoder.begin()
    encoder.field(':status', '200')
    encodeHeaders(encoder, head.headers, TUNNEL_FIELDS)
    this.bytesSent += this.connection.sendFields(this.id, false)
    this.startReading()
  }

  sendTunnelBytes(chunk: Uint8Array): Sent {
    return this.tunnel === undefined ? SENT : this.sendBody(chunk)
  }

  endTunnel(): void {
    this.sendEnd('')
  }

  closeTunnel(): void {
    this.tunnel = undefined
    this.sendEnd('')
    this.finish()
  }

  stopping(): void {
    this.tunnel?.stopping()
  }

  // ---- the end ----------------------------------------------------------------------------------

  onReset(code: number): void {
    this.lost(`the client gave the request up (${errorName(code)})`)
  }

  onBroken(code: number): void {
    this.lost(`the client broke a rule of HTTP/2 in this request (${errorName(code)})`)
  }

  onLost(reason: string): void {
    this.lost(reason)
  }

  onDeadline(): void {
    if (this.waits) {
      this.lost('the client took no byte for body_timeout')
      this.reset(ErrorCode.CANCEL)
    } else if (!this.headSent && !this.peerEnded && this.exchange !== undefined) {
      if (this.exchange.mayWaitForClient === true) return
      this.exchange.onRequestRefused(refusal('BODY_TIMEOUT'))
    }
  }

  private lost(reason: string): void {
    const { exchange, tunnel } = this
    this.exchange = undefined
    this.tunnel = undefined
    if (tunnel !== undefined) tunnel.clientLost()
    else exchange?.onDownstreamLost(new TransportError('CLIENT_GONE', reason))
  }
}

/** A tunnel is opened with 200 in place of 101, and without what a handshake of HTTP/1.1 has in addition (RFC 8441 section 5). */
const TUNNEL_FIELDS: ReadonlySet<string> = new Set([...CONNECTION_FIELDS, 'sec-websocket-accept', 'content-length'])
