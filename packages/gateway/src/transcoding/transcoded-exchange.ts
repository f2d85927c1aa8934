import { decodeStatusMessage } from '../grpc/status-message.ts'
import { GrpcStatus, parseGrpcStatus } from '../grpc/status.ts'
import type { GatewaySession } from '../session.ts'
import type { Headers, ResponseHead } from '@sekisho/proxy'
import {
  STREAM_TYPES,
  streamFormat,
  type StreamResponse,
  type UnaryResponse,
  type WholeResponse,
} from './response/response-transcoder.ts'
import type { CallStatus } from './response/status-json.ts'
import type { RoutedCall, Transcoder } from './transcoder.ts'

/** Fields of gRPC that mean nothing to who did not call by gRPC. */
const GRPC_FIELDS = ['grpc-status', 'grpc-message', 'grpc-status-details-bin', 'grpc-encoding', 'grpc-accept-encoding']

/** An error may be larger than any response. It comes from header fields, whose size is limited. */
const MAX_ERROR_BYTES = 256 * 1024

const NOTHING = new Uint8Array(0)

/** The response half of a request that was transcoded: what its plugin keeps until the end. */
export class TranscodedExchange {
  private readonly transcoder: Transcoder
  private readonly call: RoutedCall
  private readonly accept: string
  private readonly maxBodyBytes: number
  private unary: UnaryResponse | undefined = undefined
  private stream: StreamResponse | undefined = undefined
  /** The status, when it came in the head: there is no message then. */
  private early: CallStatus | undefined = undefined
  /** The answer is none of gRPC. */
  private foreign = false

  /** `maxBodyBytes`: of a response that is held back until its status is known. */
  constructor(transcoder: Transcoder, call: RoutedCall, accept: string, maxBodyBytes: number) {
    this.transcoder = transcoder
    this.call = call
    this.accept = accept
    this.maxBodyBytes = maxBodyBytes
  }

  /** The upstream's head: what follows is settled here. */
  head(session: GatewaySession): void {
    const response = session.response as ResponseHead
    const { headers } = response
    if (!isGrpcAnswer(response)) {
      this.foreign = true
      return
    }
    const { binding } = this.call
    const encoding = headers.get('grpc-encoding')
    this.early = callStatus(headers)
    for (const name of GRPC_FIELDS) headers.delete(name)
    headers.delete('content-length')
    headers.delete('trailer')
    const many = binding.method.methodKind === 'server_streaming' || binding.method.methodKind === 'bidi_streaming'
    if (many && (this.early === undefined || this.early.code === GrpcStatus.OK)) {
      const format = streamFormat(binding, this.accept)
      this.stream = this.transcoder.streamResponse(binding, encoding, format)
      headers.set('Content-Type', STREAM_TYPES[format])
      if (format === 'sse') headers.set('Cache-Control', 'no-cache')
      return
    }
    this.unary = this.transcoder.unaryResponse(binding, encoding)
    headers.set('Content-Type', 'application/json')
    session.holdResponse(this.maxBodyBytes + MAX_ERROR_BYTES)
  }

  /** A piece of the upstream's body; what leaves instead. */
  body(session: GatewaySession, chunk: Uint8Array, end: boolean): Uint8Array | undefined {
    if (this.foreign) return undefined
    if (this.stream !== undefined) return this.streamed(session, this.stream, chunk, end)
    const unary = this.unary as UnaryResponse
    unary.push(chunk)
    return end ? settle(session.response as ResponseHead, unary.end(this.status(session))) : NOTHING
  }

  private streamed(session: GatewaySession, stream: StreamResponse, chunk: Uint8Array, end: boolean): Uint8Array {
    const out = stream.push(chunk)
    if (!end) return out
    const last = stream.end(this.status(session))
    return last.length === 0 ? out : Buffer.concat([out, last])
  }

  private status({ trailers }: GatewaySession): CallStatus | undefined {
    const status = this.early ?? (trailers === undefined ? undefined : callStatus(trailers))
    if (trailers !== undefined) for (const name of GRPC_FIELDS) trailers.delete(name)
    return status
  }
}

const isGrpcAnswer = ({ status, headers }: ResponseHead): boolean =>
  status === 200 && /^application\/grpc(?:[+;]|$)/i.test(headers.get('content-type') ?? '')

/** The status in the trailers, or in the head when there is no body ("Trailers-Only"). */
function callStatus(fields: Headers): CallStatus | undefined {
  const written = fields.get('grpc-status')
  if (written === undefined) return undefined
  return {
    code: parseGrpcStatus(written) ?? GrpcStatus.UNKNOWN,
    message: decodeStatusMessage(fields.get('grpc-message') ?? ''),
    details: fields.get('grpc-status-details-bin'),
  }
}

/** Writes a response that was held back into its head. */
function settle(response: ResponseHead, { httpStatus, contentType, bytes }: WholeResponse): Buffer {
  response.status = httpStatus
  response.reason = ''
  response.headers.set('Content-Type', contentType)
  response.headers.set('Content-Length', String(bytes.length))
  return bytes
}
