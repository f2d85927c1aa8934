import type { MatchRequest, RouteSpec } from '../route.ts'

/*
 * The router's rules, written a second time without a tree and without sharing its code: every route is looked at, and
 * what goes first is told by comparing, character by character of the path, what took it.
 */

const LITERAL = 2
const PARAMETER = 1
const WILDCARD = 0

interface Fit {
  /** For each character of the path, what took it; then LITERAL if the pattern ends there, WILDCARD if it goes on. */
  readonly taken: readonly number[]
  readonly params: Record<string, string>
}

/** How the pattern takes the path, undefined when it does not. */
function fit(pattern: string, path: string): Fit | undefined {
  const names: string[] = []
  const kinds: number[] = []
  const source = pattern.replaceAll(/\/:[^/]+|\/\*[^/]+|\*|[^*]/gs, (token) => {
    if (token.startsWith('/:')) {
      names.push('', token.slice(2))
      kinds.push(LITERAL, PARAMETER)
      return '(/)([^/]+)'
    }
    if (token.startsWith('/*')) {
      names.push('', token.slice(2))
      kinds.push(LITERAL, WILDCARD)
      return '(/)([^]*)'
    }
    names.push('')
    kinds.push(token === '*' ? WILDCARD : LITERAL)
    return token === '*' ? '([^]*)' : `(${token.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')})`
  })
  const found = new RegExp(`^${source}$`).exec(path)
  if (found === null) return undefined
  const star = kinds.indexOf(WILDCARD)
  const taken: number[] = []
  const params: Record<string, string> = {}
  for (const [index, kind] of kinds.entries()) {
    // After the first wildcard the order is not told by the text any more.
    const effective = star >= 0 && index >= star ? WILDCARD : kind
    for (let at = 0; at < found[index + 1].length; at++) taken.push(effective)
    if (names[index] !== '') params[names[index]] = found[index + 1]
  }
  taken.push(star >= 0 ? WILDCARD : LITERAL)
  return { taken, params }
}

/** [0] = exact, then wildcards by length, then no host; undefined when no host fits. */
function hostRank(hosts: readonly string[], host: string): number[] {
  if (hosts.length === 0) return [1e6]
  return hosts.flatMap((pattern) => {
    if (pattern === host) return [0]
    return pattern.startsWith('*') && host.endsWith(pattern.slice(1)) ? [1000 - pattern.length] : []
  })
}

function passes(spec: RouteSpec<unknown>, request: MatchRequest): boolean {
  if (spec.methods !== undefined && !spec.methods.includes(request.method)) return false
  if (spec.remoteAddrs !== undefined && !spec.remoteAddrs.includes(request.remoteAddr)) return false
  // The only expressions that the tests write are [[name, '==', text]].
  const vars = spec.vars as [string, string, string][] | undefined
  return vars === undefined || vars.every(([name, , value]) => request.variable(name) === value)
}

export interface LinearMatch {
  readonly id: string
  readonly params: Record<string, string> | undefined
}

/** The route that the rules choose among `specs`, which are in insertion order. */
export function linearMatch(specs: readonly RouteSpec<unknown>[], request: MatchRequest): LinearMatch | undefined {
  const candidates = specs
    .filter((spec) => passes(spec, request))
    .flatMap((spec) => {
      const ranks = hostRank(spec.hosts, request.host)
      return spec.uris.flatMap((uri) => {
        const fitted = fit(uri, request.path)
        return fitted === undefined ? [] : ranks.map((rank) => ({ spec, uri, rank, ...fitted }))
      })
    })
  const plain = (uri: string): number => (/\*|\/:/.test(uri) ? 1 : 0)
  candidates.sort((a, b) => {
    const byPlace = a.rank - b.rank || plain(a.uri) - plain(b.uri)
    if (byPlace !== 0) return byPlace
    for (let at = 0; at < Math.min(a.taken.length, b.taken.length); at++) {
      if (a.taken[at] !== b.taken[at]) return b.taken[at] - a.taken[at]
    }
    // `sort` is stable: what is left is the insertion order.
    return b.spec.priority - a.spec.priority || b.uri.length - a.uri.length
  })
  const [best] = candidates
  if (best === undefined) return undefined
  return { id: best.spec.id, params: Object.keys(best.params).length === 0 ? undefined : best.params }
}
