import { AddressError, CidrSet } from '../addresses/index.ts'
import {
  compileExpression,
  compileFilterFunction,
  type Condition,
  ExpressionError,
  type FilterFunction,
} from '../expressions/index.ts'
import { type MatchRequest, RouteError, type RouteSpec } from './route.ts'

/** What a route asks of a request beyond path, host and method. Made when the route is inserted. */
export interface Checks {
  readonly remoteAddrs: CidrSet | undefined
  readonly vars: Condition | undefined
  readonly filter: FilterFunction | undefined
}

/**
 * Undefined when the route asks for nothing of the kind.
 * @throws RouteError naming the field
 */
export function compileChecks(spec: RouteSpec<unknown>, onFilterError: (error: unknown) => void): Checks | undefined {
  const { remoteAddrs, vars, filterFunc } = spec
  const checks: Checks = {
    remoteAddrs: remoteAddrs === undefined || remoteAddrs.length === 0 ? undefined : compileRemoteAddrs(remoteAddrs),
    vars: vars === undefined ? undefined : inField('vars', () => compileExpression(vars)),
    filter:
      filterFunc === undefined
        ? undefined
        : inField('filterFunc', () => compileFilterFunction(filterFunc, onFilterError)),
  }
  return checks.remoteAddrs === undefined && checks.vars === undefined && checks.filter === undefined
    ? undefined
    : checks
}

function compileRemoteAddrs(list: readonly string[]): CidrSet {
  try {
    return new CidrSet(list)
  } catch (error) {
    if (error instanceof AddressError) throw new RouteError('remoteAddrs', `/${error.index}`, error.message)
    throw error
  }
}

function inField<R>(field: 'vars' | 'filterFunc', compile: () => R): R {
  try {
    return compile()
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    throw new RouteError(field, error.pointer, error.reason)
  }
}

/** In APISIX's order, the cheapest first. */
export function passesChecks(checks: Checks, request: MatchRequest): boolean {
  const { remoteAddrs, vars, filter } = checks
  if (remoteAddrs !== undefined && !remoteAddrs.has(request.remoteAddr)) return false
  if (vars !== undefined && !vars(request)) return false
  return filter === undefined || filter(request, request)
}
