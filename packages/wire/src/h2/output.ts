import type { Socket } from 'node:net'
import {
  ACK,
  CONTINUATION,
  DATA,
  DEFAULT_MAX_FRAME_BYTES,
  END_HEADERS,
  END_STREAM,
  FRAME_HEADER_BYTES,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './frames.ts'

/** Frames are gathered in pieces of memory of this size: four full DATA frames, and a turn's frames of a busy connection of small ones. */
const CHUNK_BYTES = 4 * (DEFAULT_MAX_FRAME_BYTES + FRAME_HEADER_BYTES)
/** Chunks kept for the next turn: 2 MiB a thread at most. */
const MAX_FREE = 32
const free: Buffer[] = []

/** Outputs with frames that have not been given to their sockets. */
let waiting: Output[] = []
let scheduled = false

/**
 * What one connection sends. All frames of a turn of the event loop, of all its streams, leave in one system call: in the check phase,
 * when every socket that had something to read has been read. With 8 connections of 16 streams each that is one call for some 15 frames.
 */
export class Output {
  /** Bytes written since the connection began: with it a stream knows whether its last frame is still here to be changed. */
  flushed = 0
  private readonly socket: Socket
  private chunk: Buffer | undefined
  private at = 0
  /** Chunks of this turn that are full, and how far each is. */
  private full: { readonly chunk: Buffer; readonly length: number }[] | undefined
  private listed = false
  private closing = false

  constructor(socket: Socket) {
    this.socket = socket
  }

  /** Bytes that wait: here, and in the socket's queue. */
  get backlog(): number {
    return this.at + (this.full === undefined ? 0 : this.full.length * CHUNK_BYTES) + this.socket.writableLength
  }

  /** The socket's queue is over its high-water mark. */
  get congested(): boolean {
    return this.socket.writableNeedDrain
  }

  /** Content of a DATA frame: `bytes[from, to)`, at most a frame's worth. @returns the place of its flags for `endLast` */
  data(streamId: number, bytes: Uint8Array, from: number, to: number, endStream: boolean): number {
    const length = to - from
    const chunk = this.reserve(FRAME_HEADER_BYTES + length)
    const start = this.at
    this.head(chunk, length, DATA, endStream ? END_STREAM : 0, streamId)
    // For a few bytes a loop is faster than the call.
    if (length <= 48) for (let at = 0; at < length; at++) chunk[this.at + at] = bytes[from + at]
    else chunk.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.at)
    this.at += length
    return this.flushed + start + 4
  }

  /** The same for content that is latin1 text. */
  dataText(streamId: number, text: string): number {
    const chunk = this.reserve(FRAME_HEADER_BYTES + text.length)
    const start = this.at
    this.head(chunk, text.length, DATA, 0, streamId)
    chunk.write(text, this.at, 'latin1')
    this.at += text.length
    return this.flushed + start + 4
  }

  /** Sets END_STREAM on a DATA frame if it has not left. @param place what `data` returned */
  endLast(place: number): boolean {
    const at = place - this.flushed
    if (at < 0 || this.chunk === undefined) return false
    this.chunk[at] |= END_STREAM
    return true
  }

  /** A field block, cut into HEADERS and CONTINUATION where it is larger than a frame. @returns bytes on the wire */
  fields(streamId: number, block: Buffer, length: number, endStream: boolean): number {
    let from = 0
    let size = 0
    do {
      // Frames of the least size: one must not be larger than a chunk.
      const to = Math.min(length, from + DEFAULT_MAX_FRAME_BYTES)
      const chunk = this.reserve(FRAME_HEADER_BYTES + to - from)
      const flags = (to === length ? END_HEADERS : 0) | (from === 0 && endStream ? END_STREAM : 0)
      this.head(chunk, to - from, from === 0 ? HEADERS : CONTINUATION, flags, streamId)
      if (length <= 48) for (let at = 0; at < length; at++) chunk[this.at + at] = block[at]
      else block.copy(chunk, this.at, from, to)
      this.at += to - from
      size += FRAME_HEADER_BYTES + to - from
      from = to
    } while (from < length)
    return size
  }

  windowUpdate(streamId: number, increment: number): void {
    const chunk = this.reserve(FRAME_HEADER_BYTES + 4)
    this.head(chunk, 4, WINDOW_UPDATE, 0, streamId)
    this.uint32(chunk, increment)
  }

  resetStream(streamId: number, code: number): void {
    const chunk = this.reserve(FRAME_HEADER_BYTES + 4)
    this.head(chunk, 4, RST_STREAM, 0, streamId)
    this.uint32(chunk, code)
  }

  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    const chunk = this.reserve(FRAME_HEADER_BYTES + pairs.length * 6)
    this.head(chunk, pairs.length * 6, SETTINGS, 0, 0)
    for (const [id, value] of pairs) {
      chunk[this.at++] = id >> 8
      chunk[this.at++] = id
      this.uint32(chunk, value)
    }
  }

  settingsAck(): void {
    this.head(this.reserve(FRAME_HEADER_BYTES), 0, SETTINGS, ACK, 0)
  }

  /** @param payload 8 bytes, from `from` on */
  ping(ack: boolean, payload: Uint8Array, from: number): void {
    const chunk = this.reserve(FRAME_HEADER_BYTES + 8)
    this.head(chunk, 8, PING, ack ? ACK : 0, 0)
    for (let at = 0; at < 8; at++) chunk[this.at++] = payload[from + at]
  }

  goAway(lastStreamId: number, code: number, reason: string): void {
    const text = Buffer.from(reason, 'latin1')
    const chunk = this.reserve(FRAME_HEADER_BYTES + 8 + text.length)
    this.head(chunk, 8 + text.length, GOAWAY, 0, 0)
    this.uint32(chunk, lastStreamId)
    this.uint32(chunk, code)
    text.copy(chunk, this.at)
    this.at += text.length
  }

  /** The client's first bytes. */
  text(text: string): void {
    const chunk = this.reserve(text.length)
    chunk.write(text, this.at, 'latin1')
    this.at += text.length
  }

  /** Gives the socket what is here. */
  flush(): void {
    this.listed = false
    const { socket, chunk, full } = this
    if (chunk === undefined) {
      if (this.closing) socket.end()
      return
    }
    this.chunk = undefined
    this.full = undefined
    const last = this.at
    this.at = 0
    this.flushed += last
    if (full !== undefined) {
      socket.cork()
      for (const one of full) socket.write(one.chunk.subarray(0, one.length))
    }
    socket.write(chunk.subarray(0, last))
    if (full !== undefined) socket.uncork()
    if (this.closing) socket.end()
    // What the kernel did not take at once points into the memory, which is then left to the garbage collector.
    if (socket.writableLength > 0) return
    recycle(chunk)
    if (full !== undefined) for (const one of full) recycle(one.chunk)
  }

  /** Sends what is here, then no more (FIN). */
  end(): void {
    this.closing = true
    this.list()
  }

  private reserve(bytes: number): Buffer {
    if (this.chunk !== undefined) {
      if (this.at + bytes <= CHUNK_BYTES) return this.chunk
      ;(this.full ??= []).push({ chunk: this.chunk, length: this.at })
      this.flushed += this.at
    }
    this.chunk = free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
    this.at = 0
    this.list()
    return this.chunk
  }

  private list(): void {
    if (this.listed) return
    this.listed = true
    waiting.push(this)
    if (scheduled) return
    scheduled = true
    setImmediate(flushAll)
  }

  private head(chunk: Buffer, length: number, type: number, flags: number, streamId: number): void {
    let { at } = this
    chunk[at++] = length >> 16
    chunk[at++] = length >> 8
    chunk[at++] = length
    chunk[at++] = type
    chunk[at++] = flags
    chunk[at++] = streamId >> 24
    chunk[at++] = streamId >> 16
    chunk[at++] = streamId >> 8
    chunk[at++] = streamId
    this.at = at
  }

  private uint32(chunk: Buffer, value: number): void {
    let { at } = this
    chunk[at++] = value >>> 24
    chunk[at++] = value >> 16
    chunk[at++] = value >> 8
    chunk[at++] = value
    this.at = at
  }
}

function recycle(chunk: Buffer): void {
  if (free.length < MAX_FREE) free.push(chunk)
}

function flushAll(): void {
  scheduled = false
  const now = waiting
  waiting = []
  for (const output of now) output.flush()
}
