/** Close codes (RFC 6455 section 7.4.1). */
export const GOING_AWAY = 1001
export const PROTOCOL_ERROR = 1002
export const TOO_BIG = 1009

/** What ends a WebSocket: a close code and why. */
export interface WebSocketFault {
  readonly code: number
  readonly reason: string
}

export interface FollowerOptions {
  /** Bytes of a message, all of its fragments together, as they are on the wire (compressed ones are not inflated). */
  readonly maxMessageBytes: number
  /** Frames of a client are masked, those of a server are not (section 5.1). */
  readonly masked: boolean
  /** An extension was agreed on: reserved bits may mean something. */
  readonly extensions: boolean
}

/** A header has at most 14 bytes: two, eight of length, four of mask. */
const MAX_HEADER_BYTES = 14
const CONTINUATION = 0x0
const CONTROL = 0x8
const PONG = 0xa

/**
 * Follows the frames of one direction of a WebSocket as their bytes pass, without keeping or changing any (RFC 6455 section 5.2). It tells when a
 * message gets larger than it may be, before the bytes that make it so are sent on, and when the bytes are no frames at all.
 */
export class FrameFollower {
  /** What was followed, and so sent on, ends between two frames: one of our own could be put there. */
  atBoundary = true
  private readonly options: FollowerOptions
  private readonly header = Buffer.alloc(MAX_HEADER_BYTES)
  private headerBytes = 0
  /** Bytes of the present payload that are still to come. */
  private payload = 0
  private messageBytes = 0
  /** Within a fragmented message. */
  private fragmented = false

  constructor(options: FollowerOptions) {
    this.options = options
  }

  /** Takes note of the next bytes. @returns why they must not be sent on */
  follow(bytes: Uint8Array): WebSocketFault | undefined {
    const fault = this.read(bytes)
    if (fault === undefined) this.atBoundary = this.headerBytes === 0 && this.payload === 0
    return fault
  }

  private read(bytes: Uint8Array): WebSocketFault | undefined {
    let at = 0
    while (at < bytes.length) {
      if (this.payload > 0) {
        const skipped = Math.min(this.payload, bytes.length - at)
        this.payload -= skipped
        at += skipped
        continue
      }
      this.header[this.headerBytes++] = bytes[at++]
      if (this.headerBytes < 2 || this.headerBytes < headerLength(this.header[1])) continue
      const fault = this.begin()
      if (fault !== undefined) return fault
      this.headerBytes = 0
    }
    return undefined
  }

  private begin(): WebSocketFault | undefined {
    const { header, options } = this
    const first = header[0]
    const second = header[1]
    const final = (first & 0x80) !== 0
    const opcode = first & 0x0f
    const length = payloadLength(header, second)
    if ((first & 0x70) !== 0 && !options.extensions) return bad('reserved bits are set, and no extension was agreed on')
    if (((second & 0x80) !== 0) !== options.masked) {
      return bad(options.masked ? 'a frame of the client is not masked' : 'a frame of the server is masked')
    }
    if ((opcode > 0x2 && opcode < CONTROL) || opcode > PONG) return bad(`opcode ${opcode} is not known`)
    if (opcode >= CONTROL) {
      if (!final || length > 125) return bad('a control frame is fragmented or larger than 125 bytes')
      this.payload = length
      return undefined
    }
    if ((opcode === CONTINUATION) !== this.fragmented) return bad('fragments of messages are mixed up')
    if (length > Number.MAX_SAFE_INTEGER) return bad('the length of a frame is above 2^53')
    this.messageBytes += length
    if (this.messageBytes > options.maxMessageBytes) {
      return { code: TOO_BIG, reason: `a message is larger than ${options.maxMessageBytes} bytes` }
    }
    this.fragmented = !final
    if (final) this.messageBytes = 0
    this.payload = length
    return undefined
  }
}

const bad = (reason: string): WebSocketFault => ({ code: PROTOCOL_ERROR, reason })

/** Bytes of a header whose second byte is known. */
function headerLength(second: number): number {
  const length = second & 0x7f
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + ((second & 0x80) === 0 ? 0 : 4)
}

function payloadLength(header: Buffer, second: number): number {
  const length = second & 0x7f
  if (length < 126) return length
  return length === 126 ? header.readUInt16BE(2) : header.readUInt32BE(2) * 0x1_0000_0000 + header.readUInt32BE(6)
}

/** A close frame. @param masked towards a server: with a mask of zeros, which hides nothing and need not, as we are no browser */
export function closeFrame({ code, reason }: WebSocketFault, masked: boolean): Buffer {
  const text = Buffer.from(reason, 'utf8').subarray(0, 123)
  const head = masked ? [0x88, 0x80 | (2 + text.length), 0, 0, 0, 0] : [0x88, 2 + text.length]
  return Buffer.concat([Buffer.from([...head, code >> 8, code & 0xff]), text])
}
