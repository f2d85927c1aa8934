import { type Headers, MessageMeter, ProxyError, type ResponseHead } from '@sekisho/proxy'
import { encodeStatusMessage } from '../grpc/status-message.ts'
import { GrpcStatus } from '../grpc/status.ts'
import type { GatewaySession } from '../session.ts'
import { Base64Decoder } from './base64-decoder.ts'
import { Base64Encoder } from './base64-encoder.ts'
import { grpcSuffix, wantsText, type WebType, webTypeText } from './content-type.ts'
import { ForeignAnswer } from './foreign-answer.ts'
import { takenFrame } from './trailer-frame.ts'

const NOTHING = new Uint8Array(0)

/** A call by gRPC-Web, from its request to the end of its answer: what the plugin keeps in between. */
export class WebCall {
  private readonly type: WebType
  private readonly textAnswer: boolean
  private readonly decoder: Base64Decoder | undefined
  private encoder: Base64Encoder | undefined
  private messages = new MessageMeter(Infinity)
  /** The status came in the head ("Trailers-Only"). */
  private early = false
  private foreign: ForeignAnswer | undefined
  /** Bytes of the request that may still come. */
  private left: number

  constructor(type: WebType, accept: string | undefined, maxRequestBytes: number) {
    this.left = maxRequestBytes
    this.type = type
    this.textAnswer = wantsText(accept, type)
    this.decoder = type.text ? new Base64Decoder() : undefined
  }

  /** A piece of the request; what goes to the upstream instead. */
  request(session: GatewaySession, chunk: Uint8Array, end: boolean): Uint8Array | undefined {
    const { decoder } = this
    this.left -= chunk.length
    if (this.left < 0) {
      refuse(session, 413, TOO_LARGE)
      return NOTHING
    }
    if (decoder === undefined) return undefined
    const bytes = decoder.decode(chunk)
    if (bytes !== undefined && (!end || decoder.end())) return bytes
    refuse(session, 400, `the body is not valid base64 at character ${decoder.failedAt}`)
    return NOTHING
  }

  /** The upstream's head. */
  head(session: GatewaySession): void {
    const response = session.response as ResponseHead
    const { headers } = response
    const suffix = response.status === 200 ? grpcSuffix(headers.get('content-type')) : undefined
    this.encoder = this.textAnswer ? new Base64Encoder() : undefined
    headers.delete('trailer')
    headers.delete('content-length')
    headers.set('Content-Type', webTypeText(this.textAnswer, suffix || this.type.suffix))
    if (suffix === undefined) {
      this.foreign = new ForeignAnswer(session)
      return
    }
    this.foreign = undefined
    this.messages = new MessageMeter(Infinity)
    this.early = headers.has('grpc-status')
  }

  /** A piece of the upstream's body; what leaves instead. */
  response(session: GatewaySession, chunk: Uint8Array, end: boolean): Uint8Array | undefined {
    if (this.foreign !== undefined) {
      this.foreign.push(chunk)
      return end ? this.encoded(this.foreign.end(session)) : NOTHING
    }
    this.messages.follow(chunk)
    if (!end) return this.encoder?.encode(chunk, this.messages.between)
    if (!this.messages.between) throw cutShort()
    const frame = this.lastFrame(session.trailers as Headers)
    const bytes = chunk.length === 0 ? frame : frame.length === 0 ? chunk : Buffer.concat([chunk, frame])
    return this.encoded(bytes)
  }

  /** The last bytes. */
  private encoded(bytes: Uint8Array): Uint8Array {
    return this.encoder === undefined ? bytes : this.encoder.encode(bytes, true)
  }

  /** Takes the trailers over; empty when the status has been told in the head. */
  private lastFrame(trailers: Headers): Uint8Array {
    if (!trailers.has('grpc-status')) {
      if (this.early) return NOTHING
      trailers.append('grpc-status', String(GrpcStatus.UNKNOWN))
      trailers.append('grpc-message', 'the upstream ended the call without a status')
    }
    return takenFrame(trailers)
  }
}

export const TOO_LARGE = 'the body is larger than this route takes'

/** Who sends no gRPC-Web, or too much of it, is told so with a 400 or 413, and gets a status as well. */
export function refuse(session: GatewaySession, status: 400 | 413, message: string): void {
  if (session.headSent) throw new ProxyError('REQUEST_REFUSED', 'downstream', status, message)
  session.respond(status, `${message}\n`, {
    'grpc-status': String(status === 413 ? GrpcStatus.RESOURCE_EXHAUSTED : GrpcStatus.INTERNAL),
    'grpc-message': encodeStatusMessage(message),
  })
}

/** A client must not take the status for the rest of a message. */
const cutShort = (): ProxyError =>
  new ProxyError('CLOSED_BEFORE_RESPONSE', 'upstream', 502, 'the response ended within a message')
