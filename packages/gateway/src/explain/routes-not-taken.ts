import { normaliseRoute, type NormalRoute } from '../resources/normalise-route.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import { type Explanation, type MatchRequest, Router } from '../router/index.ts'
import type { RouteNotTaken } from './explanation.ts'

/** Every route but the one that was taken, the nearest first. */
export interface RoutesNotTaken {
  /** Those that fit by path or by host, in the order in which the router tries them. */
  readonly candidates: readonly RouteNotTaken[]
  /** The others, by how much of their path is that of the request. */
  readonly others: readonly RouteNotTaken[]
}

export function routesNotTaken(
  explanation: Explanation<unknown>,
  resources: ResourceSet,
  request: MatchRequest,
): RoutesNotTaken {
  const routes = new Map([...resources.routes].map(([id, route]) => [id, normaliseRoute(id, route)]))
  const winner = explanation.winner?.id
  const why = new Map<string, string>()
  const fittingOff = switchedOff(routes.values(), request)
  for (const { id, failed } of explanation.routes) {
    if (id !== winner && !why.has(id)) why.set(id, failed ?? `it would match, but ${winner} goes first`)
  }
  for (const id of fittingOff) why.set(id, 'it would match, but it is switched off (status: 0)')
  const others = [...routes.values()].filter(({ id }) => id !== winner && !why.has(id))
  return {
    candidates: [...why].map(([id, reason]) => ({ id, uris: routes.get(id)?.uris ?? [], why: reason })),
    others: others
      .map((route) => ({ route, shared: sharedText(route.uris, request.path) }))
      .sort((a, b) => b.shared - a.shared)
      .map(({ route }) => ({ id: route.id, uris: route.uris, why: mismatch(route, request) })),
  }
}

/** The routes that are not in the table, and would match if they were. */
function switchedOff(routes: Iterable<NormalRoute>, request: MatchRequest): string[] {
  const router = new Router<string>()
  for (const { id, uris, hosts, methods, remote_addrs: remoteAddrs, priority, enabled } of routes) {
    if (!enabled) router.insert({ id, uris, hosts, remoteAddrs, priority, value: id, ...(methods && { methods }) })
  }
  const { routes: fitting } = router.explain(request)
  return fitting.filter(({ failed }) => failed === undefined).map(({ id }) => id)
}

function mismatch({ uris, hosts, enabled }: NormalRoute, request: MatchRequest): string {
  const off = enabled ? '' : '; and it is switched off (status: 0)'
  const host =
    hosts.length === 0 ? '' : `; host: route wants ${hosts.join(' or ')}, request has ${request.host || 'none'}`
  return `uri: route wants ${uris.join(' or ')}, request has ${request.path}${host}${off}`
}

/** How many characters the path shares with the beginning of the most similar pattern. */
function sharedText(uris: readonly string[], path: string): number {
  return Math.max(0, ...uris.map((uri) => sharedStart(uri, path)))
}

function sharedStart(a: string, b: string): number {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return at
}
