import { Headers } from '@sekisho/wire'
import type { InvocationResult, InvocationSink } from '../../engine/invocation.ts'
import type { HttpReply } from '../../http/http-exchange.ts'
import type { ServiceError } from '../../model/service-error.ts'
import { httpDate } from '../answer-headers.ts'
import { sendError } from '../error-answer.ts'

const NAMES = [
  'Date',
  'Content-Type',
  'x-amzn-RequestId',
  'x-amzn-Remapped-Content-Length',
  'X-Amz-Executed-Version',
  'X-Amzn-Trace-Id',
]

/** Answers an Invoke when the function has. */
export class BufferedReply implements InvocationSink {
  readonly streaming = undefined
  private readonly reply: HttpReply
  private readonly requestId: string
  private readonly version: string
  private readonly traceId: string
  private readonly cors: Headers | undefined

  constructor(reply: HttpReply, requestId: string, version: string, traceId: string, cors: Headers | undefined) {
    this.reply = reply
    this.requestId = requestId
    this.version = version
    this.traceId = traceId
    this.cors = cors
  }

  onResult({ payload, functionError, logTail }: InvocationResult): void {
    const headers = new Headers()
    headers.appendLines(
      `Date: ${httpDate()}\r\nContent-Type: application/json\r\nx-amzn-RequestId: ${this.requestId}\r\n` +
        `x-amzn-Remapped-Content-Length: 0\r\nX-Amz-Executed-Version: ${this.version}\r\nX-Amzn-Trace-Id: ${this.traceId}\r\n`,
      NAMES,
    )
    if (functionError !== undefined) headers.appendUnchecked('X-Amz-Function-Error', functionError)
    if (logTail !== undefined) headers.appendUnchecked('X-Amz-Log-Result', logTail.toString('base64'))
    if (this.cors !== undefined) for (const [name, value] of this.cors) headers.appendUnchecked(name, value)
    this.reply.send(200, headers, payload)
  }

  onRefused(error: ServiceError): void {
    sendError(this.reply, error, this.requestId, this.cors)
  }
}
