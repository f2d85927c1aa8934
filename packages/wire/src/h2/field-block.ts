import { END_STREAM, ErrorCode, PADDED, PRIORITY_FLAG, MAX_31_BITS } from './frames.ts'
import { Violation } from './violation.ts'

/** The fields of HEADERS frames in more parts than this are an attack (CVE-2024-27316): a full block needs two or three. */
const MAX_CONTINUATIONS = 32

/** A field block that comes in several frames: HEADERS and its CONTINUATIONs (RFC 9113 section 4.3). */
export class FieldBlock {
  /** The stream whose block is being read; 0 = none. */
  streamId = 0
  endStream = false
  private readonly maxBytes: number
  private parts: Buffer[] = []
  private size = 0

  /** @param maxBytes of the fields as they are encoded; plain text is as long as the fields themselves */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Takes padding and priority off a HEADERS frame. */
  begin(
    flags: number,
    streamId: number,
    bytes: Buffer,
    at: number,
    end: number,
  ): Violation | { start: number; stop: number; selfDependent: boolean } {
    let start = at
    let stop = end
    if ((flags & PADDED) !== 0) {
      if (start >= end) return new Violation(ErrorCode.FRAME_SIZE_ERROR, 'a padded HEADERS frame is empty')
      stop -= bytes[start++]
    }
    let selfDependent = false
    if ((flags & PRIORITY_FLAG) !== 0) {
      if (end - start < 5)
        return new Violation(ErrorCode.FRAME_SIZE_ERROR, 'a HEADERS frame is too short for its priority')
      selfDependent = (bytes.readUInt32BE(start) & MAX_31_BITS) === streamId
      start += 5
    }
    if (stop < start) return new Violation(ErrorCode.PROTOCOL_ERROR, 'a HEADERS frame has more padding than payload')
    this.streamId = streamId
    this.endStream = (flags & END_STREAM) !== 0
    range.start = start
    range.stop = stop
    range.selfDependent = selfDependent
    return range
  }

  keep(bytes: Buffer, at: number, end: number): Violation | undefined {
    this.size += end - at
    if (this.size > this.maxBytes || this.parts.length > MAX_CONTINUATIONS) {
      return new Violation(
        ErrorCode.ENHANCE_YOUR_CALM,
        'a field block is larger than max_head_bytes, or in too many parts',
      )
    }
    this.parts.push(Buffer.from(bytes.subarray(at, end)))
    return undefined
  }

  /** The whole block; the next one may begin. */
  take(): Buffer {
    const whole = Buffer.concat(this.parts)
    this.parts = []
    this.size = 0
    this.streamId = 0
    return whole
  }
}

/** One object for all: it is read at once. */
const range = { start: 0, stop: 0, selfDependent: false }
