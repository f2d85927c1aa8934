import { ROUTE } from './candidates.ts'
import { type Checks, compileChecks } from './checks.ts'
import { hashText } from './exact-table.ts'
import { type Explanation, explainMatch } from './explain.ts'
import { type HostPattern, hostText, parseHost } from './host-pattern.ts'
import { Hosts } from './hosts.ts'
import { addToLeaf, dropFromLeaf, giveLeaf, isEmptyLeaf, matchLeaf, newLeaf } from './leaf.ts'
import { capture } from './matching.ts'
import { EVERY_METHOD, MethodBits } from './methods.ts'
import { type Pattern, parsePattern, PatternError } from './pattern.ts'
import { type MatchRequest, RouteError, type RouteSpec } from './route.ts'
import { RouteTable } from './table.ts'

export interface RouterOptions {
  /** Told when a route's `filter_func` throws or returns a promise; the route does not match then. */
  readonly onFilterError?: (routeId: string, error: unknown) => void
}

/**
 * Finds the route of a request, as APISIX's `radixtree_host_uri` does, with path parameters.
 *
 * 1. The most specific host first: with its port, exact, the longest wildcard, `*`, then the routes without a host.
 *    A host none of whose routes passes all checks is passed over.
 * 2. Within a host a plain path goes first. Then, at each place of the path, literal text goes before a parameter and
 *    that before a wildcard: `/a/b*`, `/a/:id`, `/a/*`. So the longest literal prefix wins.
 * 3. Among patterns that are alike in this: higher `priority`, then the longer pattern, then the earlier route.
 * 4. A candidate must pass `methods`, `remoteAddrs`, `vars` and `filterFunc`, else the next one is tried.
 *
 * Routes come and go in place: a change costs its own size, whatever the number of routes.
 */
export class Router<T> {
  readonly #table = new RouteTable<T>()
  readonly #hosts = new Hosts(this.#table)
  readonly #methods = new MethodBits()
  readonly #numbers = new Map<string, number>()
  readonly #onFilterError: (routeId: string, error: unknown) => void
  /** The leaf of the routes without a host; 0 when there are none. */
  #hostless = 0
  /** How many routes name methods: none saves looking at the request's. */
  #methodRoutes = 0

  constructor(options: RouterOptions = {}) {
    this.#onFilterError = options.onFilterError ?? (() => undefined)
  }

  /** How many routes there are. */
  get size(): number {
    return this.#numbers.size
  }

  /** Blocks of memory in use, for tests and diagnosis: 0 when there are no routes. */
  get blocks(): number {
    return this.#table.cells.blocks + this.#table.shapes.size
  }

  /**
   * Adds the route, or replaces the one with the same id, which keeps its place among equals.
   * @throws RouteError when a part of it is wrong; nothing is changed then
   */
  insert(spec: RouteSpec<T>): void {
    const plan = this.#compile(spec)
    const known = this.#numbers.get(spec.id)
    const rank = known === undefined ? undefined : this.#table.ranks[known]
    if (known !== undefined) this.#drop(known)
    const route = this.#table.add(spec, plan.checks, rank)
    this.#numbers.set(spec.id, route)
    if (plan.methods !== EVERY_METHOD) this.#methodRoutes++
    for (const host of plan.hosts) {
      const leaf = this.#leafOf(host)
      for (const pattern of plan.patterns) addToLeaf(this.#table, leaf, pattern, route, plan.methods)
    }
  }

  /** Whether there was such a route. */
  remove(id: string): boolean {
    const route = this.#numbers.get(id)
    if (route === undefined) return false
    this.#drop(route)
    this.#numbers.delete(id)
    return true
  }

  /** The value of the route that the request takes. Sets `request.uriParams`. */
  match(request: MatchRequest): T | undefined {
    const { path } = request
    const candidate = this.#find(request, path)
    if (candidate === 0) {
      request.uriParams = undefined
      return undefined
    }
    request.uriParams = capture(this.#table, candidate, path)
    return this.#table.values[this.#table.cells.ints[candidate + ROUTE]]
  }

  /** Says which routes could have been taken, why they were not, and why one was. Looks at every route. */
  explain(request: MatchRequest): Explanation<T> {
    const specs = [...this.#numbers.values()].sort((a, b) => this.#table.ranks[a] - this.#table.ranks[b])
    return explainMatch(
      specs.map((route) => this.#table.specs[route] as RouteSpec<T>),
      request,
    )
  }

  #find(request: MatchRequest, path: string): number {
    const method = this.#methodRoutes === 0 ? EVERY_METHOD : this.#methods.bitOf(request.method)
    const hash = this.#table.exact.size === 0 ? 0 : hashText(path)
    const found = this.#hosts.match(request, path, hash, method)
    return found !== 0 || this.#hostless === 0
      ? found
      : matchLeaf(this.#table, this.#hostless, request, path, hash, method)
  }

  #compile(spec: RouteSpec<T>): Plan {
    if (spec.uris.length === 0) throw new RouteError('uris', '', 'is empty; a route needs a path, such as "/*"')
    return {
      patterns: parsePatterns(spec.uris),
      hosts: parseHosts(spec.hosts),
      methods: this.#methods.maskOf(spec.methods),
      checks: compileChecks(spec, (error) => this.#onFilterError(spec.id, error)),
    }
  }

  #drop(route: number): void {
    const spec = this.#table.specs[route] as RouteSpec<T>
    const patterns = parsePatterns(spec.uris)
    for (const host of parseHosts(spec.hosts)) {
      const leaf = host === undefined ? this.#hostless : this.#hosts.find(host)
      for (const pattern of patterns) dropFromLeaf(this.#table, leaf, pattern, route)
      this.#tidy(host, leaf)
    }
    if (this.#methods.maskOf(spec.methods) !== EVERY_METHOD) this.#methodRoutes--
    this.#table.drop(route)
  }

  #leafOf(host: HostPattern | undefined): number {
    if (host !== undefined) return this.#hosts.take(host)
    if (this.#hostless === 0) this.#hostless = newLeaf(this.#table)
    return this.#hostless
  }

  #tidy(host: HostPattern | undefined, leaf: number): void {
    if (host !== undefined) {
      this.#hosts.tidy(host, leaf)
    } else if (isEmptyLeaf(this.#table, leaf)) {
      giveLeaf(this.#table, leaf, false)
      this.#hostless = 0
    }
  }
}

/** A route made ready to be put in place. */
interface Plan {
  readonly patterns: readonly Pattern[]
  /** undefined stands for "without a host". */
  readonly hosts: readonly (HostPattern | undefined)[]
  readonly methods: number
  readonly checks: Checks | undefined
}

/** Each pattern once, however often it is written. */
function parsePatterns(uris: readonly string[]): Pattern[] {
  const patterns = new Map<string, Pattern>()
  for (const [index, uri] of uris.entries()) {
    try {
      patterns.set(uri, parsePattern(uri))
    } catch (error) {
      if (error instanceof PatternError) throw new RouteError('uris', `/${index}`, error.message)
      throw error
    }
  }
  return [...patterns.values()]
}

function parseHosts(hosts: readonly string[]): (HostPattern | undefined)[] {
  if (hosts.length === 0) return [undefined]
  const patterns = new Map<string, HostPattern>()
  for (const [index, host] of hosts.entries()) {
    const pattern = parseHost(host)
    if (pattern === undefined) {
      throw new RouteError(
        'hosts',
        `/${index}`,
        `"${host}" is not a host; write "a.com", "a.com:8080", "*.a.com" or "*"`,
      )
    }
    patterns.set(hostText(pattern), pattern)
  }
  return [...patterns.values()]
}
