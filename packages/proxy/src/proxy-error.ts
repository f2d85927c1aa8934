import { TransportError, type TransportCode } from '@sekisho/wire'

/** Whose fault it was. */
export type ErrorSource = 'downstream' | 'upstream' | 'internal'

/** What went wrong: a transport's code, or one of the proxy's own. */
export type ProxyErrorCode =
  | TransportCode
  | 'NO_UPSTREAM'
  | 'PHASE_FAILED'
  | 'REQUEST_REFUSED'
  | 'BODY_TOO_LARGE'
  | 'DEADLINE_EXCEEDED'
  | 'GRPC_STATUS'
  | 'TUNNEL_ENDED'
  | 'HTTP_STATUS'
  | 'OVERLOADED'

/**
 * An error answers three questions: what happened (`code`), whose fault it is (`source`), and whether another attempt may
 * help without doing harm (`retry`). Status, retries and metric labels follow from these three.
 */
export class ProxyError extends Error {
  /** In logs, metrics and the body of the answer; see docs/observability.md. */
  readonly code: ProxyErrorCode
  readonly source: ErrorSource
  /** The status a client gets if it comes to that; 0 = nobody is left to answer. */
  status: number
  /** Set by the proxy to what is safe; `failToConnect` and `errorWhileProxy` may decide otherwise. */
  retry = false
  /** A connection out of the pool was dead: no fault of the node, and not counted as an attempt. */
  stale = false
  /** How long the next attempt waits, ms: a back-off. */
  retryAfterMs = 0
  /** A hedge of the request goes on in place of the attempt that failed. */
  replaced = false
  /** Fields of the answer, if it comes to that. */
  fields: Readonly<Record<string, string>> | undefined

  constructor(
    code: ProxyErrorCode,
    source: ErrorSource,
    status: number,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options)
    this.name = 'ProxyError'
    this.code = code
    this.source = source
    this.status = status
  }

  /** A failure of the connection to a node: 504 for a time limit, else 502. */
  static fromUpstream(error: TransportError): ProxyError {
    return new ProxyError(error.code, 'upstream', error.timeout ? 504 : 502, error.message, { cause: error })
  }

  /** The client is gone: there is nobody to answer. */
  static fromDownstream(error: TransportError): ProxyError {
    return new ProxyError(error.code, 'downstream', 0, error.message, { cause: error })
  }

  /** An exception out of a callback: a fault in our own house, told to the log whole and to the client not at all. */
  static fromPhase(phase: string, cause: unknown): ProxyError {
    if (cause instanceof ProxyError) return cause
    const message = cause instanceof Error ? cause.message : String(cause)
    return new ProxyError('PHASE_FAILED', 'internal', 500, `${phase} failed: ${message}`, { cause })
  }
}
