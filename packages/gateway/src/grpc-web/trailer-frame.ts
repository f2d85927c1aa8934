import type { Headers } from '@sekisho/proxy'
import { PREFIX_BYTES } from '../grpc/message-reader.ts'

/** The flag of a frame that holds trailers: the most significant bit (PROTOCOL-WEB.md, "Protocol differences vs gRPC over HTTP2"). */
const TRAILERS = 0x80

/** The frame that ends the body: the trailer fields as `name:value` lines, names in lower case. They are taken out: behind the body none leave. */
export function takenFrame(trailers: Headers): Buffer {
  let lines = ''
  for (const [name, value] of trailers) lines += `${name.toLowerCase()}:${value}\r\n`
  for (const name of [...trailers].map(([field]) => field)) trailers.delete(name)
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + lines.length)
  frame[0] = TRAILERS
  frame.writeUInt32BE(lines.length, 1)
  frame.write(lines, PREFIX_BYTES, 'latin1')
  return frame
}
