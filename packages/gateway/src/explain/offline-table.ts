import { CONTROL_INDEX, SharedTable } from '@sekisho/proxy'
import { ConsumerStore } from '../consumers/consumer-store.ts'
import { GatewayTable } from '../gateway/gateway-table.ts'
import { engineEndpoint } from '../functions/engine-endpoint.ts'
import { Slab, WorkerMetrics } from '../observability/metrics/index.ts'
import { Mounts } from '../plan/mounts.ts'
import type { PluginLogger } from '../plugins/context.ts'
import { offlineZones } from '../cache/cache-zones.ts'
import { snapshotOperations } from '../store/snapshot-operations.ts'
import type { ReadConfiguration } from './read-configuration.ts'

/** Enough for one request's keys; a worker has a thousand times as many. */
const SLOTS = 1_024

const SILENT: PluginLogger = { error: () => undefined, warn: () => undefined, info: () => undefined }

/** What a worker holds of a configuration, with counters and metrics that nobody reads. */
export interface OfflineTable {
  readonly table: GatewayTable
  readonly consumers: ConsumerStore
  readonly metrics: WorkerMetrics
}

export function offlineTable({ config, plugins }: ReadConfiguration): OfflineTable {
  const consumers = new ConsumerStore()
  const metrics = new WorkerMetrics(Slab.createBuffer(), () => undefined)
  const engine = engineEndpoint(config.settings)
  const services = {
    engine,
    counters: new SharedTable(SharedTable.createBuffer({ cells: 3, slots: SLOTS }), CONTROL_INDEX),
    inFlight: new SharedTable(SharedTable.createBuffer({ cells: 1, slots: SLOTS }), CONTROL_INDEX),
    workerIndex: 0,
    metrics,
    renderMetrics: () => Promise.resolve(''),
    caches: offlineZones({ zones: config.settings.proxy_cache.zones, metrics, logger: SILENT }),
  }
  const table = new GatewayTable({
    consumers,
    workerIndex: 0,
    logger: SILENT,
    metrics,
    engine,
    upstreamDefaults: config.settings.upstream_defaults,
    mounts: (owner) =>
      new Mounts({
        plugins,
        consumers,
        services,
        upstreams: owner.upstreams,
        allowed: config.settings.plugins,
        logger: SILENT,
        metadata: (plugin) => owner.metadataOf(plugin),
        proto: (id) => owner.protoOf(id),
      }),
  })
  table.apply(snapshotOperations(config.resources))
  return { table, consumers, metrics }
}
