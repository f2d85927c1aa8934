/**
 * What the environment learns from the Runtime API of its sandbox. Ids of requests have been checked before: `requestId` matters only where several
 * events run at a time (`maxConcurrency`). Callbacks may call back: `deliver` from `onRuntimeNext`, `close` from anywhere.
 */
export interface RuntimeApiListener {
  /** The runtime asks for its next event: init, or the invocation before, is over for it. */
  onRuntimeNext(): void
  /** A whole buffered response; its memory is the listener's. The runtime is told 202 after this returns. */
  onResponse(body: Buffer, contentType: string | undefined, requestId: string): void
  /** A response that is sent in pieces begins (`Lambda-Runtime-Function-Response-Mode: streaming`). */
  onResponseStart(contentType: string | undefined, requestId: string): void
  /**
   * @param chunk its memory is the listener's
   * @returns false: no more before `RuntimeApi.resumeResponse`; the end waits for that, too
   */
  onResponseChunk(chunk: Uint8Array, requestId: string): boolean
  /** @param error of the trailers, or that the connection broke (`Runtime.TruncatedResponse`), or that it became too large */
  onResponseEnd(error: RuntimeFailure | undefined, requestId: string): void
  /**
   * A buffered response is larger than it may be. Told as soon as it is known; the runtime is told 413 when it has sent all of it.
   * @param bytes its Content-Length, or what had come of a chunked one
   */
  onResponseTooLarge(bytes: number, requestId: string): void
  /** `/invocation/{id}/error`; also a buffered response that broke off (`Runtime.TruncatedResponse`), or asked for an unknown response mode. */
  onError(failure: RuntimeFailure, requestId: string): void
  /** `/init/error`, `/restore/error` */
  onInitError(failure: RuntimeFailure): void
  onExtensionRegistered(name: string, events: readonly ('INVOKE' | 'SHUTDOWN')[]): void
  /** An extension asks for its next event: it is done with init or with the event before. */
  onExtensionNext(name: string): void
  /** `/extension/init/error` and `/exit/error`: the type is `Extension.InitError` or `Extension.ExitError`. */
  onExtensionFailed(name: string, failure: RuntimeFailure): void
  /** Something that people should find in the function's log, once. */
  onNotice?(message: string): void
}

export interface RuntimeFailure {
  /** `Runtime.ExitError`, `Function.Unknown`, … after the rule of the reference (section 1). */
  readonly type: string
  /** JSON as it was posted; goes to the caller unchanged. */
  readonly body: Buffer
  /** `Lambda-Runtime-Function-XRay-Error-Cause`: JSON of at most 64 KiB. */
  readonly cause?: string | undefined
}

/** One event as the runtime gets it from `/invocation/next`. */
export interface RuntimeEvent {
  readonly requestId: string
  readonly payload: Buffer
  /** Milliseconds since 1970. */
  readonly deadlineMs: number
  /** With the qualifier it was invoked by. */
  readonly invokedArn: string
  readonly traceId: string | undefined
  /** JSON text. */
  readonly clientContext: string | undefined
  readonly cognitoIdentity: string | undefined
  readonly tenantId: string | undefined
}
