/** How a function failed: what metrics and the log call it. */
export type FailureKind =
  /** It threw, or its text does not run. */
  | 'error'
  /** It ran for longer than it may. */
  | 'timeout'
  /** It used more memory than it may. */
  | 'memory'
  /** It asked for what it may not, or returned what means nothing. */
  | 'misuse'
  /** It was cut off too often, and is not called for a while. */
  | 'resting'
  /** The sandbox is not there (yet), or broke. */
  | 'sandbox'

/** A function of the configuration did not do its work. The message is for the operator: it says where, by line. */
export class ScriptFailure extends Error {
  readonly kind: FailureKind

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ScriptFailure'
    this.kind = kind
  }
}
