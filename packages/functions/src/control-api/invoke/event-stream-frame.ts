import { crc32 } from 'node:zlib'

/** Type of a header value: text. */
const STRING = 7
/** Of a frame with its parts: total length, headers' length, checksum of both; at the end the checksum of all. */
const PRELUDE_BYTES = 12
const CHECKSUM_BYTES = 4

/** The headers of a frame as they are on the wire: name with its length, type, value with its length. Made once for each kind of frame. */
export function frameHeaders(headers: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of Object.entries(headers)) {
    const text = Buffer.from(value)
    const length = Buffer.alloc(3)
    length.writeUInt8(STRING, 0)
    length.writeUInt16BE(text.length, 1)
    parts.push(Buffer.from([Buffer.byteLength(name)]), Buffer.from(name), length, text)
  }
  return Buffer.concat(parts)
}

/**
 * One frame of `application/vnd.amazon.eventstream`:
 *
 *     total length │ headers' length │ CRC-32 of the two │ headers │ payload │ CRC-32 of all before
 *     4 bytes      │ 4               │ 4                 │ ...     │ ...     │ 4
 */
export function eventStreamFrame(headers: Buffer, payload: Uint8Array): Buffer {
  const length = PRELUDE_BYTES + headers.length + payload.length + CHECKSUM_BYTES
  const frame = Buffer.allocUnsafe(length)
  frame.writeUInt32BE(length, 0)
  frame.writeUInt32BE(headers.length, 4)
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  headers.copy(frame, PRELUDE_BYTES)
  frame.set(payload, PRELUDE_BYTES + headers.length)
  frame.writeUInt32BE(crc32(frame.subarray(0, length - CHECKSUM_BYTES)), length - CHECKSUM_BYTES)
  return frame
}
