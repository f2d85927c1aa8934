import {
  DEFAULT_H1_LIMITS,
  isFieldValue,
  isToken,
  parseRequestHead,
  RequestHead,
  SENT,
  type ClientEnd,
  type ResponseHead,
  type Sent,
  type ServerExchange,
  type ServerStream,
} from '@sekisho/wire'
import { Exchange } from './exchange.ts'
import { RequestBody } from './request-body.ts'
import { begin } from './request-stage.ts'

/** A request as a client would have sent it. */
export interface Subrequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** With `Host`; how the body is framed is said by us. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body?: Uint8Array | undefined
}

export interface SubrequestAnswer {
  readonly head: ResponseHead
  readonly body: Buffer
}

const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Sends a request through all phases, from the client of `original` and beside its request, and gathers the response. It is checked as one from
 * a socket would be. Rejects with an Error for people: the request is malformed, or its answer was cut or has more than `limitBytes` bytes.
 */
export function subrequest<Ctx>(
  original: Exchange<Ctx>,
  { method, target, headers, body }: Subrequest,
  limitBytes: number,
): Promise<SubrequestAnswer> {
  const lines = [`${method} ${target} HTTP/1.1`]
  for (const [name, value] of headers) {
    if (!isToken(name) || !isFieldValue(value))
      return Promise.reject(new Error(`the header ${JSON.stringify(name.slice(0, 60))} is malformed`))
    if (!FRAMING.has(name.toLowerCase())) lines.push(`${name}: ${value}`)
  }
  if (body !== undefined) lines.push(`Content-Length: ${body.length}`)
  const text = `${lines.join('\r\n')}\r\n\r\n`
  // A method or target with a line end in it would be another request.
  const head = /[\r\n ]/.test(method + target) ? undefined : parseRequestHead(text, 0, text.length, DEFAULT_H1_LIMITS)
  if (!(head instanceof RequestHead))
    return Promise.reject(new Error(head === undefined ? 'the method or target is malformed' : head.message))
  return new Promise((resolve, reject) => {
    const stream = new InnerStream(original.downstream, limitBytes, (result) =>
      result instanceof Error ? reject(result) : resolve(result),
    )
    const exchange = new Exchange(original.runtime, stream, head)
    exchange.inner = true
    if (body !== undefined && body.length > 0) exchange.body = RequestBody.of(exchange, body)
    stream.exchange = exchange
    // Not within the phase that asked: this one may fail at once.
    setImmediate(() => begin(exchange))
  })
}

/** The client of a request that was made here: gathers what it is sent. */
class InnerStream implements ServerStream {
  exchange: ServerExchange | undefined
  readonly client: ClientEnd
  readonly requestNumber = 1
  readonly httpMajor = 1
  readonly bytesReceived = 0
  bytesSent = 0
  headSent = false
  readonly backlog = 0
  readonly needsDrain = false
  private readonly limitBytes: number
  private readonly done: (result: SubrequestAnswer | Error) => void
  private head: ResponseHead | undefined
  private readonly chunks: Buffer[] = []

  constructor(original: ServerStream, limitBytes: number, done: (result: SubrequestAnswer | Error) => void) {
    this.client = original.client
    this.limitBytes = limitBytes
    this.done = done
  }

  // Its body was there before it.
  readRequestBody(): void {}
  pauseRequestBody(): void {}
  resumeRequestBody(): void {}
  releaseRequestBody(): void {}
  sendInformational(): void {}

  sendResponse(head: ResponseHead, body: string): void {
    this.sendHead(head)
    this.sendBody(Buffer.from(body, 'latin1'))
    this.endBody()
  }
  sendHead(head: ResponseHead): void {
    this.headSent = true
    this.head = head
  }
  sendBody(chunk: Uint8Array): Sent {
    this.bytesSent += chunk.length
    if (this.bytesSent <= this.limitBytes) this.chunks.push(Buffer.from(chunk))
    return SENT
  }
  endBody(): void {
    if (this.head === undefined) this.done(new Error('the request was not answered'))
    else if (this.bytesSent > this.limitBytes) this.done(new Error(`the answer has more than ${this.limitBytes} bytes`))
    else this.done({ head: this.head, body: Buffer.concat(this.chunks) })
  }
  cut(): void {
    this.done(new Error('the answer was cut'))
  }

  startTunnel(): void {
    this.done(new Error('the answer is a tunnel'))
  }
  sendTunnelBytes(): Sent {
    return SENT
  }
  endTunnel(): void {}
  closeTunnel(): void {}
}
