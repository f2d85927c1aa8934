import type { SharedCounts } from '@sekisho/proxy'
import type { ConsumerStore } from '../consumers/consumer-store.ts'
import type { UpstreamDefaults } from '../config/settings/limits.ts'
import { buildPlan } from '../plan/plan-builder.ts'
import type { Mounts } from '../plan/mounts.ts'
import type { Plan } from '../plan/plan.ts'
import type { PluginLogger } from '../plugins/context.ts'
import type { RequestContext } from '../request-context.ts'
import { normaliseRoute, normaliseService, type NormalRoute, type NormalService } from '../resources/normalise-route.ts'
import type { ResourceKind } from '../resources/kind-names.ts'
import type { PluginSet } from '../resources/plugin-set.ts'
import type { Proto } from '../resources/proto.ts'
import type { EngineEndpoint } from '../functions/engine-endpoint.ts'
import { Router, type Explanation } from '../router/index.ts'
import type { WorkerMetrics } from '../observability/metrics/index.ts'
import type { Operation } from '../store/store.ts'
import { StreamTable } from '../stream/stream-table.ts'
import { SslTable } from '../tls/ssl-table.ts'
import type { WorkerHealth } from '../health/worker-health.ts'
import { guardContext } from '../overload/guard-context.ts'
import { UpstreamTable } from './upstream-table.ts'

export interface GatewayTableOptions {
  readonly mounts: (table: GatewayTable) => Mounts
  readonly consumers: ConsumerStore
  readonly upstreamDefaults: UpstreamDefaults
  readonly metrics: WorkerMetrics
  readonly workerIndex: number
  /** What the workers count together to balance; left out: each for itself. */
  readonly counts?: SharedCounts | undefined
  /** Where this node runs. */
  readonly zone?: string | undefined
  readonly logger: PluginLogger
  /** The function engine of this node, if it has one. */
  readonly engine?: EngineEndpoint | undefined
  /** What is known of nodes; left out: they are taken as healthy. */
  readonly health?: WorkerHealth | undefined
}

/** A route, and its plan as of `epoch`. */
interface RouteEntry {
  readonly normal: NormalRoute
  plan: Plan | undefined
  epoch: number
}

/** The path of a route that stands for "no route": global rules run for it, and the answer is 404. */
const NO_ROUTE: NormalRoute = normaliseRoute('', { uri: '/*' } as Parameters<typeof normaliseRoute>[1])

/** Kinds of which nothing but requests depends. */
const ITS_OWN: ReadonlySet<ResourceKind> = new Set<ResourceKind>(['routes', 'stream_routes', 'consumers'])

/**
 * The configuration of one worker, as requests meet it. A change is patched in, in one turn of the event loop: a request sees all of it or
 * nothing. What a change invalidates (`epoch`) is made again by the first request that needs it, so that a change costs its
 * own size and not that of the table.
 */
export class GatewayTable {
  readonly router: Router<RouteEntry>
  readonly ssls: SslTable
  readonly streams: StreamTable
  private readonly options: GatewayTableOptions
  private readonly mounts: Mounts
  private readonly routes = new Map<string, RouteEntry>()
  private readonly services = new Map<string, NormalService>()
  private readonly pluginConfigs = new Map<string, PluginSet>()
  private readonly globalRules = new Map<string, PluginSet>()
  private readonly groups = new Map<string, PluginSet>()
  private readonly metadata = new Map<string, unknown>()
  private readonly protos = new Map<string, Proto>()
  readonly upstreams: UpstreamTable
  private epoch = 0
  private readonly noRoute: RouteEntry = { normal: NO_ROUTE, plan: undefined, epoch: -1 }

  constructor(options: GatewayTableOptions) {
    this.options = options
    this.ssls = new SslTable(options.logger)
    this.upstreams = new UpstreamTable({
      defaults: options.upstreamDefaults,
      workerIndex: options.workerIndex,
      counts: options.counts,
      zone: options.zone,
      certificateOf: (id) => this.ssls.clientCertificate(id),
      engine: options.engine,
      health: options.health,
      guards: guardContext(options.metrics, options.counts),
      logger: options.logger,
    })
    this.router = new Router({
      onFilterError: (route, err) => options.logger.error({ route, err }, `filter_func of route ${route} failed`),
    })
    this.mounts = options.mounts(this)
    this.streams = new StreamTable({
      mounts: this.mounts,
      metrics: options.metrics,
      service: (id) => this.services.get(id),
      schemeOf: (route, service) => this.upstreams.schemeOf(route, service),
      targetOf: (route, service) => this.upstreams.targetOf(route, service, 'stream_routes'),
    })
  }

  /** The plan of the route that matches; the plan for "no route" when none does. */
  match(context: RequestContext): Plan {
    return this.planOf(this.router.match(context) ?? this.noRoute)
  }

  /** The plan of the route that would take such a request with another method. */
  matchAs(context: RequestContext, method: string): Plan | undefined {
    const request = withMethod(context, method)
    const entry = this.router.match(request)
    context.uriParams = request.uriParams
    return entry === undefined ? undefined : this.planOf(entry)
  }

  explain(context: RequestContext, method = context.method): Explanation<RouteEntry> {
    return this.router.explain(method === context.method ? context : withMethod(context, method))
  }

  protoOf(id: string): Proto | undefined {
    return this.protos.get(id)
  }

  metadataOf(plugin: string): unknown {
    return this.metadata.get(plugin)
  }

