import type { Peer, ProxyError } from '@sekisho/proxy'
import type { GatewaySession } from '../../session.ts'
import { hexBytes } from './protobuf-text.ts'
import { newSpanId } from './trace-ids.ts'
import { traceParent } from './trace-parent.ts'

/** One attempt at an upstream: a span of its own, whose identifier the upstream gets as its parent. */
export interface Attempt {
  readonly spanId: string
  /** Times are milliseconds of `performance.now`. */
  readonly startedAt: number
  endedAt: number
  peer: Peer | undefined
  failure: ProxyError | undefined
}

/** What a tracing plugin keeps of a request. */
export class RequestTrace {
  /** The hooks that keep it: where a global rule and a route both trace, the first one does. */
  readonly owner: object
  readonly traceId: string
  /** What is sent along until an attempt has begun, and with the first one. */
  readonly firstId = newSpanId()
  /** Of the request's own span, where there are attempts. */
  readonly ownId = newSpanId()
  /** '' for the first span of a trace. */
  readonly parentId: string
  readonly sampled: boolean
  readonly attempts: Attempt[] = []
  /** Number of the last one. */
  private attempt = 0
  private ended = false
  private bytes: string | undefined

  constructor(owner: object, traceId: string, parentId: string, sampled: boolean) {
    this.owner = owner
    this.traceId = traceId
    this.parentId = parentId
    this.sampled = sampled
  }

  /**
   * Of the span of the request itself. What was sent along is the first attempt's; where there is none, the span of the request takes its place, so
   * that nobody has a parent that was never recorded. So the field is written once for nearly all requests.
   */
  get spanId(): string {
    return this.attempts.length === 0 ? this.firstId : this.ownId
  }

  /** The span of the request as W3C Trace Context writes it; its identifiers may be those of B3, of 64 bits. */
  get traceParent(): string {
    return traceParent(this.traceId.padStart(32, '0'), this.spanId, this.sampled)
  }

  /** Its identifier as text of bytes. */
  get traceIdBytes(): string {
    return (this.bytes ??= hexBytes(this.traceId))
  }

  /**
   * From the phase `balancer`: what was tried before is over. undefined where this attempt has begun already: the same hooks may stand in a global rule
   * and on the route, and a connection that was dead is no attempt.
   */
  beginAttempt(session: GatewaySession): Attempt | undefined {
    if (this.attempt === session.attempts) return undefined
    this.attempt = session.attempts
    const now = performance.now()
    this.endAttempt(session, now)
    const spanId = this.attempts.length === 0 ? this.firstId : newSpanId()
    const attempt = { spanId, startedAt: now, endedAt: 0, peer: undefined, failure: undefined }
    // The proxy bounds the number of attempts, but not what a configuration may ask for.
    if (this.attempts.length < MAX_ATTEMPTS) this.attempts.push(attempt)
    return attempt
  }

  /** From the phase `log`. Returns whether it is the first time. */
  end(session: GatewaySession): boolean {
    if (this.ended) return false
    this.ended = true
    this.endAttempt(session, session.finishedAt)
    return true
  }

  private endAttempt(session: GatewaySession, now: number): void {
    const last = this.attempts.at(-1)
    if (last === undefined || last.endedAt !== 0) return
    last.endedAt = now
    last.peer = session.peer
    last.failure = session.ctx.failure
  }
}

/** Spans of a request, beside its own. */
export const MAX_ATTEMPTS = 32

/**
 * Milliseconds from `performance.now` to those since 1970, by the clock as it is now.
 * @param now of `performance.now`, about
 */
export function epochOffset(now: number): number {
  if (now - readAt > OFFSET_AGE_MS) {
    const wall = Date.now() - performance.now()
    // Both clocks agree to a millisecond unless one was set; the origin is more exact.
    offset = Math.abs(wall - performance.timeOrigin) < 2 ? performance.timeOrigin : wall
    readAt = now
  }
  return offset
}

const OFFSET_AGE_MS = 10_000
let offset = 0
let readAt = Number.NEGATIVE_INFINITY
