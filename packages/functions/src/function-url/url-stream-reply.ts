import type { Headers } from '@sekisho/wire'
import type { InvocationResult, InvocationSink, RunningInvocation } from '../engine/invocation.ts'
import { HTTP_INTEGRATION_TYPE, MalformedAnswer, StreamingPrelude } from '../events/index.ts'
import type { HttpReply } from '../http/http-exchange.ts'
import type { ServiceError } from '../model/service-error.ts'
import { sendError } from '../control-api/error-answer.ts'
import { answerLines } from './answer-lines.ts'
import { sendBadGateway } from './url-reply.ts'

/** Nothing was answered; pieces follow; an error was answered, and what comes is dropped. */
type Phase = 'waiting' | 'streaming' | 'failed'

/** Answers a function URL in mode RESPONSE_STREAM. */
export class UrlStreamReply implements InvocationSink {
  readonly streaming = {
    onStart: (contentType: string | undefined): void => this.begin(contentType),
    onChunk: (chunk: Uint8Array): boolean => this.pass(chunk),
  }
  /** Set as soon as the invocation has been started. */
  running: RunningInvocation | undefined
  private readonly reply: HttpReply
  private readonly requestId: string
  private readonly cors: Headers | undefined
  private readonly onMalformed: (problem: string) => void
  private phase: Phase = 'waiting'
  /** While the prelude comes. */
  private prelude: StreamingPrelude | undefined

  constructor(reply: HttpReply, requestId: string, cors: Headers | undefined, onMalformed: (problem: string) => void) {
    this.reply = reply
    this.requestId = requestId
    this.cors = cors
    this.onMalformed = onMalformed
    reply.onDrain = () => this.running?.resume()
    reply.onLost = () => this.running?.abandon()
  }

  onResult({ payload, contentType, functionError }: InvocationResult): void {
    if (functionError !== undefined) this.fail()
    else if (this.phase === 'waiting' && this.prelude === undefined) {
      // A handler that does not stream: what it answered is the body, as it is.
      const type = contentType ?? 'application/json'
      this.reply.send(200, answerLines([['Content-Type', type]], this.requestId, this.cors), payload)
    } else if (this.phase === 'waiting') {
      this.onMalformed('the prelude does not end')
      this.fail()
    } else if (this.phase === 'streaming') this.reply.end()
  }

  onRefused(error: ServiceError): void {
    sendError(this.reply, error, this.requestId, this.cors)
  }

  private begin(contentType: string | undefined): void {
    if (contentType === HTTP_INTEGRATION_TYPE) this.prelude = new StreamingPrelude()
    else this.start(200, [['Content-Type', contentType ?? 'application/octet-stream']])
  }

  private pass(chunk: Uint8Array): boolean {
    if (this.phase === 'failed') return true
    if (this.prelude === undefined) return this.reply.write(chunk)
    const parsed = this.prelude.push(chunk)
    if (parsed === undefined) return true
    this.prelude = undefined
    if (parsed instanceof MalformedAnswer) {
      this.onMalformed(parsed.problem)
      this.fail()
      return true
    }
    this.start(parsed.head.status, parsed.head.headers)
    return parsed.rest.length === 0 || this.reply.write(parsed.rest)
  }

  private start(status: number, headers: readonly (readonly [string, string])[]): void {
    this.phase = 'streaming'
    this.reply.start(status, answerLines(headers, this.requestId, this.cors))
  }

  /** What has begun can only be cut, so that nobody takes it for whole. */
  private fail(): void {
    const { phase } = this
    this.phase = 'failed'
    if (phase === 'waiting') sendBadGateway(this.reply, this.requestId, this.cors)
    else if (phase === 'streaming') this.reply.cut()
  }
}
