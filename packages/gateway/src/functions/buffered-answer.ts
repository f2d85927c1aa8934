import type { ResponseHead, ResponseTranslator } from '@sekisho/proxy'
import { MalformedAnswer, type FunctionFailure } from '@sekisho/functions/events'
import { answerHead } from './answer-head.ts'
import { maxAnswerBytes, readAnswer, type AnswerReading, type OnFailure } from './answer-reading.ts'
import { failedHead } from './function-call.ts'
import { refusalOf } from './invoke-failure.ts'

const NOTHING = Buffer.alloc(0)

/** Of a refusal nothing more is read than what the log shows. */
const MAX_REFUSAL_BYTES = 65_536

/** Makes a response of what Invoke answers as a whole. */
export class BufferedAnswer implements ResponseTranslator {
  head: ResponseHead | undefined = undefined
  private readonly how: AnswerReading
  private readonly onFailure: OnFailure
  private service: ResponseHead | undefined = undefined
  private chunks: Buffer[] | undefined = undefined
  private bytes = 0
  private tooLarge = false

  constructor(how: AnswerReading, onFailure: OnFailure) {
    this.how = how
    this.onFailure = onFailure
  }

  onHead(head: ResponseHead): void {
    this.service = head
  }

  onBody(chunk: Uint8Array, end: boolean): Uint8Array {
    // The whole came in one piece, as most do: nothing is copied.
    if (end && this.chunks === undefined) return this.finish(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
    this.keep(chunk)
    return end ? this.finish(this.tooLarge ? NOTHING : Buffer.concat(this.chunks ?? [])) : NOTHING
  }

  private keep(chunk: Uint8Array): void {
    this.bytes += chunk.length
    if (this.bytes > this.limit) {
      this.tooLarge = true
      this.chunks = []
    } else if (!this.tooLarge) (this.chunks ??= []).push(Buffer.from(chunk))
  }

  private get limit(): number {
    return this.service?.status === 200 ? maxAnswerBytes(this.how.format) : MAX_REFUSAL_BYTES
  }

  private finish(payload: Buffer): Uint8Array {
    const { how } = this
    const { status, headers } = this.service as ResponseHead
    const date = headers.get('date')
    if (status === 202 && how.queued) {
      this.head = answerHead({ status: 202, headers: [] }, { ...how, date }, 0)
      return NOTHING
    }
    if (status !== 200) return this.fail(refusalOf(status), `${status} ${payload.toString()}`)
    if (this.tooLarge || payload.length > this.limit)
      return this.fail('malformed', `the answer has more than ${this.limit} bytes`)
    if (headers.has('x-amz-function-error')) return this.fail('function', payload.toString())
    const answer = readAnswer(payload, how)
    if (answer instanceof MalformedAnswer) return this.fail('malformed', answer.problem)
    this.head = answerHead(answer, { ...how, date, reason: answer.reason }, answer.body.length)
    return this.head.bodyLength === 0 ? NOTHING : answer.body
  }

  private fail(failure: FunctionFailure, detail: string): Uint8Array {
    this.onFailure(failure, detail)
    const { head, body } = failedHead(this.how, failure, this.service?.headers.get('date'))
    this.head = head
    return body
  }
}
