import { ProxyError, type ResponseHead, type ResponseTranslator } from '@sekisho/proxy'
import { MalformedAnswer, StreamingPrelude, type FunctionFailure } from '@sekisho/functions/events'
import { answerHead } from './answer-head.ts'
import { readAnswer, type AnswerReading, type OnFailure } from './answer-reading.ts'
import { EventStreamReader, type EventStreamMessage } from './event-stream-reader.ts'
import { failedHead } from './function-call.ts'
import { refusalOf } from './invoke-failure.ts'

const NOTHING = Buffer.alloc(0)
const BRACE = 0x7b
/** Of a refusal nothing more is kept than what the log shows. */
const MAX_REFUSAL_BYTES = 65_536

/**
 * Makes a response of what InvokeWithResponseStream answers, as it comes: the head from the prelude, the body behind it. What begins with no `{`
 * has no prelude, and is the body. What ends without the NUL bytes behind a prelude is the answer of a function that does not stream.
 */
export class StreamedAnswer implements ResponseTranslator {
  head: ResponseHead | undefined = undefined
  private readonly how: AnswerReading
  private readonly onFailure: OnFailure
  private readonly reader = new EventStreamReader()
  private service: ResponseHead | undefined = undefined
  /** What of the payload was not sent on, as it may belong to a prelude. */
  private before: Buffer = NOTHING
  private prelude: StreamingPrelude | undefined = undefined
  private complete = false
  /** The head has left. */
  private begun = false
  /** A failure was answered: what comes is dropped. */
  private failed = false

  constructor(how: AnswerReading, onFailure: OnFailure) {
    this.how = how
    this.onFailure = onFailure
  }

  onHead(head: ResponseHead): void {
    this.service = head
  }

  onBody(chunk: Uint8Array, end: boolean): Uint8Array {
    const { status = 0 } = this.service ?? {}
    if (status !== 200) {
      if (this.before.length < MAX_REFUSAL_BYTES) this.before = Buffer.concat([this.before, chunk])
      return end ? this.fail(refusalOf(status), `${status} ${this.before.toString()}`) : NOTHING
    }
    const messages = this.reader.push(chunk)
    if (typeof messages === 'string') return this.fail('malformed', messages)
    const bytes: Buffer[] = []
    for (const message of messages) {
      const taken = this.take(message)
      // What failed before anything left is answered by the failure alone.
      if (this.failed) bytes.length = 0
      if (taken.length > 0) bytes.push(taken)
    }
    if (end && !this.complete) return this.fail('unreachable', 'the stream ended before it was complete')
    this.begun = this.head !== undefined
    return bytes.length === 1 ? bytes[0] : Buffer.concat(bytes)
  }

  private take({ headers, payload }: EventStreamMessage): Buffer {
    if (this.failed) return NOTHING
    if (headers.get(':message-type') === 'exception') {
      return this.fail('refused', `${headers.get(':exception-type')} ${payload.toString()}`)
    }
    const type = headers.get(':event-type')
    if (type === 'PayloadChunk') return this.pass(payload)
    return type === 'InvokeComplete' ? this.finish(payload) : NOTHING
  }

  private pass(payload: Buffer): Buffer {
    if (this.head !== undefined) return payload
    if (payload.length === 0) return NOTHING
    if (this.prelude === undefined) {
      if (payload[0] !== BRACE) return this.begin([['Content-Type', 'application/octet-stream']], 200, payload)
      this.prelude = new StreamingPrelude()
    }
    this.before = this.before.length === 0 ? payload : Buffer.concat([this.before, payload])
    const parsed = this.prelude.push(payload)
    if (parsed === undefined) return NOTHING
    if (parsed instanceof MalformedAnswer) return this.fail('malformed', parsed.problem)
    return this.begin(parsed.head.headers, parsed.head.status, parsed.rest)
  }

  private begin(headers: readonly (readonly [string, string])[], status: number, rest: Buffer): Buffer {
    this.before = NOTHING
    this.head = answerHead({ status, headers }, this.parts, undefined)
    return rest
  }

  private finish(payload: Buffer): Buffer {
    this.complete = true
    const problem = errorOf(payload)
    if (problem !== undefined) return this.fail('function', problem)
    if (this.head !== undefined) return NOTHING
    const answer = readAnswer(this.before, this.how)
    if (answer instanceof MalformedAnswer) return this.fail('malformed', answer.problem)
    this.head = answerHead(answer, { ...this.parts, reason: answer.reason }, answer.body.length)
    return this.head.bodyLength === 0 ? NOTHING : answer.body
  }

  /** What has begun can only be cut, so that nobody takes it for whole. */
  private fail(failure: FunctionFailure, detail: string): Buffer {
    if (this.failed) return NOTHING
    this.onFailure(failure, detail)
    if (this.begun) {
      throw new ProxyError('HTTP_STATUS', 'upstream', 502, `the function's answer broke off: ${detail.slice(0, 256)}`)
    }
    this.failed = true
    this.complete = true
    const { head, body } = failedHead(this.how, failure, this.parts.date)
    this.head = head
    return body
  }

  private get parts() {
    return { ...this.how, date: this.service?.headers.get('date') }
  }
}

/** What `InvokeComplete` says of a failure. */
function errorOf(payload: Buffer): string | undefined {
  if (payload.length === 0) return undefined
  try {
    const { ErrorCode: code, ErrorDetails: details } = JSON.parse(payload.toString()) as Record<string, unknown>
    return code === undefined ? undefined : `${JSON.stringify(code)} ${JSON.stringify(details)}`
  } catch {
    return 'InvokeComplete is no JSON'
  }
}
