import { figuresOf, type Outcome, SUCCESS } from '../metering/outcome.ts'
import type { Environment } from './environment.ts'
import type { FunctionFailure } from './function-failure.ts'
import type { FunctionGroup } from './function-group.ts'
import type { Invocation, InvocationFigures, InvocationSink, RunningInvocation } from './invocation.ts'
import { TailBuffer } from '../logs/tail-buffer.ts'
import type { ServiceError } from '../model/service-error.ts'
import type { RuntimeEvent } from '../runtime-api/runtime-api-listener.ts'

/** Who has calls. */
export interface CallOwner {
  /** One is over for its caller. */
  onSettled(): void
  /** A sink threw. */
  onProblem(problem: unknown): void
}

const NOTHING = Buffer.alloc(0)

/** One invocation on its way through the engine. */
export class Call implements RunningInvocation {
  readonly invocation: Invocation
  readonly tail: TailBuffer | undefined
  /** Where it runs. */
  environment: Environment | undefined
  /** On the engine's clock: when its time began. */
  startedAt = 0
  /** Of an init that it waited for. */
  initMs: number | undefined
  /** How the function did, as far as is known. */
  outcome: Outcome = SUCCESS
  /** The function has given its answer. */
  answered = false
  /** The sink has been told. */
  settled = false
  /** What the function wrote before its end has been read. */
  outputRead = false
  /** Bytes of a response in pieces. */
  streamedBytes = 0
  readonly #sink: InvocationSink
  readonly #group: FunctionGroup
  readonly #owner: CallOwner
  #abandoned = false
  #payload: Buffer = NOTHING
  #pieces: Uint8Array[] | undefined
  #contentType: string | undefined
  #failure: FunctionFailure | undefined

  constructor(invocation: Invocation, sink: InvocationSink, group: FunctionGroup, owner: CallOwner) {
    this.invocation = invocation
    this.#sink = sink
    this.#group = group
    this.#owner = owner
    this.tail = invocation.tail ? new TailBuffer() : undefined
  }

  resume(): void {
    this.environment?.resume(this)
  }

  abandon(): void {
    this.#abandoned = true
    // Whatever is held back by the caller's slowness must not hold the function.
    this.environment?.resume(this)
  }

  /** As the runtime gets it. */
  eventFor(deadlineMs: number): RuntimeEvent {
    const { requestId, payload, invokedArn, traceId, clientContext, cognitoIdentity, tenantId } = this.invocation
    return { requestId, payload, deadlineMs, invokedArn, traceId, clientContext, cognitoIdentity, tenantId }
  }

  respond(payload: Buffer, contentType: string | undefined): void {
    this.#payload = payload
    this.#contentType = contentType
  }

  fail(failure: FunctionFailure): void {
    this.#failure = failure
    this.outcome = failure.outcome
    this.#pieces = undefined
  }

  startPieces(contentType: string | undefined): void {
    this.#contentType = contentType
    if (this.#sink.streaming === undefined) {
      this.#pieces = []
      return
    }
    if (this.#abandoned) return
    try {
      this.#sink.streaming.onStart(contentType)
    } catch (problem) {
      this.#owner.onProblem(problem)
    }
  }

  /** @returns false: no more before `resume` */
  piece(chunk: Uint8Array): boolean {
    this.streamedBytes += chunk.length
    if (this.#sink.streaming === undefined) {
      this.#pieces?.push(chunk)
      return true
    }
    if (this.#abandoned) return true
    try {
      return this.#sink.streaming.onChunk(chunk)
    } catch (problem) {
      this.#owner.onProblem(problem)
      return true
    }
  }

  /** Of the limits for responses, which one holds. */
  get streams(): boolean {
    return this.#sink.streaming !== undefined
  }

  endPieces(): void {
    if (this.#pieces !== undefined) this.#payload = Buffer.concat(this.#pieces)
    this.#pieces = undefined
  }

  figures(durationMs: number, maxMemoryMb: number): InvocationFigures {
    return figuresOf(durationMs, this.invocation.function.memoryMb, maxMemoryMb, this.initMs)
  }

  /** Its END and REPORT lines are written. */
  ended(figures: InvocationFigures): void {
    this.#group.metrics.ended(figures)
  }

  /** Tells the sink. Its slot of concurrency is free before: whoever is told may call again at once. */
  settle(figures: InvocationFigures): void {
    if (this.settled) return
    this.settled = true
    this.#group.concurrency.release()
    const failure = this.#failure
    this.#group.metrics.invocations++
    if (failure !== undefined) {
      const { outcome } = failure
      this.#group.metrics.failed(
        failure.errorType,
        outcome.status === 'error' && outcome.errorType === 'Runtime.OutOfMemory',
      )
    }
    try {
      this.#sink.onResult({
        payload: failure === undefined ? this.#payload : failure.payload,
        contentType: failure === undefined ? this.#contentType : 'application/json',
        functionError: failure === undefined ? undefined : 'Unhandled',
        errorType: failure?.errorType,
        logTail: this.tail?.bytes(),
        figures,
      })
    } catch (problem) {
      this.#owner.onProblem(problem)
    }
    this.#owner.onSettled()
  }

  refuse(error: ServiceError): void {
    if (this.settled) return
    this.settled = true
    this.#group.concurrency.release()
    try {
      this.#sink.onRefused(error)
    } catch (problem) {
      this.#owner.onProblem(problem)
    }
    this.#owner.onSettled()
  }
}
