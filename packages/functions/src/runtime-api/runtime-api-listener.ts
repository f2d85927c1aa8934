/** What the environment learns from the Runtime API of its sandbox. Ids of requests have been checked before. */
export interface RuntimeApiListener {
  /** The runtime asks for its next event: init, or the invocation before, is over for it. */
  onRuntimeNext(): void
  /** A whole buffered response. */
  onResponse(body: Buffer, contentType: string | undefined): void
  /** A response that is sent in pieces begins (`Lambda-Runtime-Function-Response-Mode: streaming`). */
  onResponseStart(contentType: string | undefined): void
  /** @returns false: no more before `RuntimeApi.resumeResponse` */
  onResponseChunk(chunk: Uint8Array): boolean
  /** @param error of the trailers, or that the connection broke: `{ type, body }` */
  onResponseEnd(error: RuntimeFailure | undefined): void
  /** The response is larger than it may be; the runtime was told 413. */
  onResponseTooLarge(bytes: number): void
  /** `/invocation/{id}/error` */
  onError(failure: RuntimeFailure): void
  /** `/init/error` */
  onInitError(failure: RuntimeFailure): void
  onExtensionRegistered(name: string, events: readonly ('INVOKE' | 'SHUTDOWN')[]): void
  /** An extension asks for its next event: it is done with init or with the event before. */
  onExtensionNext(name: string): void
  onExtensionFailed(name: string, failure: RuntimeFailure): void
}

export interface RuntimeFailure {
  /** `Runtime.ExitError`, `Function.Unknown`, … after the rule of the reference (section 1). */
  readonly type: string
  /** JSON as it was posted; goes to the caller unchanged. */
  readonly body: Buffer
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
