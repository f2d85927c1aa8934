import { BackOff, type ProxyError } from '@sekisho/proxy'
import { RETRYABLE_STATUSES } from '../resources/grpc.ts'
import { RETRY_ON_GRPC, type Retry } from '../resources/overload.ts'

/** Failures after which nobody knows whether the request was carried out. */
const IN_DOUBT: ReadonlySet<string> = new Set([
  'RESET',
  'STREAM_RESET',
  'CLOSED_BEFORE_RESPONSE',
  'READ_TIMEOUT',
  'WRITE_TIMEOUT',
])
/** RFC 9110 section 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** The `retry` of an upstream or route, made ready. */
export class RetryPolicy {
  readonly backOff: BackOff
  readonly perTryMs: number
  readonly timeoutMs: number
  readonly maxRetryAfterMs: number
  readonly maxBodyBytes: number
  /** Statuses of gRPC, by number; undefined: none. */
  readonly grpcStatuses: ReadonlySet<number> | undefined
  /** Whether any status is a reason. */
  readonly looksAtStatus: boolean
  private readonly reasons: ReadonlySet<string>
  private readonly codes: ReadonlySet<number>
  private readonly nonIdempotent: boolean

  constructor(retry: Retry, random?: () => number) {
    this.reasons = new Set(retry.retry_on ?? ['connect-failure', 'reset'])
    this.codes = new Set(this.reasons.has('retriable-status-codes') ? retry.retriable_status_codes : [])
    this.nonIdempotent = retry.non_idempotent ?? false
    const { base_interval: base = 0.025, max_interval: most = 0.25 } = retry.back_off ?? {}
    this.backOff = new BackOff({ baseMs: base * 1_000, maxMs: Math.max(base, most) * 1_000 }, random)
    this.perTryMs = (retry.per_try_timeout ?? 0) * 1_000
    this.timeoutMs = (retry.timeout ?? 0) * 1_000
    this.maxRetryAfterMs = (retry.max_retry_after ?? 1) * 1_000
    this.maxBodyBytes = retry.max_body_bytes ?? 65_536
    const grpc = RETRY_ON_GRPC.filter((name) => this.reasons.has(name))
    this.grpcStatuses =
      grpc.length === 0 ? undefined : new Set(grpc.map((name) => RETRYABLE_STATUSES.indexOf(name) + 1))
    this.looksAtStatus = this.reasons.has('5xx') || this.reasons.has('gateway-error') || this.codes.size > 0
  }

  /** Whether a failure is tried again. `error.retry` says whether that is safe whatever the method. */
  wants(error: ProxyError): boolean {
    if (error.code === 'GRPC_STATUS') return error.retry
    if (IN_DOUBT.has(error.code)) return this.wantsReset && (error.retry || this.nonIdempotent)
    return error.retry && (this.wantsReset || this.reasons.has('connect-failure'))
  }

  /** Whether a response with this status is tried again. */
  wantsStatus(status: number, method: string): boolean {
    if (!this.nonIdempotent && !IDEMPOTENT.has(method)) return false
    if (this.codes.has(status)) return true
    if (status < 500) return false
    return this.reasons.has('5xx') || (this.reasons.has('gateway-error') && status >= 502 && status <= 504)
  }

  /** No answer at all is the worst of all 5xx. */
  private get wantsReset(): boolean {
    return this.reasons.has('reset') || this.reasons.has('5xx') || this.reasons.has('gateway-error')
  }
}
