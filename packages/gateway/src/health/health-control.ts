import { ProbeGate, Resolver, type HealthBoardData } from '@sekisho/proxy/health'
import type { DiscoveredNode } from '../discovery/settle-nodes.ts'
import { serviceKey } from '../discovery/service-key.ts'
import type { WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginLogger } from '../plugins/context.ts'
import { nodesWithPorts, normaliseUpstream, type NormalUpstream } from '../resources/normalise-upstream.ts'
import { pemText } from '../resources/pem.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import type { EmbeddedUpstream } from '../resources/upstream.ts'
import type { Operation } from '../store/store.ts'
import { HealthMetrics } from './health-metrics.ts'
import { allUpstreamPlaces, type UpstreamOwner, upstreamPlaces } from '../upstreams/upstream-places.ts'
import type { HealthMessage, HealthReport } from './health-messages.ts'
import { watchesNodes } from './health-settings.ts'
import { UpstreamHealth, type KeptNode, type NodeReport } from './upstream-health.ts'

/** Probes of a process at a time, of all its upstreams: each is a connection. What is above waits, and is late. */
export const MAX_PROBES = 256

export interface HealthControlOptions {
  readonly metrics: WorkerMetrics
  readonly logger: PluginLogger
  /** To all workers. */
  readonly send: (message: HealthMessage) => void
  /** What is in force. */
  readonly resources: () => ResourceSet
  readonly random?: () => number
}

/** The state of the nodes of one upstream, for people. */
export interface HealthReportOf {
  readonly place: string
  readonly upstream: NormalUpstream
  readonly nodes: readonly NodeReport[]
}

/** By place, by node. */
export type KeptHealth = Readonly<Record<string, Readonly<Record<string, KeptNode>>>>

/** Health of a process: in the control thread, once, for all upstreams that ask for it; from when they are there, not from their first request on. */
export class HealthControl {
  private readonly options: HealthControlOptions
  private readonly gate = new ProbeGate(MAX_PROBES)
  private readonly resolver = new Resolver()
  private readonly upstreams = new Map<string, UpstreamHealth>()
  /** Where upstreams are written, by the resource in which they are. */
  private readonly byOwner = new Map<string, readonly string[]>()
  /** What service discovery found, by the key of the service. */
  private discovered: ReadonlyMap<string, readonly DiscoveredNode[]> = new Map()

  constructor(options: HealthControlOptions) {
    this.options = options
  }

  /** Memory to start workers with. */
  boards(): ReadonlyMap<string, HealthBoardData> {
    return new Map([...this.upstreams].map(([place, health]) => [place, health.data]))
  }

  /** Everything that is in force, at the start. */
  load(discovered: ReadonlyMap<string, readonly DiscoveredNode[]> = this.discovered): void {
    this.discovered = discovered
    for (const owner of allUpstreamPlaces(this.options.resources())) this.setOwner(owner)
  }

  /** A change that is in force now. */
  apply(operations: readonly Operation[]): void {
    for (const { kind, id, value } of operations) {
      if (kind === 'ssls') this.certificateChanged(id)
      else this.setOwner({ owner: `${kind}/${id}`, places: upstreamPlaces(kind, id, value) })
    }
  }

  /** Service discovery found other nodes. */
  setDiscovered(key: string, nodes: readonly DiscoveredNode[] | undefined): void {
    const next = new Map(this.discovered)
    if (nodes === undefined) next.delete(key)
    else next.set(key, nodes)
    this.discovered = next
    for (const [place, health] of this.upstreams) {
      const { discovery } = health.upstream
      if (discovery !== undefined && serviceKey(discovery) === key) this.update(place, health, health.upstream)
    }
  }

  receive(report: HealthReport): void {
    this.upstreams.get(report.place)?.receive(report)
  }

  reports(): HealthReportOf[] {
    return [...this.upstreams].map(([place, health]) => reportOf(place, health))
  }

  report(place: string): HealthReportOf | undefined {
    const health = this.upstreams.get(place)
    return health === undefined ? undefined : reportOf(place, health)
  }

  /** For the process that takes over. */
  keep(): KeptHealth {
    const kept: Record<string, Readonly<Record<string, KeptNode>>> = {}
    for (const [place, health] of this.upstreams) {
      const nodes = health.keep()
      if (Object.keys(nodes).length > 0) kept[place] = nodes
    }
    return kept
  }

  /** What the process before this one knew. */
  inherit(kept: KeptHealth): void {
    for (const [place, nodes] of Object.entries(kept)) {
      const health = this.upstreams.get(place)
      if (health === undefined) continue
      health.inherit(nodes)
      this.options.send({ type: 'health-changed', place })
    }
  }

  /** The next process checks from now on. */
  stop(): void {
    for (const health of this.upstreams.values()) health.stop()
    this.upstreams.clear()
  }

  private setOwner({ owner, places }: UpstreamOwner): void {
    for (const place of this.byOwner.get(owner) ?? []) if (!places.has(place)) this.set(place, undefined)
    for (const [place, upstream] of places) this.set(place, upstream)
    if (places.size === 0) this.byOwner.delete(owner)
    else this.byOwner.set(owner, [...places.keys()])
  }

  private set(place: string, written: EmbeddedUpstream | undefined): void {
    const upstream = written === undefined ? undefined : normaliseUpstream(written)
    const known = this.upstreams.get(place)
    if (upstream !== undefined && upstream.function === undefined && watchesNodes(upstream)) {
      this.update(place, known ?? this.add(place, upstream), upstream)
    } else if (known !== undefined) {
      known.stop()
      this.upstreams.delete(place)
      this.options.send({ type: 'health-board', place, board: undefined })
    }
  }

  private add(place: string, upstream: NormalUpstream): UpstreamHealth {
    const { metrics, logger, send, random } = this.options
    const health = new UpstreamHealth(upstream, {
      place,
      metrics: new HealthMetrics(metrics, place),
      logger,
      gate: this.gate,
      resolver: this.resolver,
      onChange: () => send({ type: 'health-changed', place }),
      ...(random === undefined ? {} : { random }),
    })
    this.upstreams.set(place, health)
    return health
  }

  private update(place: string, health: UpstreamHealth, upstream: NormalUpstream): void {
    health.set(this.withCertificate(this.withNodes(upstream)))
    this.options.send({ type: 'health-board', place, board: health.data })
  }

  private withNodes(upstream: NormalUpstream): NormalUpstream {
    const { discovery, scheme } = upstream
    if (discovery === undefined) return upstream
    return { ...upstream, nodes: nodesWithPorts(this.discovered.get(serviceKey(discovery)) ?? [], scheme) }
  }

  private withCertificate(upstream: NormalUpstream): NormalUpstream {
    const { client_cert_id: id } = upstream.tls
    const ssl = id === undefined ? undefined : this.options.resources().ssls.get(id)
    if (ssl?.type !== 'client') return upstream
    return { ...upstream, tls: { ...upstream.tls, client_cert: pemText(ssl.cert), client_key: pemText(ssl.key) } }
  }

  private certificateChanged(id: string): void {
    for (const [place, health] of this.upstreams)
      if (health.upstream.tls.client_cert_id === id) this.update(place, health, health.upstream)
  }
}

const reportOf = (place: string, health: UpstreamHealth): HealthReportOf => ({
  place,
  upstream: health.upstream,
  nodes: health.report(),
})
