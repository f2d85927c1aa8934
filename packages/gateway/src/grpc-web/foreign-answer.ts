import { type Headers, ProxyError, type ResponseHead } from '@sekisho/proxy'
import { encodeStatusMessage } from '../grpc/status-message.ts'
import { grpcStatusOfHttp } from '../grpc/status.ts'
import type { GatewaySession } from '../session.ts'
import { takenFrame } from './trailer-frame.ts'

/** Bytes of a body that become the message of a status, at most; as Envoy has it. */
const MAX_MESSAGE_BYTES = 16_384
/** What of a message has room in a field of the head. A longer one ends the body: many clients read no head of more than 16 kB. */
const MAX_FIELD_BYTES = 4_096
/** Percent-encoding makes three bytes of one, base64 four of three. */
const MAX_HELD_BYTES = MAX_MESSAGE_BYTES * 4 + 256
/** Bytes that are read and dropped behind these, at most: the answer leaves at the end of the body. */
const MAX_BODY_BYTES = 1_048_576

/**
 * An answer of the upstream that is not gRPC, an error page mostly: its client reads nothing but a status of gRPC. That is made of the HTTP
 * status, and its message of the body.
 */
export class ForeignAnswer {
  private readonly chunks: Buffer[] = []
  private readonly readable: boolean
  private kept = 0
  private size = 0

  constructor(session: GatewaySession) {
    session.holdResponse(MAX_HELD_BYTES)
    const response = session.response as ResponseHead
    const { headers, status } = response
    this.readable = !headers.has('content-encoding')
    if (!headers.has('grpc-status')) {
      headers.set('grpc-status', String(grpcStatusOfHttp(status)))
      headers.set('grpc-message', `the upstream answered ${status}, and not gRPC`)
    }
    headers.delete('content-encoding')
    headers.set('Content-Length', '0')
    // With another status clients look no further.
    response.status = 200
    response.reason = ''
  }

  push(chunk: Uint8Array): void {
    this.size += chunk.length
    if (this.size > MAX_BODY_BYTES) {
      const message = `the answer is not gRPC, and larger than ${MAX_BODY_BYTES} bytes`
      throw new ProxyError('BODY_TOO_LARGE', 'upstream', 502, message)
    }
    const part = Buffer.from(chunk.subarray(0, MAX_MESSAGE_BYTES - this.kept))
    this.kept += part.length
    this.chunks.push(part)
  }

  /** What the body is instead. */
  end({ response, trailers: fields }: GatewaySession): Uint8Array {
    const { headers } = response as ResponseHead
    const trailers = fields as Headers
    for (const [name] of [...trailers]) trailers.delete(name)
    const text = this.readable ? Buffer.concat(this.chunks).toString().trim() : ''
    if (text === '') return NOTHING
    const message = encodeStatusMessage(text)
    headers.delete('grpc-message')
    if (message.length <= MAX_FIELD_BYTES) {
      headers.append('grpc-message', message)
      return NOTHING
    }
    trailers.append('grpc-status', headers.get('grpc-status') as string)
    trailers.append('grpc-message', message)
    headers.delete('grpc-status')
    return takenFrame(trailers)
  }
}

const NOTHING = new Uint8Array(0)
