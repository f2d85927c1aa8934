import { crc32 } from 'node:zlib'

/** A message of `application/vnd.amazon.eventstream`. */
export interface EventStreamMessage {
  /** Those whose value is text. */
  readonly headers: ReadonlyMap<string, string>
  readonly payload: Buffer
}

/** A frame's length may be so much at most: what Amazon's own readers take. */
const MAX_FRAME_BYTES = 16_777_216
const PRELUDE_BYTES = 12
const CHECKSUM_BYTES = 4

/** Bytes behind the type of a header value, by type: true, false, byte, short, integer, long, bytes, text, time, UUID. */
const VALUE_BYTES = [0, 0, 1, 2, 4, 8, -1, -1, 8, 16]
const TEXT = 7

/** Takes frames off a stream whose pieces are cut anywhere. Bytes that are no frames are a fault (a text that says why). */
export class EventStreamReader {
  private held: Buffer = Buffer.alloc(0)

  /** Between two frames: the stream may end here. */
  get atBoundary(): boolean {
    return this.held.length === 0
  }

  /** The next messages; memory of `chunk` is not kept. */
  push(chunk: Uint8Array): EventStreamMessage[] | string {
    this.held = this.held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.held, chunk])
    const messages: EventStreamMessage[] = []
    let at = 0
    while (this.held.length - at >= PRELUDE_BYTES) {
      const length = this.held.readUInt32BE(at)
      if (crc32(this.held.subarray(at, at + 8)) !== this.held.readUInt32BE(at + 8))
        return 'the checksum of a frame is wrong'
      const headersLength = this.held.readUInt32BE(at + 4)
      if (length > MAX_FRAME_BYTES || length < PRELUDE_BYTES + headersLength + CHECKSUM_BYTES) {
        return `a frame of ${length} bytes`
      }
      if (this.held.length - at < length) break
      const message = messageOf(this.held.subarray(at, at + length), headersLength)
      if (typeof message === 'string') return message
      messages.push(message)
      at += length
    }
    this.held = this.held.subarray(at)
    return messages
  }
}

function messageOf(frame: Buffer, headersLength: number): EventStreamMessage | string {
  const end = frame.length - CHECKSUM_BYTES
  if (crc32(frame.subarray(0, end)) !== frame.readUInt32BE(end)) return 'the checksum of a message is wrong'
  const headers = headersOf(frame.subarray(PRELUDE_BYTES, PRELUDE_BYTES + headersLength))
  if (headers === undefined) return 'the headers of a message are cut off'
  return { headers, payload: frame.subarray(PRELUDE_BYTES + headersLength, end) }
}

function headersOf(bytes: Buffer): Map<string, string> | undefined {
  const headers = new Map<string, string>()
  for (let at = 0; at < bytes.length;) {
    const nameEnd = at + 1 + bytes[at]
    if (nameEnd >= bytes.length) return undefined
    const name = bytes.toString('utf8', at + 1, nameEnd)
    const type = bytes[nameEnd]
    const fixed = VALUE_BYTES[type]
    if (fixed === undefined) return undefined
    at = nameEnd + 1
    if (fixed >= 0) {
      at += fixed
      continue
    }
    if (at + 2 > bytes.length) return undefined
    const end = at + 2 + bytes.readUInt16BE(at)
    if (end > bytes.length) return undefined
    if (type === TEXT) headers.set(name, bytes.toString('utf8', at + 2, end))
    at = end
  }
  return headers
}
