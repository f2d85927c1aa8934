import { readHttpFilters, type HttpFilters } from '../filters/http-filters.ts'
import { readPolicies } from '../filters/filter-policies.ts'
import { readAccessLogs } from '../logs/access-log.ts'
import type { Plugins } from '../output/draft.ts'
import type { ImportContext } from '../reader/import-context.ts'
import type { Message } from '../reader/message.ts'
import { type Domains, mayFallTo, readDomains } from '../routes/domains.ts'
import type { ImportedRoute } from '../routes/imported-route.ts'
import { readUpgrades } from '../routes/route-action.ts'
import { answer } from '../routes/direct-response.ts'
import type { Condition } from '../routes/text-test.ts'
import { readVirtualHost, type Surroundings } from '../routes/virtual-host.ts'
import { readManagerOptions } from './manager-options.ts'

/** What one HttpConnectionManager serves. */
export interface HttpSite {
  readonly name: string
  readonly routes: readonly ImportedRoute[]
  /** For each of its routes. */
  readonly plugins: Plugins
}

/**
 * Reads an HttpConnectionManager.
 *
 * @param conditions what tells its requests from those of the other listeners
 */
export function readHttpConnectionManager(
  manager: Message,
  conditions: readonly Condition[],
  context: ImportContext,
): HttpSite {
  const name = manager.string('stat_prefix') ?? 'http'
  const filters = readHttpFilters(manager, context)
  const plugins: Plugins = { ...requestId(manager), ...filters.plugins }
  const idleTimeout = readManagerOptions(manager, context)
  readAccessLogs(manager, context)
  const enableWebsocket = readUpgrades(manager)
  manager.lose('rds', 'routes come from the file')
  manager.lose('scoped_routes', 'routes come from the file')
  const configuration = manager.message('route_config')
  if (configuration === undefined) return { name, routes: [], plugins }
  configuration.ignore('name', 'validate_clusters', 'ignore_port_in_host_matching')
  const around: Surroundings = {
    filters: { ...filters, plugins },
    configuration,
    policies: readPolicies(configuration, filters.types),
    idleTimeout,
    conditions,
    enableWebsocket,
  }
  const routes = readVirtualHosts(configuration, around, context)
  warnOfGrpcWeb(filters, routes, context)
  return { name, routes, plugins }
}

function readVirtualHosts(configuration: Message, around: Surroundings, context: ImportContext): ImportedRoute[] {
  const hosts = configuration.messages('virtual_hosts').flatMap((host) => {
    const domains = readDomains(host)
    if (domains === undefined) host.settle()
    return domains === undefined ? [] : [{ host, domains }]
  })
  return hosts.flatMap(({ host, domains }) => {
    const routes = readVirtualHost(host, domains, around, context)
    const falls = hosts.some((other) => mayFallTo(domains, other.domains))
    const end = falls && !routes.some(takesAll(around.conditions)) ? [notFound(host, domains, around)] : []
    return [...routes, ...end]
  })
}

const takesAll =
  (conditions: readonly Condition[]) =>
  (route: ImportedRoute): boolean =>
    route.uris.includes('/*') && route.methods === undefined && route.vars.length === conditions.length

/** Envoy does not look at another virtual host when the one that it found has no route. We would: so this one has. */
const notFound = (host: Message, { hosts }: Domains, around: Surroundings): ImportedRoute => ({
  name: `${host.string('name') ?? 'host'}-not-found`,
  notes: ['Envoy answers 404 for these hosts, and does not look for a route of a wider one.'],
  uris: ['/*'],
  hosts,
  methods: undefined,
  vars: around.conditions,
  priority: -1,
  plugins: { mocking: answer(404, '') },
  policies: {},
  cluster: undefined,
  readTimeout: undefined,
  enableWebsocket: undefined,
  path: host.path,
})

/** Envoy gives every request an id unless told otherwise. It is carried over where it was asked for. */
function requestId(manager: Message): Plugins {
  const inResponse = manager.boolean('always_set_request_id_in_response') ?? false
  if (manager.boolean('preserve_external_request_id') === false) manager.ignore('preserve_external_request_id')
  if (manager.boolean('generate_request_id') !== true) return {}
  return { 'request-id': inResponse ? {} : { include_in_response: false } }
}

function warnOfGrpcWeb(filters: HttpFilters, routes: readonly ImportedRoute[], { report }: ImportContext): void {
  if (!filters.types.has('GrpcWeb')) return
  for (const { cluster } of routes) {
    if (cluster === undefined || cluster.http2) continue
    const message = 'gRPC needs HTTP/2: this cluster has no http2_protocol_options, so that Envoy sends it HTTP/1.1'
    report.warnOnce(`grpc ${cluster.name}`, cluster.path, message)
  }
}
