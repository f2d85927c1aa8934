import {
  ClientEnd,
  DEFAULT_H1_LIMITS,
  parseRequestHead,
  RequestHead,
  type ResponseHead,
  SENT,
  type Sent,
  type ServerExchange,
  type ServerStream,
  type TlsInfo,
  TransportError,
} from '@sekisho/wire'
import { type MemoryRequestOptions, piecesOf } from './test-request.ts'

/** A response as it left. */
export interface MemoryResponse {
  readonly head: ResponseHead
  /** As they were sent, one after the other. */
  readonly pieces: readonly Buffer[]
  /** Lines with CRLF. */
  readonly trailers: string
  /** It was broken off: the client saw that it is not whole. */
  readonly cut: boolean
}

/** The head of a request, by the parser of real ones: what that refuses, a test cannot send. */
export function requestHead(target: string, options: MemoryRequestOptions): RequestHead {
  const { method = 'GET', headers = {}, host = 'example.com', protocol = 'HTTP/1.1' } = options
  const { length } = piecesOf(options.body)
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`))
  const has = (name: string): boolean => lines.some((line) => line.toLowerCase().startsWith(`${name}:`))
  if (!has('host')) lines.unshift(`Host: ${host}`)
  if (options.body !== undefined && !has('content-length') && !has('transfer-encoding'))
    lines.push(length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`)
  const version = protocol === 'HTTP/1.0' ? protocol : 'HTTP/1.1'
  const text = [`${method} ${target} ${version}`, ...lines, '', ''].join('\r\n')
  const head = parseRequestHead(text, 0, text.length, DEFAULT_H1_LIMITS)
  if (head instanceof RequestHead) return head
  throw new Error(`no client may send this request: ${head.message} (${head.code})`)
}

/** The client's side of one request, in memory: what a connection does for the exchange, without one. */
export class MemoryClient implements ServerStream {
  exchange: ServerExchange | undefined = undefined
  readonly client: ClientEnd
  readonly requestNumber = 1
  readonly httpMajor: 1 | 2
  bytesReceived: number
  bytesSent = 0
  headSent = false
  readonly backlog = 0
  readonly needsDrain = false
  /** Resolves when the response is over. */
  readonly response: Promise<MemoryResponse>
  private readonly waiting: Buffer[]
  private reading = false
  private paused = false
  private delivering = false
  private ended: boolean
  private over = false
  private head: ResponseHead | undefined = undefined
  private readonly sent: Buffer[] = []
  private settle: (response: MemoryResponse) => void = () => undefined
  private reject: (error: Error) => void = () => undefined

  constructor(head: RequestHead, options: MemoryRequestOptions) {
    const { remoteAddress = '192.0.2.1', protocol, secure = false, signal } = options
    const socket = { remoteAddress, remotePort: 50_000, localAddress: '192.0.2.254', localPort: secure ? 8443 : 8080 }
    const tls = secure ? encrypted(head.host, protocol) : undefined
    this.client = new ClientEnd(socket as never, { tls, protocol: '', proxied: undefined })
    this.httpMajor = protocol === 'HTTP/2.0' ? 2 : 1
    this.bytesReceived = head.byteLength
    this.waiting = piecesOf(options.body).pieces
    this.ended = head.bodyLength === 0
    this.response = new Promise((resolve, reject) => {
      this.settle = resolve
      this.reject = reject
    })
    signal?.addEventListener('abort', () => this.leave(), { once: true })
  }

  readRequestBody(): void {
    this.reading = true
    this.deliver()
  }
  pauseRequestBody(): void {
    this.paused = true
  }
  resumeRequestBody(): void {
    this.paused = false
    this.deliver()
  }
  releaseRequestBody(): void {}

  sendInformational(): void {}
  sendResponse(head: ResponseHead, body: string, trailers = ''): void {
    this.sendHead(head)
    if (body !== '') this.sendBody(Buffer.from(body, 'latin1'))
    this.endBody(trailers)
  }
  sendHead(head: ResponseHead): void {
    this.headSent = true
    this.head = head
    this.bytesSent += head.headers.block.length
  }
  sendBody(chunk: Uint8Array): Sent {
    this.bytesSent += chunk.length
    this.sent.push(Buffer.from(chunk))
    return SENT
  }
  endBody(trailers = ''): void {
    this.finish(trailers, false)
  }
  cut(): void {
    this.finish('', true)
  }

  startTunnel(): void {
    this.reject(new Error('an upgrade needs a connection: test it with startGateway'))
  }
  sendTunnelBytes(): Sent {
    return SENT
  }
  endTunnel(): void {}
  closeTunnel(): void {}

  /** One piece for each turn of the event loop, as reads of a socket come. */
  private deliver(): void {
    if (this.delivering || !this.reading || this.ended) return
    this.delivering = true
    setImmediate(() => {
      this.delivering = false
      if (this.paused || this.over || this.ended) return
      const piece = this.waiting.shift()
      if (piece === undefined) {
        this.ended = true
        this.exchange?.onRequestEnd('')
        return
      }
      this.bytesReceived += piece.length
      // The memory of a read is used for the next one: who kept the piece finds other bytes in it, here as there.
      if (this.exchange?.onRequestBody(piece) !== false) piece.fill(0x23)
      this.deliver()
    })
  }

  private finish(trailers: string, cut: boolean): void {
    if (this.over) return
    this.over = true
    const { head } = this
    if (head === undefined) this.reject(new Error('the connection was closed without an answer'))
    else this.settle({ head, pieces: this.sent, trailers, cut })
  }

  private leave(): void {
    if (this.over) return
    this.over = true
    this.exchange?.onDownstreamLost(new TransportError('CLIENT_GONE', 'the client closed the connection'))
    this.reject(new Error('the client left'))
  }
}

function encrypted(host: string, protocol: MemoryRequestOptions['protocol']): TlsInfo {
  return {
    context: undefined as never,
    serverName: host.replace(/:\d+$/, '').toLowerCase(),
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    alpn: protocol === 'HTTP/2.0' ? 'h2' : 'http/1.1',
    resumed: false,
    authorized: false,
    authorizationError: undefined,
    peerCertificate: () => undefined,
  }
}
