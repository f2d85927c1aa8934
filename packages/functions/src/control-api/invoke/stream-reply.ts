import type { Headers } from '@sekisho/wire'
import type { InvocationResult, InvocationSink, RunningInvocation } from '../../engine/invocation.ts'
import type { HttpReply } from '../../http/http-exchange.ts'
import type { ServiceError } from '../../model/service-error.ts'
import { answerHeaders } from '../answer-headers.ts'
import { sendError } from '../error-answer.ts'
import { eventStreamFrame, frameHeaders } from './event-stream-frame.ts'

const CHUNK = frameHeaders({
  ':event-type': 'PayloadChunk',
  ':content-type': 'application/octet-stream',
  ':message-type': 'event',
})
const COMPLETE = frameHeaders({
  ':event-type': 'InvokeComplete',
  ':content-type': 'application/json',
  ':message-type': 'event',
})

/** Most bytes of a payload in one frame; clients refuse frames above 16 MB, and hold each in memory. */
const MAX_CHUNK_BYTES = 1_048_576

/** Answers an InvokeWithResponseStream piece by piece, as fast as the client takes it. */
export class StreamReply implements InvocationSink {
  readonly streaming = {
    onStart: (): void => this.start(),
    onChunk: (chunk: Uint8Array): boolean => this.send(chunk),
  }
  /** Set as soon as the invocation has been started. */
  running: RunningInvocation | undefined
  private readonly reply: HttpReply
  private readonly requestId: string
  private readonly version: string
  private readonly cors: Headers | undefined
  private started = false

  constructor(reply: HttpReply, requestId: string, version: string, cors: Headers | undefined) {
    this.reply = reply
    this.requestId = requestId
    this.version = version
    this.cors = cors
    reply.onDrain = () => this.running?.resume()
    reply.onLost = () => this.running?.abandon()
  }

  onResult({ payload, functionError, errorType, logTail }: InvocationResult): void {
    this.start()
    const failed = functionError !== undefined
    if (!failed && payload.length > 0) this.send(payload)
    const complete: Record<string, string> = {}
    if (failed) {
      complete['ErrorCode'] = errorType ?? functionError
      complete['ErrorDetails'] = payload.toString()
    }
    if (logTail !== undefined) complete['LogResult'] = logTail.toString('base64')
    this.reply.write(eventStreamFrame(COMPLETE, Buffer.from(JSON.stringify(complete))))
    this.reply.end()
  }

  onRefused(error: ServiceError): void {
    sendError(this.reply, error, this.requestId, this.cors)
  }

  private start(): void {
    if (this.started) return
    this.started = true
    const headers = answerHeaders('application/vnd.amazon.eventstream', this.requestId, this.cors)
    headers.appendUnchecked('X-Amz-Executed-Version', this.version)
    this.reply.start(200, headers)
  }

  private send(chunk: Uint8Array): boolean {
    let more = true
    for (let at = 0; at < chunk.length; at += MAX_CHUNK_BYTES) {
      more = this.reply.write(eventStreamFrame(CHUNK, chunk.subarray(at, at + MAX_CHUNK_BYTES)))
    }
    return more
  }
}
