import type { Headers } from '@sekisho/wire'
import type { InvocationResult, InvocationSink } from '../engine/invocation.ts'
import {
  HTTP_INTEGRATION_TYPE,
  http2Answer,
  MalformedAnswer,
  StreamingPrelude,
  type HttpAnswer,
} from '../events/index.ts'
import type { HttpReply } from '../http/http-exchange.ts'
import type { ServiceError } from '../model/service-error.ts'
import { answerHeaders, TEXT_TYPE } from '../control-api/answer-headers.ts'
import { sendError } from '../control-api/error-answer.ts'
import { answerLines } from './answer-lines.ts'

/** Answers a function URL in mode BUFFERED. */
export class UrlReply implements InvocationSink {
  readonly streaming = undefined
  private readonly reply: HttpReply
  private readonly requestId: string
  private readonly cors: Headers | undefined
  private readonly onMalformed: (problem: string) => void

  constructor(reply: HttpReply, requestId: string, cors: Headers | undefined, onMalformed: (problem: string) => void) {
    this.reply = reply
    this.requestId = requestId
    this.cors = cors
    this.onMalformed = onMalformed
  }

  onResult({ payload, contentType, functionError }: InvocationResult): void {
    if (functionError !== undefined) {
      sendBadGateway(this.reply, this.requestId, this.cors)
      return
    }
    const answer = contentType === HTTP_INTEGRATION_TYPE ? streamedAnswer(payload) : http2Answer(payload)
    if (answer instanceof MalformedAnswer) {
      this.onMalformed(answer.problem)
      sendBadGateway(this.reply, this.requestId, this.cors)
    } else this.reply.send(answer.status, answerLines(answer.headers, this.requestId, this.cors), answer.body)
  }

  onRefused(error: ServiceError): void {
    sendError(this.reply, error, this.requestId, this.cors)
  }
}

/** What a function that streams answered, as a whole. */
function streamedAnswer(payload: Buffer): HttpAnswer | MalformedAnswer {
  const prelude = new StreamingPrelude().push(payload) ?? new MalformedAnswer('the prelude does not end')
  return prelude instanceof MalformedAnswer ? prelude : { ...prelude.head, body: prelude.rest }
}

/** The function failed, or answered what is no answer: nothing of it is shown. */
export const sendBadGateway = (reply: HttpReply, requestId: string, cors: Headers | undefined): void =>
  reply.send(502, answerHeaders(TEXT_TYPE, requestId, cors), 'Internal Server Error')
