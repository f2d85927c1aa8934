import type { Retry } from '../../resources/overload.ts'
import type { Route } from '../../resources/route.ts'
import type { Upstream } from '../../resources/upstream.ts'
import type { Findings } from '../problem.ts'
import type { CheckContext, Entry } from './entry.ts'
import { finalUpstream } from './final-upstream.ts'

const BELOW_HTTP: ReadonlySet<string> = new Set(['tcp', 'tls', 'udp'])

/** What the schema cannot say of retries, hedges and limits of an upstream. */
export function checkOverload(findings: Findings, upstream: Upstream, path: string): void {
  const { scheme = 'http', retry, hedge, circuit_breakers: breakers, sticky } = upstream
  if (BELOW_HTTP.has(scheme)) {
    for (const field of ['retry', 'hedge', 'circuit_breakers', 'adaptive_concurrency'] as const) {
      if (upstream[field] === undefined) continue
      findings.add({
        path: `${path}/${field}`,
        atKey: true,
        message: `is about requests, and the scheme "${scheme}" has none`,
        remedy: 'remove it',
      })
    }
  }
  if (retry !== undefined) checkRetry(findings, retry, `${path}/retry`, upstream.retries)
  if (hedge !== undefined && sticky !== undefined) {
    findings.add({
      path: `${path}/hedge`,
      atKey: true,
      message: 'sends requests to other nodes, and "sticky" keeps clients on theirs',
      remedy: 'remove one of the two',
    })
  }
  if (breakers !== undefined) checkBreakers(findings, breakers, scheme, `${path}/circuit_breakers`)
}

/** A route may say what its upstream says, unless that is a function, or keeps clients on their nodes. */
export function checkRouteRetries({ known, findings }: CheckContext, { kind, item, path }: Entry): void {
  const route = item as Route
  if (kind !== 'routes' || (route.retry === undefined && route.hedge === undefined)) return
  const upstream = finalUpstream(route, kind, known)?.upstream
  if (upstream?.function !== undefined) {
    for (const field of ['retry', 'hedge'] as const) {
      if (route[field] === undefined) continue
      const message = 'has no meaning for a function'
      findings.add({ path: `${path}/${field}`, atKey: true, message, remedy: 'remove it' })
    }
  } else if (upstream?.sticky !== undefined && route.hedge !== undefined) {
    findings.add({
      path: `${path}/hedge`,
      atKey: true,
      message: 'sends requests to other nodes, and "sticky" of the upstream keeps clients on theirs',
      remedy: 'remove one of the two',
    })
  }
}

/** The `retry` of an upstream, or of a route. */
export function checkRetry(findings: Findings, retry: Retry, path: string, retries?: number): void {
  const { retry_on: reasons = [], retriable_status_codes: codes, back_off: backOff = {}, per_try_timeout: one } = retry
  const byCode = reasons.includes('retriable-status-codes')
  if (byCode && codes === undefined) {
    findings.add({
      path: `${path}/retry_on`,
      message: 'has "retriable-status-codes", and these are missing',
      remedy: 'add "retriable_status_codes", as [409, 425]',
    })
  } else if (!byCode && codes !== undefined) {
    findings.add({
      path: `${path}/retriable_status_codes`,
      atKey: true,
      message: 'has a meaning with "retriable-status-codes" in "retry_on" only',
      remedy: 'add that, or remove it',
    })
  }
  const { base_interval: base = 0.025, max_interval: most = 0.25 } = backOff
  if (most < base) {
    findings.add({
      path: `${path}/back_off`,
      message: `waits ${base} s at first, and ${most} s at most`,
      remedy: `write "max_interval: ${base}" or more`,
    })
  }
  if (one !== undefined && retry.timeout !== undefined && one > retry.timeout) {
    findings.add({
      path: `${path}/per_try_timeout`,
      value: String(one),
      message: `is more than "timeout", which is ${retry.timeout}`,
      remedy: 'write less',
    })
  }
  if (retries === 0) {
    findings.add({
      path,
      atKey: true,
      message: 'says what is tried again, and "retries: 0" that nothing is',
      remedy: 'remove one of the two',
    })
  }
}

function checkBreakers(
  findings: Findings,
  breakers: NonNullable<Upstream['circuit_breakers']>,
  scheme: string,
  path: string,
): void {
  const { max_connections: connections, max_requests: requests, max_pending_requests: pending } = breakers
  if (connections !== undefined && (scheme === 'grpc' || scheme === 'grpcs')) {
    findings.add({
      path: `${path}/max_connections`,
      atKey: true,
      message: `connections of the scheme "${scheme}" carry many requests each`,
      remedy: 'write "max_requests"',
    })
  }
  if (connections !== undefined && requests !== undefined && requests > connections && scheme !== 'grpc') {
    findings.add({
      path: `${path}/max_requests`,
      value: String(requests),
      message: `is never reached: each request has a connection, and there are ${connections}`,
      remedy: 'remove one of the two',
    })
  }
  if (pending !== undefined && pending > 0 && connections === undefined && requests === undefined) {
    findings.add({
      path: `${path}/max_pending_requests`,
      atKey: true,
      message: 'there is no limit to wait for',
      remedy: 'add "max_requests" or "max_connections"',
    })
  }
}
