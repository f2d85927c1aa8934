import { mergePolicies, type Policies, readPolicies } from '../filters/filter-policies.ts'
import type { HttpFilters } from '../filters/http-filters.ts'
import { defined, type Fields, type Plugins } from '../output/draft.ts'
import type { ImportContext } from '../reader/import-context.ts'
import type { Message } from '../reader/message.ts'
import { directResponse } from './direct-response.ts'
import { requestHeaders, responseHeaders } from './header-mutations.ts'
import type { Domains } from './domains.ts'
import type { ImportedRoute } from './imported-route.ts'
import { redirect } from './redirect.ts'
import { type ForwardAction, readForward } from './route-action.ts'
import { readMatch } from './route-match.ts'
import { orderRoutes } from './route-order.ts'
import type { Condition } from './text-test.ts'

/** What the routes of a virtual host have around them. */
export interface Surroundings {
  readonly filters: HttpFilters
  /** The route configuration. */
  readonly configuration: Message
  readonly policies: Policies
  readonly idleTimeout: number | undefined
  /** Of the listener: true of every request that it serves. */
  readonly conditions: readonly Condition[]
  readonly enableWebsocket: boolean | undefined
}

/** Reads the routes of a VirtualHost, in the order and with the priorities in which they are to be tried. */
export function readVirtualHost(
  host: Message,
  domains: Domains,
  around: Surroundings,
  context: ImportContext,
): ImportedRoute[] {
  const name = host.string('name') ?? 'routes'
  const policies = readPolicies(host, around.filters.types)
  const tls = host.enumeration('require_tls') ?? 'NONE'
  if (tls === 'EXTERNAL_ONLY') host.lose('require_tls', 'requests of this machine are like any other')
  const level: Level = { host, name, domains, policies, toHttps: tls === 'ALL', around, context }
  const messages = host.messages('routes')
  const routes = messages.flatMap((route, index) =>
    readRoute(route, messages.length > 1 ? `${name}-${index + 1}` : name, level),
  )
  host.ignore('virtual_clusters')
  return orderRoutes(routes, context.report)
}

interface Level {
  readonly host: Message
  readonly name: string
  readonly domains: Domains
  readonly policies: Policies
  readonly toHttps: boolean
  readonly around: Surroundings
  readonly context: ImportContext
}

const LEFT_OUT = 'the route is left out: a part of it has no equal here'

function readRoute(route: Message, fallback: string, level: Level): ImportedRoute[] {
  const { around, context } = level
  const name = route.string('name') ?? fallback
  route.ignore('stat_prefix')
  const match = route.message('match')
  const rules = match && readMatch(match)
  const outcome = rules && readOutcome(route, rules.path, level)
  const policies = readPolicies(route, around.filters.types)
  const action = route.message('route')
  const legacy = action && readPolicies(action, around.filters.types)
  if (rules === undefined || outcome === undefined) {
    route.settle()
    context.report.add('not carried over', route.path, LEFT_OUT)
    return []
  }
  const { forward } = outcome
  const merged = mergePolicies([around.policies, level.policies, legacy ?? {}, policies], around.filters.plugins)
  // CORS is not applied to answers of the router itself.
  if (forward === undefined) delete merged['cors']
  return [
    {
      name,
      notes: outcome.forward?.notes ?? [],
      uris: [...rules.uris],
      hosts: level.domains.hosts,
      methods: rules.methods,
      vars: [...around.conditions, ...rules.vars],
      priority: 0,
      plugins: { ...outcome.plugins, ...headPlugins(route, level, forward) },
      policies: merged,
      cluster: forward?.cluster,
      readTimeout: forward?.readTimeout,
      enableWebsocket: forward?.enableWebsocket ?? (forward && around.enableWebsocket),
      path: route.path,
    },
  ]
}

interface Outcome {
  readonly plugins: Plugins
  readonly forward?: ForwardAction
}

/** What is done with a request; undefined when that cannot be said here, which is told. */
function readOutcome(route: Message, path: Parameters<typeof redirect>[1], level: Level): Outcome | undefined {
  if (level.toHttps) return { plugins: { redirect: { http_to_https: true } }, ...forwardOf(route, path, level) }
  const redirection = route.message('redirect')
  if (redirection !== undefined) {
    const plugins = redirect(redirection, path)
    return plugins && { plugins }
  }
  const direct = route.message('direct_response')
  if (direct !== undefined) return { plugins: directResponse(direct) }
  const forward = forwardOf(route, path, level)
  return forward.forward && { plugins: {}, ...forward }
}

function forwardOf(
  route: Message,
  path: Parameters<typeof redirect>[1],
  { host, around, context }: Level,
): { forward?: ForwardAction } {
  const action = route.message('route')
  const defaults = { idleTimeout: around.idleTimeout, retryPolicy: host.message('retry_policy') }
  const forward = action && readForward(action, path, defaults, context)
  return forward === undefined ? {} : { forward }
}

/** The plugins that change heads: of the route, then its virtual host, then the route configuration. */
function headPlugins(route: Message, { host, around }: Level, forward: ForwardAction | undefined): Plugins {
  const levels = [route, host, around.configuration]
  if (around.configuration.boolean('most_specific_header_mutations_wins') === true) levels.reverse()
  const response = responseHeaders(levels)
  const request = requestHeaders(levels)
  const rewrite: Fields = forward === undefined ? {} : defined({ ...forward.rewrite, headers: request })
  return {
    ...(Object.keys(rewrite).length === 0 ? {} : { 'proxy-rewrite': rewrite }),
    ...(response === undefined ? {} : { 'response-rewrite': { headers: response } }),
  }
}
