import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW,
  ErrorCode,
  MAX_31_BITS,
  SETTINGS_ENABLE_CONNECT_PROTOCOL,
  SETTINGS_ENABLE_PUSH,
  SETTINGS_HEADER_TABLE_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_MAX_FRAME_SIZE,
} from './frames.ts'
import { Violation } from './violation.ts'

/** What the peer announced; before that, the defaults of RFC 9113 section 6.5.2. */
export class PeerSettings {
  headerTableSize = 4_096
  maxConcurrentStreams = Infinity
  initialWindow = DEFAULT_WINDOW
  maxFrameBytes = DEFAULT_MAX_FRAME_BYTES
  connectProtocol = false

  /** Takes in the payload `bytes[at, end)` of a SETTINGS frame. */
  read(bytes: Buffer, at: number, end: number): Violation | undefined {
    for (let position = at; position + 6 <= end; position += 6) {
      const problem = this.set(bytes.readUInt16BE(position), bytes.readUInt32BE(position + 2))
      if (problem !== undefined) return problem
    }
    return undefined
  }

  private set(id: number, value: number): Violation | undefined {
    switch (id) {
      case SETTINGS_HEADER_TABLE_SIZE:
        this.headerTableSize = value
        return undefined
      case SETTINGS_ENABLE_PUSH:
        return value > 1 ? outOfRange('ENABLE_PUSH') : undefined
      case SETTINGS_MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = value
        return undefined
      case SETTINGS_INITIAL_WINDOW_SIZE:
        if (value > MAX_31_BITS)
          return new Violation(ErrorCode.FLOW_CONTROL_ERROR, 'INITIAL_WINDOW_SIZE is above 2^31-1')
        this.initialWindow = value
        return undefined
      case SETTINGS_MAX_FRAME_SIZE:
        if (value < DEFAULT_MAX_FRAME_BYTES || value > 0xff_ffff) return outOfRange('MAX_FRAME_SIZE')
        this.maxFrameBytes = value
        return undefined
      case SETTINGS_ENABLE_CONNECT_PROTOCOL:
        // RFC 8441 section 3: 0 or 1, and never back to 0.
        if (value > 1 || (value === 0 && this.connectProtocol)) return outOfRange('ENABLE_CONNECT_PROTOCOL')
        this.connectProtocol = value === 1
        return undefined
      default:
        // MAX_HEADER_LIST_SIZE is advice (section 6.5.2): who finds a head too large refuses it.
        return undefined
    }
  }
}

const outOfRange = (name: string): Violation =>
  new Violation(ErrorCode.PROTOCOL_ERROR, `the value of ${name} is out of range`)
