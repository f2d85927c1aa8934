import { CidrSet } from '../addresses/index.ts'
import { compileFilterFunction, explainExpression } from '../expressions/index.ts'
import { type HostPattern, hostText, parseHost } from './host-pattern.ts'
import { type Pattern, parsePattern } from './pattern.ts'
import { fitsHost, fitsPattern } from './pattern-matching.ts'
import type { MatchRequest, RouteSpec } from './route.ts'
import { compareHosts, comparePatterns, type Verdict } from './specificity.ts'

/** A route that could be taken by its path or by its host. */
export interface ExplainedRoute {
  readonly id: string
  /** The pattern that fits the path, undefined when none does. */
  readonly uri: string | undefined
  /** The pattern that fits the host, undefined when none does or the route names none. */
  readonly host: string | undefined
  /** The first check that failed: `methods: route wants POST, request has GET`. Undefined when all pass. */
  readonly failed: string | undefined
}

/** What became of a request, for people. */
export interface Explanation<T> {
  readonly winner:
    | {
        readonly id: string
        readonly value: T
        readonly uri: string
        readonly host: string | undefined
        readonly why: string
      }
    | undefined
  /** Those that fit path and host first, in the order in which they are tried; then the others as inserted. */
  readonly routes: readonly ExplainedRoute[]
}

/** One pattern of a route with one host, which fit the request. */
interface Attempt<T> {
  readonly spec: RouteSpec<T>
  readonly host: HostPattern | undefined
  readonly pattern: Pattern
  readonly rank: number
}

/** Explains by a linear pass over `specs`, which are in insertion order. */
export function explainMatch<T>(specs: readonly RouteSpec<T>[], request: MatchRequest): Explanation<T> {
  const attempts: Attempt<T>[] = []
  const others: ExplainedRoute[] = []
  for (const [rank, spec] of specs.entries()) {
    const patterns = spec.uris.map(parsePattern).filter((pattern) => fitsPattern(pattern, request.path))
    const named = spec.hosts.map(parseHost).filter((host) => host !== undefined)
    const hosts =
      spec.hosts.length === 0 ? [undefined] : named.filter((host) => fitsHost(host, request.host, request.hostWithPort))
    for (const host of hosts) {
      for (const pattern of patterns) attempts.push({ spec, host, pattern, rank })
    }
    if ((patterns.length === 0) !== (hosts.length === 0)) addOther(others, spec, patterns, hosts, request)
  }
  attempts.sort((a, b) => compareAttempts(a, b).order)

  const tried = attempts.map((attempt) => ({ attempt, failed: firstFailure(attempt.spec, request) }))
  const won = tried.findIndex(({ failed }) => failed === undefined)
  return {
    winner: won < 0 ? undefined : describeWinner(attempts, won, tried[won].attempt),
    routes: [
      ...tried.map(({ attempt, failed }) => ({
        id: attempt.spec.id,
        uri: attempt.pattern.text,
        host: attempt.host && hostText(attempt.host),
        failed,
      })),
      ...others,
    ],
  }
}

function addOther<T>(
  others: ExplainedRoute[],
  spec: RouteSpec<T>,
  patterns: readonly Pattern[],
  hosts: readonly (HostPattern | undefined)[],
  request: MatchRequest,
): void {
  const [pattern] = patterns
  if (pattern !== undefined) {
    const has = request.host === '' ? 'none' : (request.hostWithPort ?? request.host)
    others.push({
      id: spec.id,
      uri: pattern.text,
      host: undefined,
      failed: `host: route wants ${spec.hosts.join(' or ')}, request has ${has}`,
    })
  } else if (hosts[0] !== undefined) {
    const failed = `uri: route wants ${spec.uris.join(' or ')}, request has ${request.path}`
    others.push({ id: spec.id, uri: undefined, host: hostText(hosts[0]), failed })
  }
  // A route without a host whose path does not fit is no candidate: all such routes would be.
}

function compareAttempts<T>(a: Attempt<T>, b: Attempt<T>): Verdict {
  const byHost = compareHosts(a.host, b.host)
  if (byHost.order !== 0) return byHost
  const byPattern = comparePatterns(a.pattern, b.pattern)
  if (byPattern.order !== 0) return byPattern
  const { priority } = a.spec
  if (priority !== b.spec.priority) {
    return { order: b.spec.priority - priority, why: `its priority is higher (${Math.max(priority, b.spec.priority)})` }
  }
  const byLength = b.pattern.text.length - a.pattern.text.length
  if (byLength !== 0) return { order: byLength, why: 'its pattern is longer' }
  return { order: a.rank - b.rank, why: 'it was there first' }
}

function describeWinner<T>(
  attempts: readonly Attempt<T>[],
  won: number,
  attempt: Attempt<T>,
): Explanation<T>['winner'] {
  const { spec, host, pattern } = attempt
  const next = attempts.find((other, index) => index > won && other.spec !== spec)
  const before = won === 0 ? '' : `; ${won === 1 ? 'the candidate' : `the ${won} candidates`} before it failed a check`
  const why =
    next === undefined
      ? `no other route is left`
      : `before ${next.spec.id}, because ${compareAttempts(attempt, next).why}`
  return { id: spec.id, value: spec.value, uri: pattern.text, host: host && hostText(host), why: why + before }
}

/** The checks in the order of `passesChecks`, after the methods. */
function firstFailure(spec: RouteSpec<unknown>, request: MatchRequest): string | undefined {
  const { methods, remoteAddrs, vars, filterFunc } = spec
  if (methods !== undefined && methods.length > 0 && !methods.includes(request.method)) {
    return `methods: route wants ${methods.join(' or ')}, request has ${request.method}`
  }
  if (remoteAddrs !== undefined && remoteAddrs.length > 0 && !new CidrSet(remoteAddrs).has(request.remoteAddr)) {
    return `remote_addrs: route wants ${remoteAddrs.join(' or ')}, request has ${request.remoteAddr}`
  }
  const untrue = vars === undefined ? undefined : explainExpression(vars, request)
  if (untrue !== undefined) return `vars${untrue}`
  return filterFunc === undefined ? undefined : explainFilter(filterFunc, request)
}

function explainFilter(filterFunc: string, request: MatchRequest): string | undefined {
  let outcome = 'returned false'
  const matches = compileFilterFunction(filterFunc, (error) => {
    outcome = `threw ${String(error)}`
  })(request, request)
  return matches ? undefined : `filter_func: ${outcome}`
}
