import { ACCEPTED } from './answers.ts'
import { TRUNCATED_RESPONSE } from './failures.ts'
import type { RequestTask, RuntimeConnection } from './runtime-connection.ts'
import type { RuntimeApiListener, RuntimeEvent, RuntimeFailure } from './runtime-api-listener.ts'
import type { StreamedResponse, StreamReceiver } from './streamed-response.ts'

/** States of a runtime that answers, by the names that AWS's emulator gives them. */
export const RESPONSE = 'InvocationResponse'
export const ERROR = 'InvocationErrorResponse'

export interface DeliveryOwner {
  readonly listener: RuntimeApiListener
  onAnswered(delivery: Delivery): void
}

/** An event that the runtime has got, and what becomes of its answer. */
export class Delivery implements RequestTask, StreamReceiver {
  readonly event: RuntimeEvent
  /** Set as soon as the runtime begins to answer. */
  answering: typeof RESPONSE | typeof ERROR | undefined
  contentType: string | undefined
  streamed: StreamedResponse | undefined
  private readonly owner: DeliveryOwner

  constructor(owner: DeliveryOwner, event: RuntimeEvent) {
    this.owner = owner
    this.event = event
    this.answering = undefined
    this.contentType = undefined
    this.streamed = undefined
  }

  onBody(connection: RuntimeConnection, body: Buffer): void {
    const { owner } = this
    owner.onAnswered(this)
    // The caller first: it waits, and the function does not.
    owner.listener.onResponse(body, this.contentType, this.event.requestId)
    connection.send(ACCEPTED)
  }

  onTooLarge(bytes: number): void {
    this.owner.onAnswered(this)
    this.owner.listener.onResponseTooLarge(bytes, this.event.requestId)
  }

  onBroken(): void {
    this.fail(TRUNCATED_RESPONSE)
  }

  /** The runtime says that the function failed, or the platform says so of the runtime. */
  fail(failure: RuntimeFailure): void {
    this.owner.onAnswered(this)
    this.owner.listener.onError(failure, this.event.requestId)
  }

  onChunk(chunk: Uint8Array): boolean {
    return this.owner.listener.onResponseChunk(chunk, this.event.requestId)
  }

  onComplete(): void {
    this.owner.onAnswered(this)
  }

  onEnd(failure: RuntimeFailure | undefined): void {
    this.owner.listener.onResponseEnd(failure, this.event.requestId)
  }
}
