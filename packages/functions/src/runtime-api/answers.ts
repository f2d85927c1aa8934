import { Headers, latin1TextOf, ResponseHead, statusText, type ServerStream } from '@sekisho/wire'
import { MAX_RESPONSE_BYTES } from './limits.ts'

/** A whole small answer, made ready to be sent as often as it is needed. */
export class Answer {
  readonly status: number
  private readonly reason: string
  private readonly headers: Headers
  /** One character a byte. */
  private readonly body: string

  constructor(status: number, body: string, fields: Readonly<Record<string, string>>) {
    this.status = status
    this.reason = statusText(status)
    this.body = latin1TextOf(Buffer.from(body))
    this.headers = Headers.from({ ...fields, 'Content-Length': String(this.body.length) })
  }

  send(stream: ServerStream): void {
    const { status, reason, headers, body } = this
    stream.sendResponse(new ResponseHead(status, reason, headers.clone(), body.length), body)
  }
}

const JSON_FIELDS = { 'Content-Type': 'application/json' }

export const jsonAnswer = (status: number, body: unknown, fields: Readonly<Record<string, string>> = {}): Answer =>
  new Answer(status, JSON.stringify(body), { ...JSON_FIELDS, ...fields })

/** The form of every error of this API. */
export const errorAnswer = (status: number, errorType: string, errorMessage: string): Answer =>
  jsonAnswer(status, { errorMessage, errorType })

export const ACCEPTED = jsonAnswer(202, { status: 'OK' })
export const PONG = new Answer(200, 'pong', { 'Content-Type': 'text/plain; charset=utf-8' })
export const RESTORED = new Answer(200, '', {})
export const INVALID_REQUEST_ID = errorAnswer(400, 'InvalidRequestID', 'Invalid request ID')
export const INVALID_RESPONSE_MODE = errorAnswer(400, 'InvalidFunctionResponseMode', 'Invalid function response mode')
export const TRUNCATED = errorAnswer(400, 'TruncatedHTTPRequest', 'HTTP request detected as truncated')
export const TOO_LARGE = errorAnswer(
  413,
  'RequestEntityTooLarge',
  `Exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`,
)

/** The runtime may not do this now. `from` and `to` are states, by the names that AWS's emulator gives them. */
export const invalidTransition = (from: string, to: string): Answer =>
  errorAnswer(
    403,
    'InvalidStateTransition',
    `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`,
  )
