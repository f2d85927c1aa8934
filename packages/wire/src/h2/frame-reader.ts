import { DATA, DEFAULT_MAX_FRAME_BYTES, END_STREAM, ErrorCode, FRAME_HEADER_BYTES, PADDED } from './frames.ts'
import { Violation } from './violation.ts'

/** Who is told of frames. A returned violation ends the reading. */
export interface FrameSink {
  /** A frame other than DATA, whole: its payload is `bytes[at, end)`, valid during the call. */
  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, at: number, end: number): Violation | undefined
  /** The head of a DATA frame. `length` counts what flow control counts: the payload with its padding. */
  onDataStart(streamId: number, length: number): Violation | undefined
  /** A piece of the content of the DATA frame that was begun: `bytes[at, end)`, not empty, valid during the call. */
  onDataPiece(streamId: number, bytes: Buffer, at: number, end: number): Violation | undefined
  /** The DATA frame is over. */
  onDataEnd(streamId: number, endStream: boolean): Violation | undefined
}

/**
 * Cuts what a connection brings into frames. Payloads of DATA pass through in the pieces in which they arrive; other frames are handed on
 * whole, so what is kept is at most one frame of 16 KiB that is not DATA.
 */
export class FrameReader {
  private readonly sink: FrameSink
  /** The beginning of a frame that is not complete. */
  private partial: Buffer | undefined
  /** Within the payload of DATA: content and padding that are still to come; -1 = not within one. */
  private content = -1
  private padding = 0
  private streamId = 0
  private endStream = false

  constructor(sink: FrameSink) {
    this.sink = sink
  }

  /** Within a frame, or a field block, whose rest has not come. */
  get midway(): boolean {
    return this.partial !== undefined || this.content >= 0
  }

  read(bytes: Buffer, length: number): Violation | undefined {
    if (this.partial === undefined) return this.consume(bytes, 0, length)
    const all = Buffer.concat([this.partial, bytes.subarray(0, length)])
    this.partial = undefined
    return this.consume(all, 0, all.length)
  }

  private consume(bytes: Buffer, start: number, end: number): Violation | undefined {
    let at = start
    for (;;) {
      if (this.content >= 0) {
        const stop = this.readData(bytes, at, end)
        if (typeof stop !== 'number') return stop
        if (this.content >= 0) return undefined
        at = stop
      }
      if (end - at < FRAME_HEADER_BYTES) break
      const length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]
      if (length > DEFAULT_MAX_FRAME_BYTES) {
        return new Violation(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${length} bytes is larger than what was agreed`)
      }
      const type = bytes[at + 3]
      const flags = bytes[at + 4]
      const streamId = ((bytes[at + 5] & 0x7f) << 24) | (bytes[at + 6] << 16) | (bytes[at + 7] << 8) | bytes[at + 8]
      if (type === DATA) {
        const stop = this.beginData(bytes, at + FRAME_HEADER_BYTES, end, length, flags, streamId)
        if (stop === WAIT) break
        if (typeof stop !== 'number') return stop
        at = stop
        continue
      }
      const stop = at + FRAME_HEADER_BYTES + length
      if (stop > end) break
      const violation = this.sink.onFrame(type, flags, streamId, bytes, at + FRAME_HEADER_BYTES, stop)
      if (violation !== undefined) return violation
      at = stop
    }
    if (at < end) this.partial = Buffer.from(bytes.subarray(at, end))
    return undefined
  }

  /** @returns where the content begins; `WAIT` when the length of the padding has not come */
  private beginData(
    bytes: Buffer,
    at: number,
    end: number,
    length: number,
    flags: number,
    streamId: number,
  ): number | Violation {
    let padding = 0
    let overhead = 0
    if ((flags & PADDED) !== 0) {
      if (length === 0) return new Violation(ErrorCode.FRAME_SIZE_ERROR, 'a padded DATA frame is empty')
      if (at >= end) return WAIT
      overhead = 1
      padding = bytes[at]
      if (padding >= length)
        return new Violation(ErrorCode.PROTOCOL_ERROR, 'a DATA frame has more padding than payload')
    }
    const violation = this.sink.onDataStart(streamId, length)
    if (violation !== undefined) return violation
    this.content = length - overhead - padding
    this.padding = padding
    this.streamId = streamId
    this.endStream = (flags & END_STREAM) !== 0
    return at + overhead
  }

  private readData(bytes: Buffer, at: number, end: number): number | Violation {
    let position = at
    if (this.content > 0) {
      const stop = Math.min(end, position + this.content)
      if (stop > position) {
        this.content -= stop - position
        const violation = this.sink.onDataPiece(this.streamId, bytes, position, stop)
        if (violation !== undefined) return violation
        position = stop
      }
      if (this.content > 0) return position
    }
    const skipped = Math.min(end - position, this.padding)
    this.padding -= skipped
    if (this.padding > 0) return position + skipped
    this.content = -1
    return this.sink.onDataEnd(this.streamId, this.endStream) ?? position + skipped
  }
}

const WAIT = -1
