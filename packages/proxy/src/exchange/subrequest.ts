import {
  DEFAULT_H1_LIMITS,
  isFieldValue,
  isFramingField,
  isToken,
  parseRequestHead,
  RequestHead,
  SENT,
  TransportError,
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
  /** The client's address, where a phase found another one than that of the connection; the fields of this request are not believed about it. */
  readonly remoteAddress?: string | undefined
}

export interface SubrequestAnswer {
  readonly head: ResponseHead
  readonly body: Buffer
}

/** Bytes that the answers of several subrequests may still have together: counted down as they come, and not when they are whole. */
export interface AnswerBudget {
  left: number
}

/** The request is none that a client could have sent. The message is for people. */
export class MalformedSubrequest extends Error {}

/**
 * Sends a request through all phases, from the client of `original` and beside its request, and gathers the response. It is checked as one from
 * a socket would be, and given up when `original` ends. Rejects with an Error for people: the request is malformed, or its answer was cut or
 * has more than `limitBytes` bytes, or than `budget` has left.
 */
export function subrequest<Ctx>(
  original: Exchange<Ctx>,
  request: Subrequest,
  limitBytes: number,
  budget: AnswerBudget = { left: limitBytes },
): Promise<SubrequestAnswer> {
  const head = headOf(request)
  if (typeof head === 'string') return Promise.reject(new MalformedSubrequest(head))
  if (original.over) return Promise.reject(new Error(OVER))
  const { body, remoteAddress } = request
  const { client } = original.downstream
  const seenAs =
    remoteAddress === undefined || remoteAddress === client.remoteAddress
      ? client
      : (Object.create(client, { remoteAddress: { value: remoteAddress } }) as ClientEnd)
  return new Promise((resolve, reject) => {
    const stream = new InnerStream(seenAs, limitBytes, budget, (result) => {
      original.subrequests?.delete(stream)
      if (result instanceof Error) reject(result)
      else resolve(result)
    })
    ;(original.subrequests ??= new Set()).add(stream)
    const exchange = new Exchange(original.runtime, stream, head)
    exchange.inner = true
    if (body !== undefined && body.length > 0) exchange.body = RequestBody.of(exchange, body)
    stream.exchange = exchange
    // Not within the phase that asked: this one may fail at once.
    setImmediate(() => {
      if (!exchange.over) begin(exchange)
    })
  })
}

const OVER = 'the request that wanted it is over'

/** What a parser makes of it; a text says why none would take it. */
function headOf({ method, target, headers, body }: Subrequest): RequestHead | string {
  // A method or target with a line end in it would be another request.
  if (/[\r\n ]/.test(method + target)) return 'the method or target is malformed'
  let text = `${method} ${target} HTTP/1.1\r\n`
  for (const [name, value] of headers) {
    if (!isToken(name) || !isFieldValue(value)) return `the header ${JSON.stringify(name.slice(0, 60))} is malformed`
    // Nothing waits for a 100 here: the body is there.
    if (!isFramingField(name) && name.toLowerCase() !== 'expect') text += `${name}: ${value}\r\n`
    if (text.length > DEFAULT_H1_LIMITS.maxHeadBytes) return 'the target and the headers are too long'
  }
  if (body !== undefined) text += `Content-Length: ${body.length}\r\n`
  text += '\r\n'
  const head = parseRequestHead(text, 0, text.length, DEFAULT_H1_LIMITS)
  return head instanceof RequestHead ? head : head.message
}

/** The client of a request that was made here: gathers what it is sent. */
export class InnerStream implements ServerStream {
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
  private readonly budget: AnswerBudget
  private readonly done: (result: SubrequestAnswer | Error) => void
  private head: ResponseHead | undefined
  private chunks: Buffer[] = []
  private refused = false

  constructor(
    client: ClientEnd,
    limitBytes: number,
    budget: AnswerBudget,
    done: (result: SubrequestAnswer | Error) => void,
  ) {
    this.client = client
    this.limitBytes = limitBytes
    this.budget = budget
    this.done = done
  }

  /** Nobody waits for the answer any more: its upstream is let go. */
  abandon(reason: string): void {
    this.refused = true
    this.chunks = []
    this.done(new Error(reason))
    // Not within what the exchange is doing just now.
    setImmediate(() => this.exchange?.onDownstreamLost(new TransportError('CLIENT_GONE', reason)))
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
    this.budget.left -= head.headers.block.length
  }
  sendBody(chunk: Uint8Array): Sent {
    this.bytesSent += chunk.length
    if (this.refused) return SENT
    this.budget.left -= chunk.length
    if (this.bytesSent > this.limitBytes) this.abandon(`the answer has more than ${this.limitBytes} bytes`)
    else if (this.budget.left < 0) this.abandon('the answers are too large together')
    else this.chunks.push(Buffer.from(chunk))
    return SENT
  }
  endBody(): void {
    if (this.refused) return
    if (this.head === undefined) this.done(new Error('the request was not answered'))
    else if (this.budget.left < 0) this.done(new Error('the answers are too large together'))
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
