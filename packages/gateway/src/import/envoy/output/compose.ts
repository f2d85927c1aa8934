import type { ImportedCluster } from '../clusters/imported-cluster.ts'
import type { HttpSite } from '../listeners/http-connection-manager.ts'
import type { Served } from '../listeners/listener.ts'
import type { ImportContext } from '../reader/import-context.ts'
import type { ImportedRoute } from '../routes/imported-route.ts'
import { defined, type Fields, type Plugins } from './draft.ts'
import { Ids } from '../../output/ids.ts'

/** Ours where an upstream says nothing (`upstream_defaults`), in seconds. */
const DEFAULT_TIMEOUT_S = 60

/** Brings what was read into the resources of a configuration. */
export function compose(served: Served, context: ImportContext): void {
  const sites = mergeSame(served.sites)
  const routes = sites.flatMap((site) => site.routes)
  const shared = upstreamTimeouts(context.clusters.all(), routes)
  const ids = new Ids()
  for (const site of sites) composeSite(site, ids, shared, context)
  composeUpstreams(context)
  composeStreams(served, context)
}

/** Listeners that serve the same, as with and without TLS, need the routes once, and no condition to tell them apart. */
function mergeSame(sites: readonly HttpSite[]): readonly HttpSite[] {
  const [first, ...others] = sites.map((site) => ({
    ...site,
    routes: site.routes.map((route) => ({ ...route, vars: route.vars.filter(([name]) => name !== 'server_port') })),
  }))
  if (first === undefined || others.length === 0) return sites
  const text = contentOf(first)
  return others.every((site) => contentOf(site) === text) ? [first] : sites
}

const contentOf = ({ plugins, routes }: HttpSite): string =>
  JSON.stringify([plugins, routes.map(({ path: _path, cluster, ...route }) => [route, cluster?.id])])

function composeSite(
  site: HttpSite,
  ids: Ids,
  shared: ReadonlyMap<ImportedCluster, number | undefined>,
  { draft }: ImportContext,
): void {
  const isService = site.routes.length > 1 && Object.keys(site.plugins).length > 0
  const serviceId = isService ? new Ids().take(uniqueName(site.name, draft.services.length), 'http') : undefined
  if (isService) draft.services.push({ fields: { id: serviceId, plugins: site.plugins }, notes: [] })
  const configs = sharedPolicies(site, draft.plugin_configs.length)
  for (const [text, id] of configs)
    draft.plugin_configs.push({ fields: { id, plugins: JSON.parse(text) as Plugins }, notes: [] })
  for (const route of site.routes) {
    const policies = JSON.stringify(route.policies)
    const config = configs.get(policies)
    const plugins: Plugins = {
      ...(isService ? {} : site.plugins),
      ...(config === undefined ? route.policies : {}),
      ...route.plugins,
    }
    draft.routes.push({
      notes: route.notes,
      fields: defined({
        id: ids.take(route.name, 'route'),
        ...(route.uris.length === 1 ? { uri: route.uris[0] } : { uris: route.uris }),
        ...(route.hosts.length === 1 ? { host: route.hosts[0] } : { hosts: orNothing(route.hosts) }),
        methods: route.methods,
        priority: route.priority === 0 ? undefined : route.priority,
        vars: orNothing(route.vars),
        service_id: serviceId,
        plugin_config_id: config,
        upstream_id: route.cluster?.id,
        timeout: ownTimeout(route, shared),
        enable_websocket: route.enableWebsocket,
        plugins: Object.keys(plugins).length === 0 ? undefined : plugins,
      }),
    })
  }
}

const uniqueName = (name: string, before: number): string => (before === 0 ? name : `${name}-${before + 1}`)

const orNothing = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list)

/** Ids of the plugin configs for policies that several routes have, by the policies as text. */
function sharedPolicies(site: HttpSite, before: number): Map<string, string> {
  const counts = new Map<string, number>()
  for (const { policies } of site.routes) {
    const text = JSON.stringify(policies)
    if (text !== '{}') counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  const several = [...counts].filter(([, count]) => count > 1)
  return new Map(several.map(([text], index) => [text, `policies-${before + index + 1}`]))
}

/** Time limits on which all routes to a cluster agree stand on its upstream. */
function upstreamTimeouts(
  clusters: readonly ImportedCluster[],
  routes: readonly ImportedRoute[],
): Map<ImportedCluster, number | undefined> {
  const shared = new Map<ImportedCluster, number | undefined>()
  for (const cluster of clusters) {
    const limits = new Set(routes.filter((route) => route.cluster === cluster).map(({ readTimeout }) => readTimeout))
    const [limit] = limits
    const agreed = limits.size === 1 ? limit : undefined
    shared.set(cluster, agreed)
    if (agreed !== undefined || cluster.connectTimeout !== undefined)
      cluster.fields['timeout'] = timeout(cluster, agreed)
  }
  return shared
}

function ownTimeout(
  route: ImportedRoute,
  shared: ReadonlyMap<ImportedCluster, number | undefined>,
): Fields | undefined {
  const { cluster, readTimeout } = route
  if (cluster === undefined || readTimeout === undefined || shared.get(cluster) === readTimeout) return undefined
  return timeout(cluster, readTimeout)
}

const timeout = ({ connectTimeout }: ImportedCluster, silence: number | undefined): Fields => ({
  connect: connectTimeout ?? DEFAULT_TIMEOUT_S,
  send: silence ?? DEFAULT_TIMEOUT_S,
  read: silence ?? DEFAULT_TIMEOUT_S,
})

/** In the order in which their fields are documented. A cluster for HTTP and for TCP becomes two upstreams. */
const UPSTREAM_FIELDS = [
  'id',
  'type',
  'hash_on',
  'key',
  'hash_balance_factor',
  'scheme',
  'nodes',
  'zone_aware',
  'overprovisioning_factor',
  'pass_host',
  'retries',
  'retry',
  'circuit_breakers',
  'timeout',
  'keepalive_pool',
  'tls',
  'checks',
  'outlier_detection',
  'slow_start',
  'healthy_panic_threshold',
]

const inOrder = (fields: Fields): Fields =>
  Object.fromEntries(UPSTREAM_FIELDS.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]))

function composeUpstreams({ clusters, draft, upstreamIds }: ImportContext): void {
  for (const cluster of clusters.all()) {
    if (cluster.usedByHttp || !cluster.usedByTcp)
      draft.upstreams.push({ fields: inOrder(cluster.fields), notes: cluster.notes })
    if (!cluster.usedByTcp) continue
    const id = cluster.usedByHttp ? upstreamIds.take(`${cluster.id}-tcp`, 'tcp') : cluster.id
    // Streams have no requests to limit or to repeat.
    const { scheme, keepalive_pool: _pool, retry: _retry, circuit_breakers: _breakers, ...fields } = cluster.fields
    const secure = scheme === 'https' || scheme === 'grpcs'
    cluster.streamId = id
    draft.upstreams.push({
      fields: inOrder({ ...fields, id, scheme: secure ? 'tls' : 'tcp' }),
      notes: cluster.notes,
    })
  }
}

function composeStreams({ streams }: Served, { draft }: ImportContext): void {
  const ids = new Ids()
  for (const { name, fields, idleTimeout, cluster } of streams) {
    const id = ids.take(name, 'stream')
    draft.stream_routes.push({
      fields: defined({ id, ...fields, upstream_id: cluster.streamId, idle_timeout: idleTimeout }),
      notes: [],
    })
  }
}
