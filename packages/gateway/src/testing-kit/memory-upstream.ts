import {
  addressName,
  type ClientExchange,
  type ClientStream,
  Deadlines,
  DEFAULT_H1_LIMITS,
  DEFAULT_H2_LIMITS,
  parseResponseHead,
  type RequestHead,
  ResponseHead,
  SENT,
  type Sent,
  statusText,
  TransportError,
  type UpstreamAddress,
  UpstreamPools,
} from '@sekisho/wire'
import { bytesOf } from './test-request.ts'
import { echo, type Upstream, type UpstreamAnswer, type UpstreamRequest, upstreamRequest } from './upstream.ts'

/** Connections to upstreams, in memory: whatever the node, one function answers. */
export class MemoryUpstreams extends UpstreamPools {
  readonly requests: UpstreamRequest[] = []
  upstream: Upstream

  constructor(upstream: Upstream = echo) {
    super({ deadlines: new Deadlines(), limits: DEFAULT_H1_LIMITS, h2Limits: DEFAULT_H2_LIMITS, maxIdle: 0 })
    this.upstream = upstream
  }

  override take(): undefined {
    return undefined
  }

  override open(_key: string, address: UpstreamAddress): ClientStream {
    return new MemoryUpstreamStream(this, address)
  }

  /** Answers a request that has come whole. */
  async answer(request: UpstreamRequest): Promise<UpstreamAnswer> {
    this.requests.push(request)
    return typeof this.upstream === 'function' ? await this.upstream(request) : this.upstream
  }
}

/** One request to an upstream, and its response. */
class MemoryUpstreamStream implements ClientStream {
  ready = false
  closed = false
  readonly chunks: boolean
  bytesSent = 0
  bytesReceived = 0
  readonly backlog = 0
  private readonly upstreams: MemoryUpstreams
  private readonly address: UpstreamAddress
  private exchange: ClientExchange | undefined = undefined
  private request: RequestHead | undefined = undefined
  private readonly pieces: Buffer[] = []
  private asked = false
  private paused = false
  private resume: (() => void) | undefined = undefined

  constructor(upstreams: MemoryUpstreams, address: UpstreamAddress) {
    this.upstreams = upstreams
    this.address = address
    this.chunks = address.protocol !== 'h2'
  }

  connectFor(exchange: ClientExchange): void {
    this.exchange = exchange
    const { upstream } = this.upstreams
    setImmediate(() => {
      if (this.closed) return
      if (typeof upstream !== 'function' && upstream.fails === 'CONNECT_REFUSED') this.fail(upstream.fails)
      else {
        this.ready = true
        exchange.onConnected()
      }
    })
  }

  sendRequest(exchange: ClientExchange, request: RequestHead, bodyLength: number): void {
    this.exchange = exchange
    this.request = request
    this.bytesSent += request.headers.block.length
    if (bodyLength === 0) this.ask(request)
  }
  sendBody(chunk: Uint8Array): Sent {
    this.bytesSent += chunk.length
    this.pieces.push(Buffer.from(chunk))
    return SENT
  }
  endBody(): void {
    if (this.request !== undefined) this.ask(this.request)
  }

  pauseBody(): void {
    this.paused = true
  }
  resumeBody(): void {
    this.paused = false
    this.resume?.()
  }
  releaseBody(): void {}

  joinTunnel(): void {}
  sendTunnelBytes(): Sent {
    return SENT
  }
  endTunnel(): void {}
  closeTunnel(): void {}

  giveBack(): void {
    this.closed = true
  }
  discard(): void {
    this.closed = true
    this.resume?.()
  }

  private ask(request: RequestHead): void {
    if (this.asked) return
    this.asked = true
    const seen = upstreamRequest(addressName(this.address), request, [...request.headers], this.pieces)
    this.upstreams.answer(seen).then(
      // The next turn of the event loop: an answer takes its time.
      (answer) => setImmediate(() => void this.receive(request, answer)),
      () => this.fail('RESET'),
    )
  }

  private async receive(request: RequestHead, answer: UpstreamAnswer): Promise<void> {
    const { exchange } = this
    if (this.closed || exchange === undefined) return
    if (answer.fails !== undefined) {
      this.fail(answer.fails)
      return
    }
    const { body = '', trailers = {} } = answer
    const head = responseHead(answer)
    if (!Array.isArray(body)) {
      exchange.onResponse(head, request.method === 'HEAD' ? '' : wholeBody(body).toString('latin1'), '')
      return
    }
    exchange.onResponseHead(head)
    for (const piece of (body as readonly (string | Uint8Array)[]).map(bytesOf)) {
      await this.room()
      if (this.closed) return
      this.bytesReceived += piece.length
      // The memory of a read is used for the next one: who kept the piece finds other bytes in it, here as there.
      if (exchange.onResponseBody(piece)) piece.fill(0x23)
    }
    await this.room()
    if (this.closed) return
    exchange.onResponseEnd(
      Object.entries(trailers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(''),
    )
  }

  /** The next turn of the event loop, or later when the gateway wants no more yet. */
  private async room(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.paused && !this.closed) await new Promise<void>((resolve) => (this.resume = resolve))
    this.resume = undefined
  }

  private fail(code: NonNullable<UpstreamAnswer['fails']>): void {
    if (this.closed) return
    this.closed = true
    this.exchange?.onUpstreamError(new TransportError(code, `${addressName(this.address)}: ${code}`))
  }
}

const wholeBody = (body: NonNullable<UpstreamAnswer['body']>): Buffer =>
  typeof body === 'string' || body instanceof Uint8Array ? bytesOf(body) : Buffer.from(JSON.stringify(body))

/** By the parser of real ones. */
function responseHead({ status = 200, headers = {}, body = '' }: UpstreamAnswer): ResponseHead {
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`))
  const has = (name: string): boolean => lines.some((line) => line.toLowerCase().startsWith(`${name}:`))
  const isText = typeof body === 'string' || body instanceof Uint8Array || Array.isArray(body)
  if (!isText && !has('content-type')) lines.push('Content-Type: application/json')
  if (Array.isArray(body)) {
    if (!has('content-length')) lines.push('Transfer-Encoding: chunked')
  } else if (!has('content-length')) lines.push(`Content-Length: ${wholeBody(body).length}`)
  const text = [`HTTP/1.1 ${status} ${statusText(status)}`, ...lines, '', ''].join('\r\n')
  const head = parseResponseHead(text, 0, text.length, DEFAULT_H1_LIMITS)
  if (head instanceof ResponseHead) return head
  throw new Error(`no upstream may send this response: ${head.message} (${head.code})`)
}
