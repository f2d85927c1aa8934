import {
  CHUNKED,
  LONG_BODY_BYTES,
  latin1TextOf,
  type RequestHandler,
  type RequestHead,
  type ServerExchange,
  type ServerStream,
} from '@sekisho/wire'
import { errorAnswer, TOO_LARGE, TRUNCATED, type Answer } from './answers.ts'
import { eventHead } from './event-head.ts'
import { MAX_SWALLOWED_BYTES } from './limits.ts'
import type { RuntimeEvent } from './runtime-api-listener.ts'

/** Who decides what a request means. */
export interface RequestRouter {
  route(connection: RuntimeConnection, head: RequestHead): void
  onClosed(connection: RuntimeConnection): void
}

/** What a request does when its body is there. Exactly one of these is called, once. */
export interface RequestTask {
  /** All of it; its memory is the task's. Answers. */
  onBody(connection: RuntimeConnection, body: Buffer): void
  /** It is larger than it may be, which the connection answers. */
  onTooLarge(bytes: number): void
  /** The connection broke, or the framing did. */
  onBroken(): void
}

/** Somebody whose answer comes later. */
export interface Waiter {
  /** The connection it would have come on is gone. */
  onLost(connection: RuntimeConnection): void
}

const NOTHING = Buffer.alloc(0)
/** Up to here an event leaves with its head as one string in one write: the copy is cheaper than a second buffer. */
const SHORT_PAYLOAD_BYTES = 16_384

/**
 * One connection from inside the sandbox. HTTP/1.1 knows one request at a time, so this one object is handler and exchange of them all: a request
 * makes nothing but its head.
 */
export class RuntimeConnection implements RequestHandler, ServerExchange {
  stream!: ServerStream
  waiter: Waiter | undefined
  private readonly router: RequestRouter
  private task: RequestTask | undefined
  /** The body is nobody's, and read for its end only: then this is the answer. */
  private unread: Answer | undefined
  /** Memory for a long body whose length is known. */
  private whole: Buffer | undefined
  private pieces: Buffer[] | undefined
  private bytes = 0
  private maxBytes = 0
  private bodyLength = 0

  constructor(router: RequestRouter) {
    this.router = router
  }

  onRequest(stream: ServerStream, head: RequestHead): void {
    this.stream = stream
    stream.exchange = this
    this.router.route(this, head)
  }

  onRefused(stream: ServerStream, { status, code, message }: { status: number; code: string; message: string }): void {
    errorAnswer(status, `InvalidRequest.${code}`, message).send(stream)
  }

  onClosed(): void {
    this.router.onClosed(this)
  }

  /** Reads the body for a task. One that is larger is read and dropped, and answered 413. */
  read(head: RequestHead, maxBytes: number, task: RequestTask): void {
    const { bodyLength } = head
    if (bodyLength === 0) {
      task.onBody(this, NOTHING)
      return
    }
    this.begin(bodyLength)
    this.maxBytes = maxBytes
    this.task = task
    if (bodyLength > maxBytes) this.tooLarge(bodyLength)
    else if (bodyLength > LONG_BODY_BYTES) this.whole = Buffer.allocUnsafeSlow(bodyLength)
    this.readOn()
  }

  /** Answers a request whose body nobody wants: it is read first, as most clients read nothing before they have sent all. */
  answer(head: RequestHead, answer: Answer): void {
    if (head.bodyLength === 0) {
      answer.send(this.stream)
      return
    }
    this.begin(head.bodyLength)
    this.unread = answer
    this.readOn()
  }

  sendEvent(event: RuntimeEvent): void {
    const { stream } = this
    const { payload } = event
    this.waiter = undefined
    if (payload.length <= SHORT_PAYLOAD_BYTES) {
      stream.sendResponse(eventHead(event), latin1TextOf(payload))
      return
    }
    stream.sendHead(eventHead(event))
    stream.sendBody(payload)
    stream.endBody()
  }

  send(answer: Answer): void {
    this.waiter = undefined
    answer.send(this.stream)
  }

  onRequestBody(chunk: Uint8Array): boolean {
    // Answering false makes the memory ours: what is short has been copied before, and what is long is filled in below.
    const piece = chunk as Buffer
    this.bytes += piece.length
    if (this.unread !== undefined) {
      if (this.bytes > MAX_SWALLOWED_BYTES) this.unread.send(this.stream)
      return true
    }
    if (this.whole !== undefined) {
      this.whole.set(piece, this.bytes - piece.length)
      return true
    }
    if (this.bytes > this.maxBytes) {
      this.tooLarge(this.bytes)
      return true
    }
    if (this.pieces === undefined) this.pieces = [piece]
    else this.pieces.push(piece)
    return false
  }

  onRequestEnd(): void {
    const { task, unread, whole, pieces } = this
    this.task = undefined
    this.whole = undefined
    this.pieces = undefined
    if (unread !== undefined) {
      this.unread = undefined
      unread.send(this.stream)
    } else if (task !== undefined)
      task.onBody(
        this,
        whole ?? (pieces === undefined ? NOTHING : pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)),
      )
  }

  onRequestRefused(): void {
    this.broken()
    TRUNCATED.send(this.stream)
  }

  onDownstreamDrain(): void {}

  onDownstreamLost(): void {
    const { waiter } = this
    this.waiter = undefined
    waiter?.onLost(this)
    this.broken()
  }

  private begin(bodyLength: number): void {
    this.bodyLength = bodyLength
    this.bytes = 0
    this.unread = undefined
  }

  /** A body that is known to be endless is not waited for: the answer closes the connection. */
  private readOn(): void {
    if (this.unread !== undefined && this.bodyLength !== CHUNKED && this.bodyLength > MAX_SWALLOWED_BYTES) {
      this.unread.send(this.stream)
    } else this.stream.readRequestBody()
  }

  private tooLarge(bytes: number): void {
    const { task } = this
    this.task = undefined
    this.pieces = undefined
    this.unread = TOO_LARGE
    task?.onTooLarge(bytes)
  }

  private broken(): void {
    const { task } = this
    this.task = undefined
    this.whole = undefined
    this.pieces = undefined
    this.unread = undefined
    task?.onBroken()
  }
}
