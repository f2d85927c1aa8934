import { HttpProxy, type HttpProxyOptions, StreamProxy, type SharedCounts, type SharedTable } from '@sekisho/proxy'
import { CidrSet } from '../addresses/index.ts'
import { CacheZones, zoneBuffers } from '../cache/cache-zones.ts'
import type { NodeSettings } from '../config/settings/node-settings.ts'
import { ConsumerStore } from '../consumers/consumer-store.ts'
import { compileFormat, LogWriter } from '../observability/access-log/index.ts'
import { engineEndpoint } from '../functions/engine-endpoint.ts'
import { closeIdleConnections } from '../side-calls/index.ts'
import { METRICS, type WorkerMetrics } from '../observability/metrics/index.ts'
import type { HealthMessage } from '../health/health-messages.ts'
import type { WorkerHealth } from '../health/worker-health.ts'
import { Mounts } from '../plan/mounts.ts'
import { LoadControl } from '../overload/load-control.ts'
import type { PluginLogger } from '../plugins/context.ts'
import { flushLogs, reopenPluginLogs } from '../plugins/logging/open-logs.ts'
import type { PluginRegistry } from '../plugins/plugin-registry.ts'
import type { RequestContext } from '../request-context.ts'
import type { Operation } from '../store/store.ts'
import { GatewayStreams } from '../stream/gateway-streams.ts'
import type { StreamContext } from '../stream/stream-context.ts'
import { AcmeChallenges } from '../tls/acme/challenges.ts'
import { GatewayPhases } from './gateway-phases.ts'
import { GatewayTable } from './gateway-table.ts'
import { proxyOptions } from './proxy-options.ts'
import { UpstreamStatus } from './upstream-status.ts'
import { WorkerGauges } from './worker-gauges.ts'

export interface GatewayWorkerOptions {
  readonly settings: NodeSettings
  readonly workerIndex: number
  readonly plugins: PluginRegistry
  readonly counters: SharedTable
  readonly inFlight: SharedTable
  /** Memory of the cache zones, by name; left out: this worker has its own. */
  readonly caches?: Readonly<Record<string, SharedArrayBuffer>>
  readonly metrics: WorkerMetrics
  /** The text of all metrics of the node; left out: nothing here knows it. */
  readonly renderMetrics?: (() => Promise<string>) | undefined
  /** What the workers count together to balance; left out: this one counts for itself. */
  readonly balancing?: SharedCounts | undefined
  /** What is known of upstream nodes; left out: they are taken as healthy. */
  readonly health?: WorkerHealth | undefined
  readonly logger: PluginLogger
  /** Options of the proxy that settings do not say: what tests bring. */
  readonly proxy?: Partial<HttpProxyOptions>
}

/** The data plane of one thread: the proxy with the gateway's phases, and the table that they read. */
export class GatewayWorker {
  readonly proxy: HttpProxy<RequestContext>
  /** Sessions below HTTP. */
  readonly streams: StreamProxy<StreamContext>
  readonly table: GatewayTable
  readonly challenges = new AcmeChallenges()
  private readonly options: GatewayWorkerOptions
  private readonly accessLog: LogWriter | undefined
  private readonly gauges: WorkerGauges
  private readonly load: LoadControl | undefined
  private readonly caches: CacheZones
  /** Changes wait for the plugin modules that they need, and for each other. */
  private queue: Promise<void> | undefined

  constructor(options: GatewayWorkerOptions) {
    const { settings, workerIndex, plugins, counters, inFlight, metrics, logger } = options
    this.options = options
    const consumers = new ConsumerStore()
    const engine = engineEndpoint(settings)
    const caches = new CacheZones({
      zones: settings.proxy_cache.zones,
      buffers: options.caches ?? zoneBuffers(settings.proxy_cache.zones, 1),
      workerIndex,
      metrics,
      logger,
    })
    this.caches = caches
    const { renderMetrics = () => Promise.reject(new Error('there are no metrics of the node here')) } = options
    const services = { counters, inFlight, workerIndex, metrics, renderMetrics, engine, caches }
    this.table = new GatewayTable({
      consumers,
      workerIndex,
      counts: options.balancing,
      zone: settings.zone,
      logger,
      engine,
      health: options.health,
      upstreamDefaults: settings.upstream_defaults,
      metrics,
      mounts: (table) =>
        new Mounts({
          plugins,
          consumers,
          services,
          upstreams: table.upstreams,
          allowed: settings.plugins,
          logger,
          metadata: (plugin) => table.metadataOf(plugin),
          proto: (id) => table.protoOf(id),
        }),
    })
    const requests = metrics.counter(METRICS.httpRequests, {})
    const { access_log: log, trusted_addresses: trusted, server_header: serverHeader } = settings
    this.accessLog = log === undefined ? undefined : new LogWriter({ path: log.path })
    const writer = this.accessLog
    const format = log === undefined ? undefined : compileFormat(log.format)
    const status = new UpstreamStatus(metrics)
    this.load = LoadControl.of(settings.overload, metrics, logger)
    const phases = new GatewayPhases({
      load: this.load,
      table: this.table,
      challenges: this.challenges,
      trusted: trusted.length === 0 ? undefined : new CidrSet(trusted),
      serverHeader,
      status,
      onLogged: (session) => {
        requests.add(1)
        if (writer !== undefined && format !== undefined) writer.write(format(session.ctx))
      },
    })
    this.proxy = new HttpProxy(phases, { ...proxyOptions(settings, metrics, logger), ...options.proxy })
    this.streams = new StreamProxy(
      new GatewayStreams({ table: this.table.streams, ssls: this.table.ssls, status, metrics, logger }),
      {
        logger,
        maxConnections: settings.limits.max_connections,
        maxUdpSessions: settings.limits.max_udp_sessions,
        resolver: this.proxy.runtime.resolver,
        deadlines: this.proxy.runtime.deadlines,
      },
    )
    this.gauges = new WorkerGauges(this.proxy, metrics, writer)
  }

  /** Patches a change in. Resolves when it is in force: at once unless a plugin's module has to be loaded first. */
  apply(operations: readonly Operation[]): Promise<void> {
    const loading = this.options.plugins.loadFor(operations)
    if (loading === undefined && this.queue === undefined) {
      this.table.apply(operations)
      return Promise.resolve()
    }
    const before = this.queue
    const done = (async () => {
      await before
      await loading
      this.table.apply(operations)
    })()
    this.queue = done
    void done
      .finally(() => {
        if (this.queue === done) this.queue = undefined
      })
      .catch(() => undefined)
    return done
  }

  /** What is known of nodes changed. */
  receiveHealth(message: HealthMessage): void {
    const { upstreams } = this.table
    if (message.type === 'health-changed') upstreams.healthChanged(message.place)
    else {
      this.options.health?.set(message.place, message.board)
      upstreams.healthBoardChanged(message.place)
    }
  }

  reopenLogs(): void {
    this.accessLog?.reopen()
    reopenPluginLogs()
  }

  async stop(): Promise<void> {
    this.gauges.stop()
    this.load?.stop()
    await Promise.all([this.caches.close(), flushLogs()])
    closeIdleConnections()
    await this.accessLog?.close()
  }
}
