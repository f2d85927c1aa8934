import { MessageReader } from '../../grpc/message-reader.ts'
import { type GrpcFailure, GrpcStatus, httpStatusOfGrpc } from '../../grpc/status.ts'
import type { Binding } from '../http-rules/binding.ts'
import { isFailure, isHttpBody } from '../request/request-body.ts'
import type { JsonStyle } from './json-style.ts'
import { writeMessage, type WrittenMessage } from './response-writer.ts'
import type { CallStatus } from './status-json.ts'

/**
 * How a stream of messages leaves: JSON in lines, server-sent events, or bytes as they are (google.api.HttpBody).
 */
export type StreamFormat = 'ndjson' | 'sse' | 'raw'

export const STREAM_TYPES: Readonly<Record<StreamFormat, string>> = {
  ndjson: 'application/x-ndjson',
  sse: 'text/event-stream',
  raw: 'application/octet-stream',
}

/** Events for who asks for them, else lines. */
export function streamFormat({ method, responseBody }: Binding, accept: string): StreamFormat {
  if (isHttpBody(responseBody === undefined ? method.output : responseBody.message)) return 'raw'
  return /\btext\/event-stream\b/i.test(accept) ? 'sse' : 'ndjson'
}

export interface ResponseOptions {
  readonly binding: Binding
  readonly style: JsonStyle
  readonly maxMessageBytes: number
  /** The value of `grpc-encoding`. */
  readonly encoding: string | undefined
  /** The body for a status that is not OK. */
  readonly errorBody: (status: CallStatus) => object
}

/** A whole response. */
export interface WholeResponse extends WrittenMessage {
  readonly httpStatus: number
}

/** How a call ended that failed here, and not where it went. */
const local = ({ status, message }: GrpcFailure): CallStatus => ({ code: status, message, details: undefined })

/** The response to a call that has one message. */
export class UnaryResponse {
  private readonly options: ResponseOptions
  private readonly reader: MessageReader
  private written: WrittenMessage | undefined = undefined
  private failure: GrpcFailure | undefined = undefined

  constructor(options: ResponseOptions) {
    this.options = options
    this.reader = new MessageReader(options)
  }

  /** Takes bytes in; they are not needed afterwards. */
  push(chunk: Uint8Array): void {
    const { reader } = this
    reader.push(chunk)
    for (let message = reader.next(); message !== undefined; message = reader.next()) this.take(message)
  }

  /** `status`: undefined when the upstream gave none. */
  end(status: CallStatus | undefined): WholeResponse {
    if (status !== undefined && status.code !== GrpcStatus.OK) return errorResponse(status, this.options)
    const failure = this.reader.end() ?? this.failure ?? missing(status, this.written)
    // The call may have been fine; what came back is not.
    if (failure !== undefined) return { ...errorResponse(local(failure), this.options), httpStatus: BAD_GATEWAY }
    return { httpStatus: 200, ...(this.written as WrittenMessage) }
  }

  private take(message: Uint8Array): void {
    if (this.failure !== undefined) return
    if (this.written !== undefined) {
      this.failure = { status: GrpcStatus.INTERNAL, message: 'the upstream sent more than one message' }
      return
    }
    const written = writeMessage(this.options.binding, message, this.options.style)
    if (isFailure(written)) this.failure = written
    else this.written = written
  }
}

function missing(status: CallStatus | undefined, written: WrittenMessage | undefined): GrpcFailure | undefined {
  if (status === undefined) return { status: GrpcStatus.UNKNOWN, message: 'the upstream gave no grpc-status' }
  if (written === undefined) return { status: GrpcStatus.INTERNAL, message: 'the upstream sent no message' }
  return undefined
}

/** The response to a call that failed, before anything of it was sent. */
export function errorResponse(status: CallStatus, { errorBody }: Pick<ResponseOptions, 'errorBody'>): WholeResponse {
  return {
    httpStatus: httpStatusOfGrpc(status.code),
    contentType: 'application/json',
    bytes: Buffer.from(JSON.stringify(errorBody(status))),
  }
}

const NOTHING = Buffer.alloc(0)
const BAD_GATEWAY = 502

/**
 * The response to a call that has a stream of messages: each leaves as it arrives. An error at the end is the last line, as
 * `{"error":{"code":…}}`, or an event named `error`: the status of the response has left long since. Raw bytes are broken off: `push` and `end`
 * throw.
 */
export class StreamResponse {
  private readonly options: ResponseOptions
  private readonly format: StreamFormat
  private readonly reader: MessageReader
  private failed = false

  constructor(options: ResponseOptions, format: StreamFormat) {
    this.options = options
    this.format = format
    this.reader = new MessageReader(options)
  }

  /** The bytes that leave for these. */
  push(chunk: Uint8Array): Buffer {
    const { reader } = this
    if (this.failed) return NOTHING
    const parts: Buffer[] = []
    reader.push(chunk)
    for (let message = reader.next(); message !== undefined; message = reader.next()) {
      const written = writeMessage(this.options.binding, message, this.options.style)
      if (isFailure(written)) {
        parts.push(this.fail(written))
        break
      }
      parts.push(this.framed(written.bytes))
    }
    if (reader.failure !== undefined) parts.push(this.fail(reader.failure))
    return parts.length === 1 ? parts[0] : Buffer.concat(parts)
  }

  /** The bytes that leave at the end. */
  end(status: CallStatus | undefined): Buffer {
    if (this.failed) return NOTHING
    if (status !== undefined && status.code !== GrpcStatus.OK) return this.error(status)
    const failure =
      this.reader.end() ??
      (status === undefined ? { status: GrpcStatus.UNKNOWN, message: 'the upstream gave no grpc-status' } : undefined)
    return failure === undefined ? NOTHING : this.fail(failure)
  }

  private fail(failure: GrpcFailure): Buffer {
    this.failed = true
    return this.error(local(failure))
  }

  private error(status: CallStatus): Buffer {
    // Bytes that were cut short must not look whole.
    if (this.format === 'raw') throw new Error(`the stream ended with status ${status.code}: ${status.message}`)
    const body = this.options.errorBody(status)
    if (this.format === 'sse') return Buffer.from(`event: error\ndata: ${JSON.stringify(body)}\n\n`)
    return Buffer.from(`${JSON.stringify('error' in body ? body : { error: body })}\n`)
  }

  /** JSON has no line ends outside of strings, and none in them unescaped. */
  private framed(bytes: Buffer): Buffer {
    if (this.format === 'raw') return bytes
    return this.format === 'sse' ? Buffer.concat([EVENT, bytes, EVENT_END]) : Buffer.concat([bytes, LINE_END])
  }
}

const EVENT = Buffer.from('data: ')
const EVENT_END = Buffer.from('\n\n')
const LINE_END = Buffer.from('\n')
