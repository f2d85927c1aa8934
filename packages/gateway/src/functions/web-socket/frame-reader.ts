import { isUtf8 } from 'node:buffer'
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  isCloseCode,
  NO_STATUS,
  NOT_UTF8,
  PING,
  PONG,
  PROTOCOL_ERROR,
  TEXT,
  TOO_BIG,
} from './frames.ts'

/** What the reader found. Memory of payloads belongs to whoever is told. */
export interface FrameListener {
  onMessage(data: Buffer, isText: boolean): void
  onPing(data: Buffer): void
  onPong(): void
  /** The client's close frame; nothing behind it is read. */
  onClose(code: number, reason: string): void
  /** The bytes break a rule: nothing more is read. */
  onFault(code: number, reason: string): void
}

export interface FrameLimits {
  readonly maxFrameBytes: number
  readonly maxMessageBytes: number
}

/** Two bytes, eight of length, four of mask. */
const MAX_HEADER_BYTES = 14
/** Each costs some 100 bytes besides its own. */
const MAX_FRAGMENTS = 4_096

/**
 * Reads the frames of a client, strictly (RFC 6455 section 5): masked, no reserved bits, known opcodes, lengths in their shortest form, control
 * frames whole and small, text and reasons in UTF-8. No extension is spoken.
 */
export class FrameReader {
  private readonly listener: FrameListener
  private readonly limits: FrameLimits
  private readonly header = Buffer.alloc(MAX_HEADER_BYTES)
  private headerBytes = 0
  private opcode = 0
  private final = false
  private payload: Buffer | undefined = undefined
  private filled = 0
  /** Of a fragmented message: its opcode, and its pieces so far. */
  private messageOpcode = 0
  private fragments: Buffer[] = []
  private messageBytes = 0
  private over = false

  constructor(limits: FrameLimits, listener: FrameListener) {
    this.limits = limits
    this.listener = listener
  }

  push(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length && !this.over) {
      if (this.payload === undefined) {
        this.header[this.headerBytes++] = bytes[at++]
        if (this.headerBytes >= 2 && this.headerBytes === headerLength(this.header[1])) this.begin()
        continue
      }
      const taken = Math.min(this.payload.length - this.filled, bytes.length - at)
      this.payload.set(bytes.subarray(at, at + taken), this.filled)
      this.filled += taken
      at += taken
      if (this.filled === this.payload.length) this.end(this.payload)
    }
  }

  private begin(): void {
    const { header, limits } = this
    this.final = (header[0] & 0x80) !== 0
    this.opcode = header[0] & 0x0f
    const length = payloadLength(header)
    const problem = this.problemOf(length)
    if (problem !== undefined) {
      this.fault(PROTOCOL_ERROR, problem)
      return
    }
    const isControl = this.opcode >= CLOSE
    if (!isControl && length > limits.maxFrameBytes) {
      this.fault(TOO_BIG, `a frame has more than ${limits.maxFrameBytes} bytes`)
      return
    }
    if (!isControl && this.messageBytes + length > limits.maxMessageBytes) {
      this.fault(TOO_BIG, `a message has more than ${limits.maxMessageBytes} bytes`)
      return
    }
    this.payload = Buffer.allocUnsafe(length)
    this.filled = 0
    if (length === 0) this.end(this.payload)
  }

  private problemOf(length: number): string | undefined {
    const { header, opcode, final } = this
    if ((header[0] & 0x70) !== 0) return 'a reserved bit is set'
    if ((header[1] & 0x80) === 0) return 'a frame is not masked'
    if (opcode > PONG || (opcode > BINARY && opcode < CLOSE)) return `the opcode ${opcode} is not known`
    const short = header[1] & 0x7f
    if ((short === 126 && length < 126) || (short === 127 && length < 65_536))
      return 'a length is not in its shortest form'
    if (length > Number.MAX_SAFE_INTEGER) return 'a length is above 2^53'
    if (opcode >= CLOSE) return final && length <= 125 ? undefined : 'a control frame is fragmented or too long'
    if ((opcode === CONTINUATION) === (this.messageOpcode === 0)) return 'fragments of messages are mixed up'
    return undefined
  }

  private end(payload: Buffer): void {
    unmask(payload, this.header, this.headerBytes - 4)
    this.payload = undefined
    this.headerBytes = 0
    if (this.opcode >= CLOSE) {
      this.control(payload)
      return
    }
    if (this.opcode !== CONTINUATION) this.messageOpcode = this.opcode
    if (payload.length > 0) this.fragments.push(payload)
    this.messageBytes += payload.length
    if (this.fragments.length > MAX_FRAGMENTS) {
      this.fault(TOO_BIG, `a message has more than ${MAX_FRAGMENTS} fragments`)
      return
    }
    if (!this.final) return
    const data = this.fragments.length === 1 ? this.fragments[0] : Buffer.concat(this.fragments)
    const isText = this.messageOpcode === TEXT
    this.messageOpcode = 0
    this.fragments = []
    this.messageBytes = 0
    if (isText && !isUtf8(data)) this.fault(NOT_UTF8, 'a text is not UTF-8')
    else this.listener.onMessage(data, isText)
  }

  private control(payload: Buffer): void {
    if (this.opcode === PING) this.listener.onPing(payload)
    else if (this.opcode === PONG) this.listener.onPong()
    else this.close(payload)
  }

  private close(payload: Buffer): void {
    if (payload.length === 0) {
      this.over = true
      this.listener.onClose(NO_STATUS, '')
      return
    }
    const code = payload.length === 1 ? 0 : payload.readUInt16BE(0)
    const reason = payload.subarray(2)
    if (!isCloseCode(code)) this.fault(PROTOCOL_ERROR, 'a close frame has no valid code')
    else if (!isUtf8(reason)) this.fault(NOT_UTF8, 'a reason is not UTF-8')
    else {
      this.over = true
      this.listener.onClose(code, reason.toString())
    }
  }

  private fault(code: number, reason: string): void {
    this.over = true
    this.fragments = []
    this.listener.onFault(code, reason)
  }
}

/** Bytes of a header whose second byte is known; a frame without a mask is refused once they are there. */
function headerLength(second: number): number {
  const short = second & 0x7f
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + ((second & 0x80) === 0 ? 0 : 4)
}

function payloadLength(header: Buffer): number {
  const short = header[1] & 0x7f
  if (short < 126) return short
  return short === 126 ? header.readUInt16BE(2) : header.readUInt32BE(2) * 0x1_0000_0000 + header.readUInt32BE(6)
}

function unmask(payload: Buffer, header: Buffer, at: number): void {
  for (let index = 0; index < payload.length; index++) payload[index] ^= header[at + (index & 3)]
}
