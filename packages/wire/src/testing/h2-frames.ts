import {
  END_HEADERS,
  END_STREAM,
  CONTINUATION,
  DATA,
  GOAWAY,
  HEADERS,
  PING,
  PREFACE,
  PRIORITY,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../h2/frames.ts'
import { ReferenceDecoder, ReferenceEncoder } from '../h2/hpack/testing/reference.ts'

export type Fields = readonly (readonly [name: string, value: string])[]

/** A frame, byte for byte, whatever is right or wrong about it. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : Buffer.from(payload)
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, body])
}

const uint32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, 4 * at)
  return bytes
}

export const preface = Buffer.from(PREFACE, 'latin1')
export const data = (streamId: number, content: Uint8Array | string, endStream = false): Buffer =>
  frame(DATA, endStream ? END_STREAM : 0, streamId, content)
export const settings = (...pairs: readonly (readonly [id: number, value: number])[]): Buffer =>
  frame(
    SETTINGS,
    0,
    0,
    Buffer.concat(
      pairs.map(([id, value]) => {
        const bytes = Buffer.alloc(6)
        bytes.writeUInt16BE(id)
        bytes.writeUInt32BE(value, 2)
        return bytes
      }),
    ),
  )
export const settingsAck = frame(SETTINGS, 1, 0)
export const ping = (payload = '12345678', ack = false): Buffer => frame(PING, ack ? 1 : 0, 0, payload)
export const reset = (streamId: number, code: number): Buffer => frame(RST_STREAM, 0, streamId, uint32(code))
export const windowUpdate = (streamId: number, increment: number): Buffer =>
  frame(WINDOW_UPDATE, 0, streamId, uint32(increment))
export const goAway = (lastStreamId: number, code = 0, text = ''): Buffer =>
  frame(GOAWAY, 0, 0, Buffer.concat([uint32(lastStreamId, code), Buffer.from(text)]))
export const priority = (streamId: number, dependsOn = 0): Buffer =>
  frame(PRIORITY, 0, streamId, Buffer.concat([uint32(dependsOn), Buffer.of(15)]))

/** What one side of a connection says: it keeps the table of its field blocks, made by a package that shares no line with ours. */
export class FrameWriter {
  private encoder: ReferenceEncoder | undefined

  block(fields: Fields, incremental = true): Buffer {
    this.encoder ??= new ReferenceEncoder()
    return this.encoder.encode(fields.map(([name, value]) => ({ name, value, neverIndex: false, incremental })))
  }

  headers(streamId: number, fields: Fields, endStream = false): Buffer {
    return frame(HEADERS, END_HEADERS | (endStream ? END_STREAM : 0), streamId, this.block(fields))
  }

  /** The same in pieces of so many bytes: HEADERS and CONTINUATIONs. */
  headersInPieces(streamId: number, fields: Fields, size: number, endStream = false): Buffer {
    const block = this.block(fields)
    const frames: Buffer[] = []
    for (let at = 0; at === 0 || at < block.length; at += size) {
      const last = at + size >= block.length ? END_HEADERS : 0
      const end = at === 0 && endStream ? END_STREAM : 0
      frames.push(frame(at === 0 ? HEADERS : CONTINUATION, last | end, streamId, block.subarray(at, at + size)))
    }
    return Buffer.concat(frames)
  }
}

/** One frame that was received, or a field block with its fields. */
export interface Seen {
  readonly type: string
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
  /** Of HEADERS, with what CONTINUATIONs brought. */
  readonly fields: readonly (readonly [string, string])[]
  readonly endStream: boolean
  /** Of RST_STREAM and GOAWAY. */
  readonly code: number
}

const NAMES = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
]

/** Takes what one side sent apart into frames. A parser of its own: the one under test is not its own judge. */
export class FrameParser {
  readonly seen: Seen[] = []
  private decoder: ReferenceDecoder | undefined
  private rest: Buffer = Buffer.alloc(0)
  private block: { streamId: number; flags: number; parts: Buffer[] } | undefined

  /** @returns the frames that are new */
  push(bytes: Uint8Array | string): Seen[] {
    const before = this.seen.length
    this.rest = Buffer.concat([this.rest, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes])
    for (;;) {
      if (this.rest.length < 9) break
      const length = this.rest.readUIntBE(0, 3)
      if (this.rest.length < 9 + length) break
      const [type, flags] = [this.rest[3], this.rest[4]]
      this.take(type, flags, this.rest.readUInt32BE(5), Buffer.from(this.rest.subarray(9, 9 + length)))
      this.rest = this.rest.subarray(9 + length)
    }
    return this.seen.slice(before)
  }

  /** Bytes of a frame that is not whole. */
  get unfinished(): number {
    return this.rest.length
  }

  private take(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (payload.length > 16_384) throw new Error(`a frame of ${payload.length} bytes`)
    if (this.block !== undefined && (type !== CONTINUATION || streamId !== this.block.streamId)) {
      throw new Error('a field block is interrupted')
    }
    if (type === HEADERS || type === CONTINUATION) {
      this.block ??= { streamId, flags, parts: [] }
      this.block.parts.push(payload)
      if ((flags & END_HEADERS) === 0) return
      const { flags: first, parts } = this.block
      this.block = undefined
      this.decoder ??= new ReferenceDecoder()
      const fields = this.decoder.decode(Buffer.concat(parts)).map(([name, value]) => [name, value] as const)
      this.seen.push({
        type: 'HEADERS',
        flags: first,
        streamId,
        payload: Buffer.concat(parts),
        fields,
        endStream: (first & END_STREAM) !== 0,
        code: -1,
      })
      return
    }
    const code = type === RST_STREAM ? payload.readUInt32BE(0) : type === GOAWAY ? payload.readUInt32BE(4) : -1
    this.seen.push({
      type: NAMES[type] ?? `type ${type}`,
      flags,
      streamId,
      payload,
      fields: [],
      endStream: type === DATA && (flags & END_STREAM) !== 0,
      code,
    })
  }

  of(streamId: number, type?: string): Seen[] {
    return this.seen.filter((one) => one.streamId === streamId && (type === undefined || one.type === type))
  }

  /** What came as content of a stream, one character a byte. */
  content(streamId: number): string {
    return Buffer.concat(this.of(streamId, 'DATA').map((one) => one.payload)).toString('latin1')
  }

  ended(streamId: number): boolean {
    return this.of(streamId).some((one) => one.endStream)
  }

  /** The value of a field of the first head of a stream that has it. */
  field(streamId: number, name: string): string | undefined {
    for (const { fields } of this.of(streamId, 'HEADERS')) {
      const found = fields.find(([each]) => each === name)
      if (found !== undefined) return found[1]
    }
    return undefined
  }

  /** The code of the last GOAWAY; undefined without one. */
  get goAwayCode(): number | undefined {
    return this.seen.findLast((one) => one.type === 'GOAWAY')?.code
  }

  resetCode(streamId: number): number | undefined {
    return this.of(streamId, 'RST_STREAM').at(0)?.code
  }
}