  /** Patches a change in. */
  apply(operations: readonly Operation[]): void {
    // A route that changes is a new entry, and plans know consumers by the object: those that change touch no other plan.
    const shared = operations.some(({ kind }) => !ITS_OWN.has(kind))
    if (shared) this.epoch++
    for (const operation of operations) this.applyOne(operation)
    if (shared || operations.some(({ kind }) => kind === 'stream_routes')) this.streams.changed()
  }

  /** The code of a plugin changed. */
  reloadPlugin(name: string): void {
    this.mounts.removePlugin(name)
    this.epoch++
    this.streams.changed()
  }

  private applyOne(operation: Operation): void {
    const { kind, id, value } = operation
    switch (kind) {
      case 'ssls':
        this.ssls.set(id, value)
        this.upstreams.certificateChanged(id)
        return
      case 'protos':
        if (value === undefined) this.protos.delete(id)
        else this.protos.set(id, value)
        this.mounts.removePlugin('grpc-transcode')
        return
      case 'routes':
        if (value === undefined) this.removeRoute(id)
        else this.setRoute(normaliseRoute(id, value))
        return
      case 'stream_routes':
        this.streams.set(id, value)
        if (value === undefined) this.upstreams.removeOwner(kind, id)
        return
      case 'services':
        this.setService(id, value === undefined ? undefined : normaliseService(id, value))
        return
      case 'upstreams':
        this.upstreams.set(id, value)
        return
      case 'plugin_configs':
        this.setPlugins(this.pluginConfigs, kind, id, value?.plugins)
        return
      case 'global_rules':
        this.setPlugins(this.globalRules, kind, id, value?.plugins)
        return
      case 'consumer_groups':
        this.setPlugins(this.groups, kind, id, value?.plugins)
        return
      case 'consumers':
        if (value !== undefined) this.options.consumers.set(id, value)
        else {
          this.options.consumers.remove(id)
          this.mounts.removePlace(kind, id)
        }
        return
      case 'plugin_metadata':
        if (value === undefined) this.metadata.delete(id)
        else this.metadata.set(id, value)
        this.mounts.removePlugin(id)
    }
  }

  private setRoute(normal: NormalRoute): void {
    this.routes.set(normal.id, { normal, plan: undefined, epoch: -1 })
    this.enterRoute(normal.id)
  }

  private removeRoute(id: string): void {
    this.routes.delete(id)
    this.router.remove(id)
    this.mounts.removePlace('routes', id)
    this.upstreams.removeOwner('routes', id)
  }

  /** A route without hosts has those of its service. */
  private enterRoute(id: string): void {
    const entry = this.routes.get(id) as RouteEntry
    const { normal } = entry
    if (!normal.enabled) {
      this.router.remove(id)
      return
    }
    const inherited = normal.service_id === undefined ? undefined : this.services.get(normal.service_id)?.hosts
    this.router.insert({
      id,
      uris: normal.uris,
      hosts: normal.hosts.length > 0 ? normal.hosts : (inherited ?? []),
      priority: normal.priority,
      ...(normal.methods === undefined ? {} : { methods: normal.methods }),
      ...(normal.remote_addrs.length === 0 ? {} : { remoteAddrs: normal.remote_addrs }),
      ...(normal.vars === undefined ? {} : { vars: normal.vars }),
      ...(normal.filter_func === undefined ? {} : { filterFunc: normal.filter_func }),
      value: entry,
    })
  }

  private setService(id: string, service: NormalService | undefined): void {
    const before = this.services.get(id)?.hosts.join() ?? ''
    if (service === undefined) {
      this.services.delete(id)
      this.mounts.removePlace('services', id)
      this.upstreams.removeOwner('services', id)
    } else this.services.set(id, service)
    if (before === (service?.hosts.join() ?? '')) return
    for (const { normal } of this.routes.values()) {
      if (normal.service_id === id && normal.hosts.length === 0) this.enterRoute(normal.id)
    }
  }

  private setPlugins(
    map: Map<string, PluginSet>,
    kind: 'plugin_configs' | 'global_rules' | 'consumer_groups',
    id: string,
    plugins: PluginSet | undefined,
  ): void {
    if (plugins !== undefined) map.set(id, plugins)
    else {
      map.delete(id)
      this.mounts.removePlace(kind, id)
    }
  }

  private planOf(entry: RouteEntry): Plan {
    if (entry.plan !== undefined && entry.epoch === this.epoch) return entry.plan
    const { normal } = entry
    const service = normal.service_id === undefined ? undefined : this.services.get(normal.service_id)
    const found =
      entry === this.noRoute
        ? { upstream: undefined, function: undefined, missing: { status: 404, message: '404 Route Not Found' } }
        : this.upstreams.targetOf(normal, service)
    entry.plan = buildPlan(
      {
        route: normal,
        service,
        pluginConfig:
          normal.plugin_config_id === undefined ? undefined : this.pluginConfigs.get(normal.plugin_config_id),
        upstream: found.upstream,
        function: found.function,
        missing: found.missing,
        globalRules: this.globalRules,
        groupPlugins: (id) => this.groups.get(id),
      },
      this.mounts,
    )
    entry.epoch = this.epoch
    return entry.plan
  }
}

/** The same request, but for its method. */
const withMethod = (context: RequestContext, method: string): RequestContext =>
  Object.create(context, { method: { value: method } }) as RequestContext
