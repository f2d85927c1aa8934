import { StoreError } from '../../backend/store-error.ts'

/**
 * - `unreachable`: no answer, or none that helps; another endpoint or a later attempt may do.
 * - `compacted`: the revision that was asked for is no longer kept.
 * - `future`: it is not there yet.
 * - `token`: the token is no longer valid; a new one may do.
 * - `too-long`: the answer would have been longer than is taken.
 * - `refused`: etcd says no, and would say so again.
 */
export type EtcdFailure = 'unreachable' | 'compacted' | 'future' | 'token' | 'too-long' | 'refused'

export class EtcdError extends StoreError {
  readonly failure: EtcdFailure

  constructor(failure: EtcdFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EtcdError'
    this.failure = failure
  }
}

export const isEtcdFailure = (error: unknown, failure: EtcdFailure): boolean =>
  error instanceof EtcdError && error.failure === failure

/** Codes of gRPC (grpc/doc/statuscodes.md), as numbers: the library is loaded on demand. */
const Status = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
}

/** What etcd says, and what an operator does about it. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/too many operations/, 'start etcd with --max-txn-ops 128 (its default) or more'],
  [
    /request is too large|larger than max/,
    'start etcd with a larger --max-request-bytes, or make the document smaller',
  ],
  [/database space exceeded/, 'compact and defragment etcd, then disarm its alarm: etcdctl alarm disarm'],
  [/user name is empty/, 'etcd asks for a user: set user and password of the store'],
  [/authentication failed/, 'user or password of the store is wrong'],
  [/authentication is not enabled/, 'leave out user and password of the store, or enable them in etcd'],
  [/permission denied/, 'grant the user reading and writing of the prefix, and of what begins with the prefix and "_"'],
]

/** An EtcdError from what a gRPC call ended with. */
export function etcdError(cause: unknown, address: string): EtcdError {
  const { code, details } = cause as { readonly code?: number; readonly details?: string }
  const reason = (details ?? String(cause))
    .replace(/^etcdserver: /, '')
    .replace(/^No connection established\. Last error: (Error: )?/, 'no connection: ')
    .replace(/^Cancelled on client$/, 'the connection was given up before the answer came')
    .replace(/\s*Resolution note:.*$/s, '')
  const remedy = REMEDIES.find(([pattern]) => pattern.test(reason))?.[1]
  const words = `etcd (${address}): ${reason}${remedy === undefined ? '' : `; ${remedy}`}`
  return new EtcdError(failureOf(code, reason), words, { cause })
}

function failureOf(code: number | undefined, reason: string): EtcdFailure {
  if (code === Status.outOfRange && reason.includes('compacted')) return 'compacted'
  if (code === Status.outOfRange && reason.includes('future')) return 'future'
  if (code === Status.unauthenticated || reason.includes('revision of auth store is old')) return 'token'
  if (code === Status.resourceExhausted && /Received message larger/.test(reason)) return 'too-long'
  const again = [Status.cancelled, Status.unknown, Status.deadlineExceeded, Status.internal, Status.unavailable]
  return code === undefined || again.includes(code) ? 'unreachable' : 'refused'
}
