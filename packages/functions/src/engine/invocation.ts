import type { DeployedFunction } from '../model/deployed-function.ts'
import type { ServiceError } from '../model/service-error.ts'

/** One call of a function. */
export interface Invocation {
  /** UUID; the same in every retry of an Event invocation. */
  readonly requestId: string
  readonly function: DeployedFunction
  /** With the qualifier exactly as invoked. */
  readonly invokedArn: string
  readonly payload: Buffer
  readonly traceId: string | undefined
  /** JSON text, decoded. */
  readonly clientContext: string | undefined
  readonly cognitoIdentity: string | undefined
  readonly tenantId: string | undefined
  /** The last 4 KB of its log are wanted. */
  readonly tail: boolean
}

/** What an invocation cost, as its REPORT line says. Milliseconds and MB. */
export interface InvocationFigures {
  readonly durationMs: number
  readonly billedMs: number
  readonly memoryMb: number
  readonly maxMemoryMb: number
  /** Only when this invocation waited for an init. */
  readonly initMs: number | undefined
}

export interface InvocationResult {
  /** What the function answered, or the JSON of its error; empty after pieces. */
  readonly payload: Buffer
  readonly contentType: string | undefined
  /** The function failed; the value of X-Amz-Function-Error. */
  readonly functionError: 'Unhandled' | undefined
  /** `Sandbox.Timedout`, `Runtime.ExitError`, …; undefined when it went well. */
  readonly errorType: string | undefined
  /** The last 4 KB of its log, when `tail` was asked for: such a caller waits until the invocation is over for runtime and extensions. */
  readonly logTail: Buffer | undefined
  /** Up to the answer; with `tail` those of the REPORT line, which counts until the runtime and its extensions are done. */
  readonly figures: InvocationFigures
}

/**
 * Who waits for an invocation. Exactly one of `onResult` and `onRefused` is called, last, also after `abandon`. A refusal may come before `invoke`
 * returns, everything else comes after. What they throw is reported and harms nobody.
 */
export interface InvocationSink {
  /** Set: pieces of a streamed response come as they are made. Without it they are collected. */
  readonly streaming:
    | {
        onStart(contentType: string | undefined): void
        /** @returns false: no more before `RunningInvocation.resume` */
        onChunk(chunk: Uint8Array): boolean
      }
    | undefined
  onResult(result: InvocationResult): void
  /** It never ran (throttled, shutting down), or the platform was stopped while it ran (ServiceException 500): it may be tried again. */
  onRefused(error: ServiceError): void
}

/** An invocation on its way, for whoever started it. */
export interface RunningInvocation {
  /** The caller takes pieces again. */
  resume(): void
  /** Nobody waits any more. The function runs on to its end, as on AWS; pieces are dropped. */
  abandon(): void
}
