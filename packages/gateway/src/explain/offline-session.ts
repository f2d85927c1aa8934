import type { Peer, ResponseBody, ResponseFields, Session } from '@sekisho/proxy'
import { Headers, type RequestHead, ResponseHead } from '@sekisho/wire'
import { RequestContext } from '../request-context.ts'

/** What `respond` was given, before it would be written. */
export interface OfflineAnswer {
  readonly status: number
  readonly body: ResponseBody | undefined
  readonly headers: ResponseFields
}

/** The connection that a request would have come on. */
export interface OfflineConnection {
  readonly remoteAddress: string
  readonly localPort: number
  readonly secure: boolean
}

/** The session of a request that nobody sent: routes and plugins see what they would see, and nothing leaves. */
export class OfflineSession implements Session<RequestContext> {
  readonly ctx: RequestContext
  readonly request: RequestHead
  readonly response = undefined
  readonly responseSource = undefined
  readonly cacheResult = undefined
  readonly background = false
  readonly inner = false
  peer: Peer | undefined = undefined
  readonly attempts = 1
  readonly tried = []
  readonly remoteAddress: string
  readonly remotePort = 0
  readonly localAddress = '127.0.0.1'
  readonly localPort: number
  readonly secure: boolean
  readonly tls = undefined
  readonly protocol = 'HTTP/1.1'
  readonly trailers = undefined
  readonly grpcStatus = undefined
  readonly requestNumber = 1
  readonly headSent = false
  readonly startedAt = performance.now()
  readonly sentAt = 0
  readonly answeredAt = 0
  readonly finishedAt = 0
  readonly bytesReceived: number
  readonly bytesSent = 0
  answer: OfflineAnswer | undefined = undefined

  constructor(request: RequestHead, connection: OfflineConnection) {
    this.request = request
    this.remoteAddress = connection.remoteAddress
    this.localPort = connection.localPort
    this.secure = connection.secure
    this.bytesReceived = request.byteLength
    this.ctx = new RequestContext(this)
  }

  respond(status: number, body?: ResponseBody, headers: ResponseFields = {}): void {
    this.answer ??= { status, body, headers }
  }

  amendResponse(minStatus: number, body: ResponseBody): void {
    if (this.answer !== undefined && this.answer.status >= minStatus) this.answer = { ...this.answer, body }
  }

  withdrawResponse(): ResponseHead | undefined {
    const { answer } = this
    this.answer = undefined
    return answer && new ResponseHead(answer.status, '', Headers.from(answer.headers))
  }

  get responded(): boolean {
    return this.answer !== undefined
  }

  readBody(): Promise<Uint8Array> {
    return Promise.reject(new Error('a request that is only explained has no body'))
  }

  subrequest(): Promise<never> {
    return Promise.reject(new Error('a request that is only explained sends none'))
  }

  replaceBody(): void {
    // No body, so none to replace.
  }

  acceptUpgrade(): void {
    this.respond(101)
  }

  translateResponse(): void {
    // No response, so nothing to translate.
  }

  limitMessages(): void {
    // No message.
  }

  retryOnStatus(): void {
    // No status.
  }

  limitTunnel(): void {
    // No tunnel.
  }

  limitAttempt(): void {
    // Nothing takes time.
  }

  hedge(): void {
    // Nothing takes time.
  }

  readonly replayable = true

  limitReplay(): void {
    // No body.
  }

  limitTime(): void {
    // Nothing takes time.
  }

  holdResponse(): void {
    // No response, so nothing to hold back.
  }

  pauseResponse(): void {
    // No response, so nothing to hold back.
  }
}
