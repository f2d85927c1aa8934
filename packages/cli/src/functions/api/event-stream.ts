import { crc32 } from 'node:zlib'

/** A message of `application/vnd.amazon.eventstream`. */
export interface EventStreamMessage {
  readonly headers: ReadonlyMap<string, string>
  readonly payload: Buffer
}

/** Total length, headers' length, checksum of both; a checksum of all at the end. */
const PRELUDE_BYTES = 12
const CHECKSUM_BYTES = 4
/** As Amazon's specification of the format has it: 16 MB of payload and 128 KB of headers. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024 + 128 * 1024 + PRELUDE_BYTES + CHECKSUM_BYTES
const STRING = 7

/** Takes the messages out of bytes that arrive in pieces. Throws for what is none. */
export async function* readEventStream(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<EventStreamMessage> {
  let unread = Buffer.alloc(0)
  for await (const piece of pieces) {
    unread = unread.length === 0 ? Buffer.from(piece) : Buffer.concat([unread, piece])
    for (let length = lengthOf(unread); length > 0 && length <= unread.length; length = lengthOf(unread)) {
      yield readMessage(unread.subarray(0, length))
      unread = unread.subarray(length)
    }
  }
  if (unread.length > 0) throw new Error('the stream broke in the middle of a message')
}

/** 0: not known yet. */
function lengthOf(bytes: Buffer): number {
  if (bytes.length < PRELUDE_BYTES) return 0
  const length = bytes.readUInt32BE(0)
  if (crc32(bytes.subarray(0, 8)) !== bytes.readUInt32BE(8)) throw new Error('a message of the stream is damaged')
  if (length > MAX_MESSAGE_BYTES || length < PRELUDE_BYTES + bytes.readUInt32BE(4) + CHECKSUM_BYTES)
    throw new Error(`a message of the stream has an impossible length: ${length}`)
  return length
}

function readMessage(message: Buffer): EventStreamMessage {
  const end = message.length - CHECKSUM_BYTES
  if (crc32(message.subarray(0, end)) !== message.readUInt32BE(end)) throw new Error('a message of the stream is damaged')
  const start = PRELUDE_BYTES + message.readUInt32BE(4)
  return { headers: readHeaders(message.subarray(PRELUDE_BYTES, start)), payload: message.subarray(start, end) }
}

/** Name with its length in one byte, type, value with its length in two. Lambda sends texts alone. */
function readHeaders(bytes: Buffer): Map<string, string> {
  const headers = new Map<string, string>()
  const text = (from: number, length: number): string => {
    if (from + length > bytes.length) throw new Error('a header of the stream is cut off')
    return bytes.toString('utf8', from, from + length)
  }
  for (let at = 0; at < bytes.length; ) {
    const nameEnd = at + 1 + bytes[at]!
    const name = text(at + 1, bytes[at]!)
    if (nameEnd + 3 > bytes.length || bytes[nameEnd] !== STRING)
      throw new Error(`the header ${name} of the stream is no text`)
    const length = bytes.readUInt16BE(nameEnd + 1)
    headers.set(name, text(nameEnd + 3, length))
    at = nameEnd + 3 + length
  }
  return headers
}
