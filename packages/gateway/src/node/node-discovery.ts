import type { DiscoverySettings } from '../config/settings/discovery.ts'
import type { Discovery } from '../discovery/discovery.ts'
import type { DiscoveredNode } from '../discovery/settle-nodes.ts'
import { WantedServices } from '../discovery/wanted-services.ts'
import type { WorkerMetrics } from '../observability/metrics/index.ts'
import type { PluginLogger } from '../plugins/context.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import type { Operation } from '../store/store.ts'

export interface NodeDiscoveryOptions {
  readonly settings: DiscoverySettings
  readonly resources: ResourceSet
  readonly metrics: WorkerMetrics
  readonly logger: PluginLogger
  /** The nodes of a service are others now; undefined: nobody asks for it any more. */
  readonly onNodes: (key: string, nodes: readonly DiscoveredNode[] | undefined) => void
}

/** How long a start waits for registries that have not answered, of services that the disk does not know either. */
const FIRST_ANSWERS_MS = 3_000

/** The service discovery of a node: made when the first upstream asks for a service. */
export class NodeDiscovery {
  private readonly options: NodeDiscoveryOptions
  private readonly wanted: WantedServices
  private readonly found = new Map<string, readonly DiscoveredNode[]>()
  private discovery: Discovery | undefined
  private starting: Promise<void> | undefined
  private draining = false

  constructor(options: NodeDiscoveryOptions) {
    this.options = options
    this.wanted = new WantedServices(options.resources)
  }

  /** Resolves when all services are known, or some of them are not to be had in time. */
  async start(): Promise<void> {
    if (this.wanted.services.size > 0) await (this.starting ??= this.open())
  }

  /** The configuration changed. */
  apply(operations: readonly Operation[]): void {
    if (!this.wanted.apply(operations)) return
    if (this.discovery !== undefined) this.discovery.update(this.wanted.services)
    else
      this.start().catch((err: unknown) => this.options.logger.error({ err }, 'service discovery could not be started'))
  }

  /** The nodes of all services that have an answer, by key: the map itself, which is always as of now. */
  get nodes(): ReadonlyMap<string, readonly DiscoveredNode[]> {
    return this.found
  }

  /** What is known of the services of a type, for people. */
  dump(type: string): ReturnType<Discovery['dump']> {
    return this.discovery?.dump(type) ?? { services: {}, states: {} }
  }

  async drain(): Promise<void> {
    this.draining = true
    await this.discovery?.drain()
  }

  async close(): Promise<void> {
    await this.discovery?.close()
  }

  private async open(): Promise<void> {
    const { settings, metrics, logger, onNodes } = this.options
    const [{ Discovery: Class }, { LastGoodNodes }, { openSource }] = await Promise.all([
      import('../discovery/discovery.ts'),
      import('../discovery/last-good-nodes.ts'),
      import('../discovery/open-source.ts'),
    ])
    const { lastGood: file } = settings
    const lastGood = new LastGoodNodes(file, (err) =>
      logger.error(
        { err },
        `the nodes found last, in ${file}, cannot be read or written: a start without the registry would have none`,
      ),
    )
    this.discovery = new Class({
      source: (type) => openSource(type, settings),
      emptyAfterMs: settings.emptyAfterMs,
      lastGood,
      metrics,
      logger,
      onNodes: (key, nodes) => {
        if (nodes === undefined) this.found.delete(key)
        else this.found.set(key, nodes)
        onNodes(key, nodes)
      },
    })
    if (this.draining) await this.discovery.drain()
    await this.discovery.start(this.wanted.services, FIRST_ANSWERS_MS)
    // What was asked for while the disk was read.
    this.discovery.update(this.wanted.services)
  }
}
