import type { MessageLimits } from '@sekisho/proxy'
import { type GrpcPolicy, RETRYABLE_STATUSES } from '../resources/grpc.ts'
import type { GatewaySession } from '../session.ts'

/** The `grpc` of a route or service, made ready: what it costs a request is a few comparisons. */
export class CallPolicy {
  private readonly maxMs: number
  private readonly defaultMs: number
  private readonly messages: MessageLimits | undefined
  private readonly retryOn: ReadonlySet<number> | undefined

  constructor(policy: GrpcPolicy) {
    const { max_request_message_bytes: maxRequestBytes, max_response_message_bytes: maxResponseBytes } = policy
    this.maxMs = (policy.max_timeout ?? 0) * 1_000
    this.defaultMs = (policy.default_timeout ?? 0) * 1_000
    this.messages =
      maxRequestBytes === undefined && maxResponseBytes === undefined
        ? undefined
        : { maxRequestBytes, maxResponseBytes }
    this.retryOn = policy.retry_on?.length
      ? new Set(policy.retry_on.map((name) => RETRYABLE_STATUSES.indexOf(name) + 1))
      : undefined
  }

  /** Called when the route is known: the time runs while plugins look at the request, too. */
  apply(session: GatewaySession): void {
    if (this.maxMs > 0 || this.defaultMs > 0) this.limitTime(session)
    if (this.messages !== undefined) session.limitMessages(this.messages)
    if (this.retryOn !== undefined) session.retryOnStatus(this.retryOn)
  }

  private limitTime(session: GatewaySession): void {
    const { headers } = session.request
    // Connect's own field: its server keeps to it, here it only says that the client has set a limit.
    const saysItself = headers.has('grpc-timeout') || headers.has('connect-timeout-ms')
    const ms = this.defaultMs > 0 && !saysItself ? this.defaultMs : this.maxMs
    if (ms === 0) return
    session.limitTime(ms)
    // The upstream is told, as if the client had said it: what is left of the time when the call is sent.
    if (!headers.has('grpc-timeout')) headers.append('grpc-timeout', timeoutText(ms))
  }
}

/** At most eight digits and a unit. */
const timeoutText = (ms: number): string => (ms < 1e8 ? `${Math.ceil(ms)}m` : `${Math.ceil(ms / 1_000)}S`)
