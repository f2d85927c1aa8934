import type { TargetResult } from '../gateway/upstream-table.ts'
import type { WorkerMetrics } from '../observability/metrics/index.ts'
import type { Mounts } from '../plan/mounts.ts'
import type { NormalService } from '../resources/normalise-route.ts'
import { isStreamScheme, normaliseStreamRoute, type NormalStreamRoute } from '../resources/normalise-stream-route.ts'
import type { StreamRoute } from '../resources/stream-route.ts'
import { StreamMatcher, type StreamEndpoint } from './stream-matcher.ts'
import { streamRoutePlan, type StreamRoutePlan } from './stream-plan.ts'

export interface StreamTableOptions {
  readonly mounts: Mounts
  readonly metrics: WorkerMetrics
  readonly service: (id: string) => NormalService | undefined
  /** The `scheme` that is written on the route's upstream, wherever that stands. */
  readonly schemeOf: (route: NormalStreamRoute, service: NormalService | undefined) => string | undefined
  readonly targetOf: (route: NormalStreamRoute, service: NormalService | undefined) => TargetResult
}

interface StreamEntry {
  readonly route: NormalStreamRoute
  transport: 'tcp' | 'udp' | undefined
  plan: StreamRoutePlan | undefined
}

/** The stream routes of one worker. A change counts for the sessions that begin after it. */
export class StreamTable {
  private readonly options: StreamTableOptions
  private readonly routes = new Map<string, StreamEntry>()
  private readonly matcher = new StreamMatcher<StreamEntry>()

  constructor(options: StreamTableOptions) {
    this.options = options
  }

  set(id: string, written: StreamRoute | undefined): void {
    if (written === undefined) {
      this.routes.delete(id)
      this.matcher.remove(id)
      this.options.mounts.removePlace('stream_routes', id)
      return
    }
    const route = normaliseStreamRoute(id, written)
    const entry: StreamEntry = { route, transport: undefined, plan: undefined }
    this.routes.set(id, entry)
    this.enter(entry)
  }

  /** Something that plans are made of changed: upstreams, services, the code of plugins. */
  changed(): void {
    for (const entry of this.routes.values()) {
      entry.plan = undefined
      if (entry.transport !== this.transportOf(entry.route)) this.enter(entry)
    }
  }

  match(session: StreamEndpoint): StreamRoutePlan | undefined {
    const entry = this.matcher.match(session)
    return entry === undefined ? undefined : (entry.plan ??= this.planOf(entry.route))
  }

  private enter(entry: StreamEntry): void {
    const { route } = entry
    if (!route.enabled) {
      this.matcher.remove(route.id)
      return
    }
    entry.transport = this.transportOf(route)
    const pattern = {
      transport: entry.transport,
      serverPort: route.server_port,
      serverAddr: route.server_addr,
      remoteAddrs: route.remote_addrs,
      snis: route.snis,
    }
    this.matcher.set(route.id, pattern, entry)
  }

  /** An upstream that says what it speaks takes nothing else: one port may be open for TCP and for UDP. */
  private transportOf(route: NormalStreamRoute): 'tcp' | 'udp' | undefined {
    const scheme = this.options.schemeOf(route, this.serviceOf(route))
    if (!isStreamScheme(scheme)) return undefined
    return scheme === 'udp' ? 'udp' : 'tcp'
  }

  private planOf(route: NormalStreamRoute): StreamRoutePlan {
    const { mounts, metrics, targetOf } = this.options
    const service = this.serviceOf(route)
    const { upstream, missing } = targetOf(route, service)
    const inherited =
      service === undefined
        ? []
        : mounts
            .at({ kind: 'services', id: service.id }, service.plugins)
            .filter(({ name }) => route.plugins[name] === undefined)
    const own = mounts.at({ kind: 'stream_routes', id: route.id }, route.plugins)
    return streamRoutePlan(route, upstream, missing?.message, [...own, ...inherited], metrics)
  }

  private serviceOf(route: NormalStreamRoute): NormalService | undefined {
    return route.service_id === undefined ? undefined : this.options.service(route.service_id)
  }
}
