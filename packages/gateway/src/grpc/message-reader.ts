import { gunzipSync, inflateSync } from 'node:zlib'
import { type GrpcFailure, GrpcStatus } from './status.ts'

/** Flag and length before each message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export const PREFIX_BYTES = 5
/** What grpc-java, grpc-go and grpc-js allow a message to have unless told otherwise. */
export const DEFAULT_MAX_MESSAGE_BYTES = 4 * 1024 * 1024

/**
 * The first buffer of a message that comes in pieces. It doubles as bytes arrive: a prefix that announces 4 MB and
 * nothing behind it costs 16 kB.
 */
const FIRST_BUFFER_BYTES = 16 * 1024

export interface MessageReaderOptions {
  /** Bytes of one message at most, before and after it is decompressed. */
  readonly maxMessageBytes?: number
  /** The value of `grpc-encoding`; left out: identity. */
  readonly encoding?: string | undefined
}

/**
 * Cuts a stream of bytes into messages.
 *
 * ```ts
 * reader.push(chunk)
 * for (let message = reader.next(); message !== undefined; message = reader.next()) use(message)
 * if (reader.failure !== undefined) refuse(reader.failure)
 * ```
 *
 * A message that lies whole in a chunk is a view of it, valid as long as the chunk is. Call `next` until it returns
 * undefined before the next `push`.
 */
export class MessageReader {
  /** Why no more messages come. */
  failure: GrpcFailure | undefined = undefined

  private readonly maxMessageBytes: number
  private readonly encoding: string
  private readonly prefix = Buffer.allocUnsafe(PREFIX_BYTES)
  private prefixLength = 0
  private chunk: Uint8Array = NOTHING
  private at = 0
  /** The message that is being gathered; undefined between messages. */
  private partial: Buffer | undefined = undefined
  private partialLength = 0
  private wanted = 0
  private compressed = false

  constructor({ maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES, encoding = 'identity' }: MessageReaderOptions = {}) {
    this.maxMessageBytes = maxMessageBytes
    this.encoding = encoding
  }

  push(chunk: Uint8Array): void {
    this.chunk = chunk
    this.at = 0
  }

  /** The next whole message; undefined when more bytes are needed, or after a failure. */
  next(): Uint8Array | undefined {
    if (this.failure !== undefined) return undefined
    if (this.partial === undefined) {
      if (!this.readPrefix()) return undefined
      const { chunk, at, wanted } = this
      if (chunk.length - at >= wanted) {
        this.at = at + wanted
        return this.finished(chunk.subarray(at, at + wanted))
      }
      this.partial = Buffer.allocUnsafe(Math.min(wanted, FIRST_BUFFER_BYTES))
      this.partialLength = 0
    }
    return this.gather(this.partial)
  }

  /** The stream is at its end: fails if that is within a message. */
  end(): GrpcFailure | undefined {
    if (this.failure === undefined && (this.partial !== undefined || this.prefixLength > 0)) {
      this.fail(GrpcStatus.INTERNAL, 'the stream ended within a message')
    }
    return this.failure
  }

  private readPrefix(): boolean {
    const { chunk, prefix } = this
    while (this.prefixLength < PREFIX_BYTES) {
      if (this.at === chunk.length) return false
      prefix[this.prefixLength++] = chunk[this.at++]
    }
    const flags = prefix[0]
    const length = prefix.readUInt32BE(1)
    if (flags > 1) return this.fail(GrpcStatus.INTERNAL, `a message has the unknown flags ${flags}`)
    if (length > this.maxMessageBytes) return this.tooLarge(length)
    this.prefixLength = 0
    this.compressed = flags === 1
    this.wanted = length
    return true
  }

  private gather(partial: Buffer): Uint8Array | undefined {
    const { chunk, at, wanted } = this
    const taken = Math.min(wanted - this.partialLength, chunk.length - at)
    const needed = this.partialLength + taken
    let target = partial
    if (needed > partial.length) {
      target = Buffer.allocUnsafe(Math.min(wanted, Math.max(needed, partial.length * 2)))
      partial.copy(target, 0, 0, this.partialLength)
      this.partial = target
    }
    target.set(chunk.subarray(at, at + taken), this.partialLength)
    this.partialLength = needed
    this.at = at + taken
    if (needed < wanted) return undefined
    this.partial = undefined
    return this.finished(target.subarray(0, wanted))
  }

  private finished(message: Uint8Array): Uint8Array | undefined {
    return this.compressed ? this.decompressed(message) : message
  }

  private decompressed(message: Uint8Array): Uint8Array | undefined {
    const { encoding, maxMessageBytes } = this
    const decompress = encoding === 'gzip' ? gunzipSync : encoding === 'deflate' ? inflateSync : undefined
    if (decompress === undefined) {
      if (encoding === 'identity') this.fail(GrpcStatus.INTERNAL, 'a compressed message without grpc-encoding')
      else this.fail(GrpcStatus.UNIMPLEMENTED, `grpc-encoding ${encoding} is not supported; known are gzip and deflate`)
      return undefined
    }
    try {
      return decompress(message, { maxOutputLength: Math.max(1, maxMessageBytes) })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') this.tooLarge(undefined)
      else this.fail(GrpcStatus.INTERNAL, 'a compressed message is damaged')
      return undefined
    }
  }

  private tooLarge(length: number | undefined): false {
    const size = length === undefined ? 'more bytes when it is decompressed' : `${length} bytes`
    return this.fail(GrpcStatus.RESOURCE_EXHAUSTED, `a message has ${size}, the limit is ${this.maxMessageBytes}`)
  }

  private fail(status: GrpcStatus, message: string): false {
    this.failure = { status, message }
    this.chunk = NOTHING
    this.at = 0
    this.partial = undefined
    return false
  }
}

const NOTHING = new Uint8Array(0)

/** A message with its prefix, uncompressed. */
export function frameMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, PREFIX_BYTES)
  return framed
}
