import type { ServerExchange, ServerStream } from '@sekisho/wire'
import { ACCEPTED, TOO_LARGE, TRUNCATED, type Answer } from './answers.ts'
import { failureOfText, failureOfTrailers, mayBeErrorText } from './error-text.ts'
import { responseTooLarge, TRUNCATED_RESPONSE } from './failures.ts'
import { MAX_ERROR_TEXT_BYTES, MAX_SWALLOWED_BYTES } from './limits.ts'
import type { RuntimeFailure } from './runtime-api-listener.ts'

/** Where the pieces of a streamed response go. */
export interface StreamReceiver {
  onChunk(chunk: Uint8Array): boolean
  /** @param complete the runtime has sent all that it will: it may ask for its next event */
  onEnd(failure: RuntimeFailure | undefined): void
  /** Nothing more comes from the runtime for this event. */
  onComplete(): void
}

/**
 * A `/response` that is streamed: its pieces go on as they come. While the caller takes none, the connection is not read; what one read had brought
 * beyond that waits here (at most one read, 128 KiB).
 */
export class StreamedResponse implements ServerExchange {
  private readonly stream: ServerStream
  private readonly receiver: StreamReceiver
  private readonly maxBytes: number
  private bytes = 0
  private paused = false
  private waiting: Uint8Array[] = []
  /** May be the end, and an error: not passed on before that is known. */
  private held: Uint8Array | undefined
  private failure: RuntimeFailure | undefined
  /** What the runtime is told at the end; undefined: it is gone. */
  private answer: Answer | undefined = ACCEPTED
  /** The runtime has sent all that it will. */
  private complete = false
  private told = false

  constructor(stream: ServerStream, receiver: StreamReceiver, maxBytes: number) {
    this.stream = stream
    this.receiver = receiver
    this.maxBytes = maxBytes
  }

  /** The caller takes pieces again. */
  resume(): void {
    if (!this.paused) return
    this.paused = false
    const { waiting } = this
    this.waiting = []
    for (const piece of waiting) this.pass(piece)
    if (this.paused) return
    if (this.complete || this.failure !== undefined) this.settle()
    if (!this.complete) this.stream.resumeRequestBody()
  }

  onRequestBody(chunk: Uint8Array): boolean {
    this.bytes += chunk.length
    if (this.bytes <= this.maxBytes) this.take(chunk)
    else this.dropRest()
    // The memory is the receiver's from here on.
    return false
  }

  onRequestEnd(trailers: string): void {
    if (this.failure === undefined) {
      this.failure = failureOfTrailers(trailers)
      if (this.held !== undefined) this.failure ??= this.failureOfHeld(this.held)
    }
    this.finish(this.answer)
  }

  onRequestRefused(): void {
    this.failure ??= TRUNCATED_RESPONSE
    this.finish(TRUNCATED)
  }

  onDownstreamDrain(): void {}

  onDownstreamLost(): void {
    // A runtime may close behind its response, while the caller still takes it: AWS tells them to.
    if (this.complete) return
    this.failure ??= TRUNCATED_RESPONSE
    this.finish(undefined)
  }

  private take(chunk: Uint8Array): void {
    const piece = this.held === undefined ? chunk : Buffer.concat([this.held, chunk])
    this.held = undefined
    if (mayBeErrorText(piece) && piece.length <= MAX_ERROR_TEXT_BYTES) this.held = piece
    else this.pass(piece)
  }

  private pass(piece: Uint8Array): void {
    if (this.paused) this.waiting.push(piece)
    else if (!this.receiver.onChunk(piece)) {
      this.paused = true
      this.stream.pauseRequestBody()
    }
  }

  private failureOfHeld(held: Uint8Array): RuntimeFailure | undefined {
    const failure = failureOfText(held)
    if (failure === undefined) this.pass(held)
    return failure
  }

  /** Too large: the caller learns it now, the runtime when it has sent the rest. */
  private dropRest(): void {
    if (this.failure === undefined) {
      this.failure = responseTooLarge(this.maxBytes)
      this.answer = TOO_LARGE
      this.settle()
    }
    if (this.bytes > this.maxBytes + MAX_SWALLOWED_BYTES && !this.complete) this.finish(TOO_LARGE)
  }

  private finish(answer: Answer | undefined): void {
    if (this.complete) return
    this.complete = true
    this.answer = answer
    this.settle()
  }

  private settle(): void {
    if (this.paused) return
    if (this.complete) this.receiver.onComplete()
    if (!this.told) {
      this.told = true
      this.receiver.onEnd(this.failure)
    }
    if (this.complete) this.answer?.send(this.stream)
  }
}
