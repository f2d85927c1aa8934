import type { UpstreamDefaults } from '../config/settings/limits.ts'
import type { EngineEndpoint } from '../functions/engine-endpoint.ts'
import { FunctionTarget } from '../functions/function-target.ts'
import { InvokeTarget, NO_SERVICE } from '../functions/invoke-target.ts'
import type { WorkerHealth } from '../health/worker-health.ts'
import type { PluginLogger } from '../plugins/context.ts'
import type { NestedUpstream } from '../plugins/definition.ts'
import { nodesWithPorts, normaliseUpstream, type NormalUpstream } from '../resources/normalise-upstream.ts'
import type { NormalRoute, NormalService } from '../resources/normalise-route.ts'
import type { Hedge, Retry } from '../resources/overload.ts'
import { type GuardContext, UpstreamGuard } from '../overload/upstream-guard.ts'
import type { Timeout } from '../resources/timeout.ts'
import type { Upstream } from '../resources/upstream.ts'
import type { CertificatePair } from '../tls/ssl-table.ts'
import { serviceKey } from '../discovery/service-key.ts'
import type { DiscoveredNode } from '../discovery/settle-nodes.ts'
import type { BalancingContext } from '../upstreams/balancer-of.ts'
import { UpstreamTarget } from '../upstreams/upstream-target.ts'

/** Where a route's requests go, or what they are answered when that is nowhere. */
export interface TargetResult {
  readonly upstream: UpstreamTarget | undefined
  /** It is a function, and `upstream` the service that is asked for it. */
  readonly function: FunctionTarget | undefined
  readonly missing: { readonly status: number; readonly message: string } | undefined
}

/** What has an upstream: a route, or a stream route. */
export type TargetOwner = Pick<NormalRoute, 'id' | 'upstream' | 'upstream_id' | 'service_id' | 'timeout'> & RouteRetries

/** In place of those of the upstream. */
interface RouteRetries {
  readonly retry?: Retry | undefined
  readonly hedge?: Hedge | undefined
}
type OwnerKind = 'routes' | 'stream_routes'

/** The targets of one upstream as it was written: routes with time limits of their own cannot share the peers of the others. */
interface CachedTargets {
  readonly written: Upstream
  readonly byLimits: Map<string, TargetResult>
}

export interface UpstreamTableOptions extends BalancingContext {
  readonly defaults: UpstreamDefaults
  /** The certificate that `tls.client_cert_id` names. */
  readonly certificateOf: (sslId: string) => CertificatePair | undefined
  /** Of this node, if it has one. */
  readonly engine?: EngineEndpoint | undefined
  /** Left out: nodes are taken as healthy. */
  readonly health?: WorkerHealth | undefined
  /** Left out: upstreams have no circuit breakers and the like. */
  readonly guards?: GuardContext | undefined
  readonly logger: PluginLogger
}

/**
 * The upstreams of one worker. A target (balancer, peers) is made when a route first needs it, and stays while the upstream it was made
 * from does: neither rotation nor counters start anew because something else changed.
 */
export class UpstreamTable {
  private readonly byId = new Map<string, Upstream>()
  /** By where the upstream is written: `upstreams/1`, `routes/1`. */
  private readonly targets = new Map<string, CachedTargets>()
  /** Where upstreams are written that show a certificate, by its id. */
  private readonly showing = new Map<string, Set<string>>()
  /** What service discovery found last, by the key of the service. */
  private readonly discovered = new Map<string, readonly DiscoveredNode[]>()
  /** Where upstreams are written that ask for a service, by its key. A place may ask for another one by now. */
  private readonly asking = new Map<string, Set<string>>()
  private readonly options: UpstreamTableOptions
  /** Grows when a target may have become another one. */
  version = 0

  constructor(options: UpstreamTableOptions) {
    this.options = options
  }

  set(id: string, upstream: Upstream | undefined): void {
    this.version++
    if (upstream === undefined) this.byId.delete(id)
    else this.byId.set(id, upstream)
    this.targets.delete(`upstreams/${id}`)
  }

  /** Service discovery found other nodes, or nobody asks for the service any more. */
  setDiscovered(key: string, nodes: readonly DiscoveredNode[] | undefined): void {
    if (nodes === undefined) {
      this.discovered.delete(key)
      this.asking.delete(key)
      return
    }
    this.discovered.set(key, nodes)
    for (const place of this.asking.get(key) ?? []) {
      for (const target of this.targetsAt(place)) {
        const { discovery, scheme } = target.upstream
        if (discovery !== undefined && serviceKey(discovery) === key) target.setNodes(nodesWithPorts(nodes, scheme))
      }
    }
  }

  /** The upstream that stood within a route or service is gone with it. */
  removeOwner(kind: OwnerKind | 'services', id: string): void {
    this.removePlace(`${kind}/${id}`)
  }

  /** The `scheme` as it is written on the upstream of a route, wherever that stands. */
  schemeOf(route: TargetOwner, service: NormalService | undefined): Upstream['scheme'] {
    const id = route.upstream_id ?? (service?.upstream === undefined ? service?.upstream_id : undefined)
    return (route.upstream ?? (id === undefined ? service?.upstream : this.byId.get(id)))?.scheme
  }

  /** Upstreams that show this certificate must show the new one. */
  certificateChanged(sslId: string): void {
    this.version++
    for (const place of this.showing.get(sslId) ?? []) this.targets.delete(place)
    this.showing.delete(sslId)
  }

