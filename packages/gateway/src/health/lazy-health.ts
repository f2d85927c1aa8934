import type { HealthBoardData } from '@sekisho/proxy/health'
import type { DiscoveredNode } from '../discovery/settle-nodes.ts'
import type { Operation } from '../store/store.ts'
import { allUpstreamPlaces, type UpstreamOwner, upstreamPlaces } from '../upstreams/upstream-places.ts'
import type { HealthControl, HealthControlOptions, HealthReportOf, KeptHealth } from './health-control.ts'
import type { HealthMessage, HealthReport } from './health-messages.ts'

export interface LazyHealthOptions extends HealthControlOptions {
  /** Workers that start from now on need other memory. */
  readonly onBoards: () => void
  /** What the process before this one knew, as it told `onKeep`. */
  readonly inherited?: string | undefined
  /** What the next process should know. */
  readonly onKeep?: (text: string) => void
}

const NO_BOARDS: ReadonlyMap<string, HealthBoardData> = new Map()

/** Health of a process. The code for it is loaded when the first upstream asks for it: most of it is clients of protocols. */
export class LazyHealth {
  private readonly options: LazyHealthOptions
  private control: HealthControl | undefined
  private loading: Promise<void> | undefined
  private discovered = new Map<string, readonly DiscoveredNode[]>()
  private stopped = false
  private keeping: NodeJS.Immediate | undefined

  constructor(options: LazyHealthOptions) {
    this.options = options
  }

  /** Resolves when the boards that the first workers need are there. */
  async start(): Promise<void> {
    for (const { places } of allUpstreamPlaces(this.options.resources())) if (askForHealth(places)) return this.load()
  }

  /** A change that is in force now. Workers have been told of it. */
  apply(operations: readonly Operation[]): void {
    if (this.control !== undefined) {
      this.control.apply(operations)
      this.options.onBoards()
    } else if (
      this.loading === undefined &&
      operations.some(({ kind, id, value }) => askForHealth(upstreamPlaces(kind, id, value)))
    )
      this.loadLater()
  }

  setDiscovered(key: string, nodes: readonly DiscoveredNode[] | undefined): void {
    if (nodes === undefined) this.discovered.delete(key)
    else this.discovered.set(key, nodes)
    if (this.control === undefined) return
    this.control.setDiscovered(key, nodes)
    this.options.onBoards()
  }

  receive(report: HealthReport): void {
    this.control?.receive(report)
  }

  boards(): ReadonlyMap<string, HealthBoardData> {
    return this.control?.boards() ?? NO_BOARDS
  }

  reports(): readonly HealthReportOf[] {
    return this.control?.reports() ?? []
  }

  stop(): void {
    this.stopped = true
    clearImmediate(this.keeping)
    this.control?.stop()
  }

  private keepLater(): void {
    const { onKeep } = this.options
    if (onKeep === undefined) return
    // Changes that come together are kept together.
    this.keeping ??= setImmediate(() => {
      this.keeping = undefined
      if (this.control !== undefined) onKeep(JSON.stringify(this.control.keep()))
    })
  }

  private loadLater(): void {
    this.loading = this.load()
    this.loading.catch((err: unknown) => {
      this.loading = undefined
      this.options.logger.error({ err }, 'the health checks could not be loaded')
    })
  }

  private async load(): Promise<void> {
    const { HealthControl } = await import('./health-control.ts')
    if (this.stopped) return
    const send = (message: HealthMessage): void => {
      this.options.send(message)
      this.keepLater()
    }
    const control = new HealthControl({ ...this.options, send })
    control.load(this.discovered)
    this.control = control
    try {
      if (this.options.inherited !== undefined) control.inherit(JSON.parse(this.options.inherited) as KeptHealth)
    } catch (err) {
      // Of another version, perhaps: it is found out anew.
      this.options.logger.warn({ err }, 'what the process before knew of the health of nodes cannot be read')
    }
    this.options.onBoards()
  }
}

function askForHealth(places: UpstreamOwner['places']): boolean {
  for (const upstream of places.values())
    if (
      typeof upstream === 'object' &&
      ('checks' in upstream || 'outlier_detection' in upstream || 'slow_start' in upstream)
    )
      return true
  return false
}
