import { ChunkedDecoder, type ChunkSink } from './chunked-decoder.ts'
import type { H1Limits } from '../limits.ts'
import type { RefusalCode } from '../streams/refusal.ts'
import { CHUNKED } from './request-head.ts'

/** Who gets the pieces of a body. */
export interface BodyReceiver {
  /** A piece of the bytes that were given to `read`. */
  onBodyPiece(bytes: Buffer, at: number, end: number): void
  /** A decoded piece of a chunked body, only valid during the call. */
  onBodyChunk(chunk: Uint8Array): void
}

/** Finds where a request body ends: by its length or by its chunks. One serves a connection, body after body. */
export class RequestBodyReader implements ChunkSink {
  /** Bytes that are still to come by the length; of a chunked body minus those that came. */
  private remaining = 0
  private decoder: ChunkedDecoder | undefined
  private receiver: BodyReceiver | undefined
  private maxBytes = 0
  private tooLarge = false

  /** @param length bytes, or `CHUNKED` */
  begin(length: number, limits: H1Limits): void {
    this.decoder = length === CHUNKED ? new ChunkedDecoder(limits.maxHeadBytes) : undefined
    this.remaining = length === CHUNKED ? 0 : length
    this.maxBytes = limits.maxBodyBytes
    this.tooLarge = false
  }

  /** Bytes that must still come; not known of a chunked body. */
  get expected(): number {
    return this.decoder === undefined ? this.remaining : Infinity
  }

  /** More than that many bytes are known to come. */
  exceeds(bytes: number): boolean {
    return this.remaining > bytes
  }

  get done(): boolean {
    return this.decoder === undefined ? this.remaining === 0 : this.decoder.done
  }

  get trailers(): string {
    return this.decoder?.trailers ?? ''
  }

  /** Reads `bytes[at, end)`. Returns the position behind what belongs to the body, or why it is refused. */
  read(bytes: Buffer, at: number, end: number, receiver: BodyReceiver): number | RefusalCode {
    if (this.decoder !== undefined) {
      this.receiver = receiver
      const result = this.decoder.decode(bytes, at, end, this)
      return this.tooLarge ? 'BODY_TOO_LARGE' : result
    }
    const stop = Math.min(end, at + this.remaining)
    this.remaining -= stop - at
    receiver.onBodyPiece(bytes, at, stop)
    return stop
  }

  onChunk(chunk: Uint8Array): void {
    this.remaining -= chunk.length
    if (this.maxBytes > 0 && -this.remaining > this.maxBytes) this.tooLarge = true
    else this.receiver?.onBodyChunk(chunk)
  }

  /** The body is over, or will not be read further. */
  end(): void {
    this.decoder = undefined
    this.remaining = 0
  }
}
