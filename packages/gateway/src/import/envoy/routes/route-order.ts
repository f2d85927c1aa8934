import type { Report } from '../../report/report.ts'
import type { ImportedRoute } from './imported-route.ts'
import { covers } from './path-pattern.ts'

/**
 * Envoy takes the first route that matches, our router the most specific one. Where the two differ, for the routes of
 * one virtual host:
 *
 * - A route behind one that takes all of its requests is never reached in Envoy, and is left out.
 * - A route in front of a more specific one, which has conditions and so leaves some requests to it, gets the pattern of
 *   the later one as well, so that both are candidates in the same place.
 * - Of routes with the same pattern, the earlier gets the higher priority.
 *
 * The patterns made by `path-pattern.ts` cover each other or share nothing. So by the most specific pattern that fits a
 * path all routes are tried that Envoy would try up to there, in its order, and the rest after them.
 */
export function orderRoutes(routes: readonly ImportedRoute[], report: Report): ImportedRoute[] {
  const reachable = withoutShadowed(routes, report)
  const patterns = reachable.map(({ uris }) => [...uris])
  for (const [at, later] of reachable.entries()) {
    for (const earlier of reachable.slice(0, at)) {
      if (exclusive(earlier, later)) continue
      for (const inner of patterns[at]) {
        const covered = earlier.uris.some((outer) => covers(outer, inner))
        if (covered && !earlier.uris.includes(inner)) earlier.uris.push(inner)
      }
    }
  }
  for (let at = reachable.length - 1; at >= 0; at--) {
    const route = reachable[at]
    const rivals = reachable.slice(at + 1).filter((later) => shareAPattern(route, later) && !exclusive(route, later))
    if (rivals.length > 0) route.priority = Math.max(...rivals.map(({ priority }) => priority)) + 1
  }
  return reachable
}

const isUnconditional = (route: ImportedRoute): boolean => route.methods === undefined && route.vars.length === 0

const shareAPattern = (a: ImportedRoute, b: ImportedRoute): boolean => a.uris.some((uri) => b.uris.includes(uri))

/** Whether no request can pass the checks of both. Not always seen: then they are taken to be rivals. */
function exclusive(a: ImportedRoute, b: ImportedRoute): boolean {
  if (a.methods !== undefined && b.methods !== undefined && !a.methods.some((method) => b.methods!.includes(method)))
    return true
  return a.vars.some(([variable, operator, value]) =>
    b.vars.some((other) => operator === '==' && other[0] === variable && other[1] === '==' && other[2] !== value),
  )
}

function withoutShadowed(routes: readonly ImportedRoute[], report: Report): ImportedRoute[] {
  const kept: ImportedRoute[] = []
  for (const route of routes) {
    const before = kept.filter(isUnconditional)
    const uris = route.uris.filter((uri) => !before.some((earlier) => earlier.uris.some((outer) => covers(outer, uri))))
    if (uris.length === 0) {
      report.add(
        'warning',
        route.path,
        'is never reached in Envoy: a route before it takes all of its requests. It is left out',
      )
      continue
    }
    route.uris = uris
    kept.push(route)
  }
  return kept
}
