import { MessageMeter } from '../grpc/message-meter.ts'
import { ProxyError } from '../proxy-error.ts'

/** Bytes of one gRPC message at most, as they are on the wire: without the prefix, compressed if it is. What is left out has no limit. */
export interface MessageLimits {
  readonly maxRequestBytes?: number | undefined
  readonly maxResponseBytes?: number | undefined
}

/** The messages of one call, while they are followed. A side that turns out not to be gRPC is not. */
export class Messages {
  request: MessageMeter | undefined
  response: MessageMeter | undefined

  constructor({ maxRequestBytes, maxResponseBytes }: MessageLimits) {
    this.request = maxRequestBytes === undefined ? undefined : new MessageMeter(maxRequestBytes)
    this.response = maxResponseBytes === undefined ? undefined : new MessageMeter(maxResponseBytes)
  }
}

export function messageTooLong(side: 'request' | 'response', { exceeded, limit }: MessageMeter): ProxyError {
  const message = `a message of the ${side} has ${exceeded} bytes, the limit is ${limit}`
  return side === 'request'
    ? new ProxyError('BODY_TOO_LARGE', 'downstream', 413, message)
    : new ProxyError('BODY_TOO_LARGE', 'upstream', 502, message)
}
