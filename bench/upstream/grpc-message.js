import { STATUS_200, field } from './h2-frames.js'

/** One method for all: what a Greeter would answer. */
export const METHOD = '/helloworld.Greeter/SayHello'

/**
 * A message as gRPC sends it over HTTP/2: a byte that says it is not compressed, its length in four, the message.
 * 33 bytes in all, for requests and answers alike: a HelloRequest or HelloReply with 26 letters in its field 1.
 */
export const MESSAGE = grpcMessage(Buffer.from('\n\u001aabcdefghijklmnopqrstuvwxyz', 'latin1'))

/** @type {import('./h2-responder.js').Answer} */
export const GRPC_ANSWER = {
  head: Buffer.concat([STATUS_200, field('content-type', 'application/grpc')]),
  body: MESSAGE,
  trailers: field('grpc-status', '0'),
}

/** @param {Buffer} message */
function grpcMessage(message) {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}
