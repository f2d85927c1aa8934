/** An Event invocation as it is kept: what is needed to run it later, on this node or another, perhaps by a newer version of the function. */
export interface QueuedInvocation {
  /** UUID; the same in every try. */
  readonly requestId: string
  readonly functionName: string
  /** As invoked: an alias, a version; undefined is `$LATEST`. Resolved again by each try. */
  readonly qualifier: string | undefined
  /** With the qualifier exactly as invoked. */
  readonly invokedArn: string
  /** Has been checked: JSON. */
  readonly payload: Buffer
  readonly traceId: string | undefined
  /** JSON text, decoded. */
  readonly clientContext: string | undefined
  readonly tenantId: string | undefined
}

/** Takes Event invocations and sees them through: retries, dead letters, destinations. */
export interface EventQueue {
  /** Resolves when the event is durable: only then the caller may be told 202. Rejects with a ServiceError. */
  enqueue(invocation: QueuedInvocation): Promise<void>
}
