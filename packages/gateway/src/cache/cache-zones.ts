import { DiskStore, HttpCache, MemoryStore, PurgeTable, type CacheResult, type CacheStore } from '@sekisho/proxy'
import type { CacheZoneSettings } from '../config/settings/proxy-cache.ts'
import { METRICS, type Counter, type WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginLogger } from '../plugins/context.ts'
import { zoneBuffer, zoneBuffers } from './zone-buffers.ts'

export { zoneBuffers } from './zone-buffers.ts'

/** Zones with the names of others, in a little memory of their own: for who only wants to know what would happen. */
export function offlineZones({
  zones,
  metrics,
  logger,
}: Pick<CacheZonesOptions, 'zones' | 'metrics' | 'logger'>): CacheZones {
  const small = zones.map((zone) => ({ ...zone, memoryBytes: 65_536, disk: undefined, strategy: strategyOf(zone) }))
  return new CacheZones({
    zones: small,
    buffers: zoneBuffers(small, 1),
    workerIndex: 0,
    metrics,
    logger,
    offline: true,
  })
}

const strategyOf = (zone: CacheZoneSettings): 'memory' | 'disk' => (zone.disk === undefined ? 'memory' : 'disk')

export interface CacheZonesOptions {
  readonly zones: readonly (CacheZoneSettings & { readonly strategy?: 'memory' | 'disk' })[]
  readonly buffers: Readonly<Record<string, SharedArrayBuffer>>
  readonly workerIndex: number
  readonly metrics: WorkerMetrics
  readonly logger: PluginLogger
  readonly offline?: true
}

/** A zone as plugins use it. */
export interface CacheZone {
  readonly name: string
  readonly strategy: 'memory' | 'disk'
  readonly cache: HttpCache
}

const USAGE_MS = 1_000
/** Of what is on disk, or in shared memory, each worker keeps so much ready. */
const LOCAL_BYTES = 16_777_216

/** The cache zones of one worker, opened when a plugin first names one. */
export class CacheZones {
  private readonly options: CacheZonesOptions
  private readonly opened = new Map<string, CacheZone>()
  private readonly stores: CacheStore[] = []
  private readonly timers: NodeJS.Timeout[] = []

  constructor(options: CacheZonesOptions) {
    this.options = options
  }

  /** undefined: no zone has this name. */
  zone(name: string): CacheZone | undefined {
    const known = this.opened.get(name)
    if (known !== undefined) return known
    const settings = this.options.zones.find((one) => one.name === name)
    if (settings === undefined) return undefined
    const zone = this.open(settings)
    this.opened.set(name, zone)
    return zone
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer)
    for (const store of this.stores) await store.close?.()
  }

  private open(settings: CacheZonesOptions['zones'][number]): CacheZone {
    const { name, disk, memoryBytes, strategy = strategyOf(settings) } = settings
    const { buffers, workerIndex, metrics, logger } = this.options
    const purges = new PurgeTable(buffers[zoneBuffer(name, 'purges')])
    const index = buffers[zoneBuffer(name, 'index')]
    const failures = metrics.counter(METRICS.cacheFailures, { zone: name })
    const failed = (err: unknown): void => {
      failures.add(1)
      logger.warn({ err, zone: name }, `the cache zone ${name} had a failure; requests go on without it`)
    }
    const store =
      disk === undefined
        ? new MemoryStore(
            { index, blocks: buffers[zoneBuffer(name, 'blocks')], pins: buffers[zoneBuffer(name, 'pins')] },
            workerIndex,
          )
        : new DiskStore({ buffer: index, folder: disk.path, purges, onProblem: failed })
    this.stores.push(store)
    const results = new Map<CacheResult, Counter>()
    const stored = metrics.counter(METRICS.cacheStored, { zone: name })
    const collapsed = metrics.counter(METRICS.cacheCollapsed, { zone: name })
    const purged = metrics.counter(METRICS.cachePurges, { zone: name })
    const cache = new HttpCache({
      store,
      purges,
      localBytes: disk === undefined ? Math.min(LOCAL_BYTES, memoryBytes / 4) : memoryBytes,
      events: {
        result: (result) => {
          let counter = results.get(result)
          if (counter === undefined) {
            counter = metrics.counter(METRICS.cacheRequests, { zone: name, result })
            results.set(result, counter)
          }
          counter.add(1)
        },
        stored: (bytes) => stored.add(bytes),
        collapsed: () => collapsed.add(1),
        purged: () => purged.add(1),
        failed,
      },
      ...(store instanceof DiskStore ? { keepPurge: (cell, number) => store.keepPurge(cell, number) } : {}),
    })
    if (this.options.offline !== true) this.watchUsage(name, store)
    return { name, strategy, cache }
  }

  private watchUsage(zone: string, store: CacheStore): void {
    const gauges = (['entries', 'bytes', 'evictions'] as const).map(
      (kind) => [kind, this.options.metrics.gauge(METRICS.cacheUsage, { zone, kind })] as const,
    )
    const timer = setInterval(() => {
      const { usage } = store
      for (const [kind, gauge] of gauges) gauge.set(usage[kind])
    }, USAGE_MS)
    timer.unref()
    this.timers.push(timer)
  }
}
