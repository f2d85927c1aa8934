import type { WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginLogger } from '../plugins/context.ts'
import { DiscoveryMetrics } from './discovery-metrics.ts'
import type { LastGoodNodes } from './last-good-nodes.ts'
import { labelOf, type WantedService } from './service-key.ts'
import type { DiscoveredNode } from './settle-nodes.ts'
import type { DiscoverySource } from './source.ts'
import { WatchedService } from './watched-service.ts'

export interface DiscoveryOptions {
  /** Makes the source of a type; undefined: the settings have none. Asked once for each type. */
  readonly source: (type: string) => Promise<DiscoverySource | undefined>
  readonly emptyAfterMs: number
  readonly lastGood: LastGoodNodes | undefined
  readonly metrics: WorkerMetrics
  readonly logger: PluginLogger
  /** The nodes of a service are others now; undefined: nobody asks for it any more. */
  readonly onNodes: (key: string, nodes: readonly DiscoveredNode[] | undefined) => void
}

/** Services followed at a time: each may be a connection to its registry. */
export const MAX_SERVICES = 10_000

interface Watch {
  readonly service: WatchedService
  readonly wanted: WantedService
  readonly label: string
  end: () => void
}

/**
 * Service discovery of a process: follows the services that upstreams ask for, in the control thread, and says what changes. Knows no
 * registry: see `DiscoverySource`.
 */
export class Discovery {
  private readonly options: DiscoveryOptions
  private readonly sources = new Map<string, Promise<DiscoverySource | undefined>>()
  private readonly watches = new Map<string, Watch>()
  /** Of the disk. Each is used once: a service that is asked for again much later is looked up anew. */
  private known = new Map<string, readonly DiscoveredNode[]>()
  private writes = true
  private closed = false
  private toldTooMany = false

  constructor(options: DiscoveryOptions) {
    this.options = options
  }

  /** Begins with what the disk knows. Resolves when each service has answered or failed once, or the time is over. */
  async start(wanted: ReadonlyMap<string, WantedService>, limitMs: number): Promise<void> {
    this.known = new Map(await this.options.lastGood?.read())
    this.update(wanted)
    const waiting = [...this.watches.values()].filter(({ service }) => service.nodes === undefined)
    if (waiting.length === 0) return
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)))
    await Promise.race([Promise.all(waiting.map(({ service }) => service.first)), limit])
    clearTimeout(timer)
  }

  /** Follows these services, and no others. */
  update(wanted: ReadonlyMap<string, WantedService>): void {
    if (this.closed) return
    for (const [key, watch] of this.watches) {
      if (wanted.has(key)) continue
      this.watches.delete(key)
      watch.end()
      this.options.onNodes(key, undefined)
    }
    for (const [key, service] of wanted) {
      if (this.watches.has(key)) continue
      if (this.watches.size >= MAX_SERVICES) {
        if (!this.toldTooMany)
          this.options.logger.error({}, `more than ${MAX_SERVICES} services are asked for: the others have no nodes`)
        this.toldTooMany = true
        return
      }
      this.watch(key, service)
    }
  }

  /** The nodes of all services that have an answer, by key. */
  nodes(): ReadonlyMap<string, readonly DiscoveredNode[]> {
    const nodes = new Map<string, readonly DiscoveredNode[]>()
    for (const [key, { service }] of this.watches) if (service.nodes !== undefined) nodes.set(key, service.nodes)
    return nodes
  }

  /** What is known of the services of one type, for people. */
  dump(type: string): { services: Record<string, readonly DiscoveredNode[]>; states: Record<string, object> } {
    const found = [...this.watches.values()].filter(({ wanted }) => wanted.type === type)
    const state = ({ answeredAt, lastError }: WatchedService): object => ({
      last_answer: answeredAt === undefined ? null : new Date(answeredAt).toISOString(),
      age_seconds: answeredAt === undefined ? null : Math.round((Date.now() - answeredAt) / 1_000),
      ...(lastError === undefined ? {} : { error: lastError }),
    })
    return {
      services: Object.fromEntries(found.map(({ label, service }) => [label, service.nodes ?? []])),
      states: Object.fromEntries(found.map(({ label, service }) => [label, state(service)])),
    }
  }

  /** Another process has taken over and writes to the disk now; this one goes on for the connections that it has left. */
  async drain(): Promise<void> {
    this.writes = false
    await this.options.lastGood?.close()
  }

  async close(): Promise<void> {
    this.closed = true
    // What waits to be written is asked for while it is known.
    await this.options.lastGood?.close()
    for (const { end } of this.watches.values()) end()
    this.watches.clear()
    for (const opening of this.sources.values()) await (await opening.catch(() => undefined))?.close()
  }

  private watch(key: string, wanted: WantedService): void {
    const { metrics, logger, emptyAfterMs, onNodes, lastGood } = this.options
    const label = labelOf(wanted)
    const own = new DiscoveryMetrics(metrics, wanted.type, label)
    const service = new WatchedService({
      type: wanted.type,
      label,
      known: this.known.get(key),
      emptyAfterMs,
      metrics: own,
      logger,
      changed: (nodes) => {
        own.changed()
        onNodes(key, nodes)
        if (this.writes) lastGood?.changed(() => this.nodes())
      },
    })
    this.known.delete(key)
    let ended = false
    const watch: Watch = {
      service,
      wanted,
      label,
      end: () => {
        ended = true
        service.close()
        own.close()
      },
    }
    this.watches.set(key, watch)
    if (service.nodes !== undefined) onNodes(key, service.nodes)
    void this.sourceOf(wanted.type).then(
      (source) => {
        if (ended) return
        if (source === undefined)
          return service.failed(new Error(`the settings of this node have no "discovery: { ${wanted.type}: … }"`))
        try {
          const endWatch = source.watch(wanted.name, wanted.args, service)
          const { end } = watch
          watch.end = () => {
            end()
            endWatch()
          }
        } catch (error) {
          service.failed(error as Error)
        }
      },
      (error: Error) => service.failed(error),
    )
  }

  private sourceOf(type: string): Promise<DiscoverySource | undefined> {
    const known = this.sources.get(type)
    if (known !== undefined) return known
    const opening = this.options.source(type).then(async (source) => {
      await source?.open()
      return source
    })
    this.sources.set(type, opening)
    return opening
  }
}