  /** The nodes of the upstream that is written here are others, or its checks. */
  healthBoardChanged(place: string): void {
    const board = this.options.health?.board(place)
    for (const target of this.targetsAt(place)) if (target.health !== undefined) target.watch(target.health, board)
  }

  /** The state of a node of the upstream that is written here changed. */
  healthChanged(place: string): void {
    for (const target of this.targetsAt(place)) target.health?.refresh()
  }

  /** A route's own upstream or reference wins over its service's. */
  targetOf(route: TargetOwner, service: NormalService | undefined, kind: OwnerKind = 'routes'): TargetResult {
    if (route.service_id !== undefined && service === undefined) {
      return nowhere(404, `service ${route.service_id} does not exist`)
    }
    if (route.upstream !== undefined) return this.made(`${kind}/${route.id}`, route.upstream, route.timeout, route)
    const id = route.upstream_id ?? (service?.upstream === undefined ? service?.upstream_id : undefined)
    if (id !== undefined) {
      const upstream = this.byId.get(id)
      if (upstream !== undefined) return this.made(`upstreams/${id}`, upstream, route.timeout, route)
      return nowhere(502, `upstream ${id} does not exist`)
    }
    if (service?.upstream !== undefined)
      return this.made(`services/${service.id}`, service.upstream, route.timeout, route)
    return nowhere(503, 'the route has no upstream, and no plugin answered')
  }

  /** Where an upstream within a plugin's configuration leads; `place` is where it stands. */
  nestedTarget(place: string, { upstream, upstreamId }: NestedUpstream, timeout: Timeout | undefined): TargetResult {
    if (upstream !== undefined) return this.made(place, upstream, timeout)
    const named = upstreamId === undefined ? undefined : this.byId.get(upstreamId)
    if (named === undefined) return nowhere(502, `upstream ${upstreamId} does not exist`)
    return this.made(`upstreams/${upstreamId}`, named, timeout)
  }

  /** Nothing stands there any more. */
  removePlace(place: string): void {
    this.targets.delete(place)
  }

  private made(
    place: string,
    upstream: Upstream,
    timeout: Timeout | undefined,
    { retry, hedge }: RouteRetries = {},
  ): TargetResult {
    let made = this.targets.get(place)
    if (made?.written !== upstream) this.targets.set(place, (made = { written: upstream, byLimits: new Map() }))
    const own = timeout !== undefined || retry !== undefined || hedge !== undefined
    const limits = own ? JSON.stringify([timeout, retry, hedge]) : ''
    const known = made.byLimits.get(limits)
    if (known !== undefined) return known
    const { defaults, certificateOf } = this.options
    const written = normaliseUpstream(upstream)
    const normal = { ...written, retry: retry ?? written.retry, hedge: hedge ?? written.hedge }
    const { client_cert_id: sslId } = normal.tls
    if (sslId !== undefined) this.showing.set(sslId, (this.showing.get(sslId) ?? new Set()).add(place))
    const certificate = sslId === undefined ? undefined : certificateOf(sslId)
    const shown =
      certificate === undefined
        ? normal
        : { ...normal, tls: { ...normal.tls, client_cert: certificate.cert, client_key: certificate.key } }
    const result =
      shown.function === undefined
        ? usable(
            this.watched(
              place,
              new UpstreamTarget(this.withDiscovered(place, shown), timeout, defaults, place, this.options),
            ),
          )
        : this.functionTarget(shown.function, shown, timeout ?? shown.timeout)
    made.byLimits.set(limits, result)
    return result
  }

  private *targetsAt(place: string): Iterable<UpstreamTarget> {
    for (const { upstream } of this.targets.get(place)?.byLimits.values() ?? [])
      if (upstream !== undefined) yield upstream
  }

  private watched(place: string, target: UpstreamTarget): UpstreamTarget {
    const { health } = this.options
    const watching = health?.of(place, target.upstream)
    if (watching !== undefined) target.watch(watching, health?.board(place))
    if (this.options.guards !== undefined) target.guard = UpstreamGuard.of(target.upstream, place, this.options.guards)
    return target
  }

  private withDiscovered(place: string, upstream: NormalUpstream): NormalUpstream {
    const { discovery, scheme } = upstream
    if (discovery === undefined) return upstream
    const key = serviceKey(discovery)
    this.asking.set(key, (this.asking.get(key) ?? new Set()).add(place))
    return { ...upstream, nodes: nodesWithPorts(this.discovered.get(key) ?? [], scheme) }
  }

  private functionTarget(
    { name, ...settings }: NonNullable<NormalUpstream['function']>,
    upstream: NormalUpstream,
    timeout: Timeout | undefined,
  ): TargetResult {
    const { defaults, engine, logger } = this.options
    const invoke = InvokeTarget.of(name, settings, engine)
    if (invoke === undefined) return nowhere(503, NO_SERVICE)
    const target = new FunctionTarget(invoke, settings, upstream, timeout, defaults, logger)
    return { upstream: target.upstream, function: target, missing: undefined }
  }
}

const nowhere = (status: number, message: string): TargetResult => ({
  upstream: undefined,
  function: undefined,
  missing: { status, message },
})

function usable(target: UpstreamTarget): TargetResult {
  // Service discovery may find some later; until then no node is left to pick, which is a 503, too.
  const { nodes, discovery } = target.upstream
  if (discovery === undefined && nodes.every((node) => node.weight === 0))
    return nowhere(503, 'the upstream has no nodes')
  return { upstream: target, function: undefined, missing: undefined }
}
