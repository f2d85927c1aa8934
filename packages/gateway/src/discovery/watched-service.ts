import type { PluginLogger } from '../plugins/context.ts'
import type { DiscoveryMetrics } from './discovery-metrics.ts'
import { type DiscoveredNode, nodeText, sameNodes, settleNodes } from './settle-nodes.ts'
import type { FoundNode, ServiceListener } from './source.ts'

export interface WatchedServiceOptions {
  /** The type of the registry, and the service in it: for logs. */
  readonly type: string
  readonly label: string
  /** From before the start, by the disk. */
  readonly known: readonly DiscoveredNode[] | undefined
  /** How long a registry must go on saying that there are no nodes before that is believed. */
  readonly emptyAfterMs: number
  readonly metrics: DiscoveryMetrics
  readonly logger: PluginLogger
  /** The nodes are others now. */
  readonly changed: (nodes: readonly DiscoveredNode[]) => void
}

/** Changes that come faster go to the workers together. A rolling update of 1,000 pods is 10 patches a second. */
export const MIN_BETWEEN_CHANGES_MS = 100
/** A registry that is away says so this often. */
const FAILURE_LOG_MS = 60_000
/** Addresses in one line of the log. */
const MAX_NAMED = 10

/**
 * What is known of one service. The last good answer stays whatever happens; that there are no nodes is believed at once where none were
 * known, else when the registry has said so for `emptyAfterMs` without failing meanwhile: a registry that lost its data answers the same.
 */
export class WatchedService implements ServiceListener {
  /** What is in force; undefined: no answer yet, ever. */
  nodes: readonly DiscoveredNode[] | undefined
  /** Of the last failure, until the next answer. */
  lastError: string | undefined
  /** Unix time in milliseconds; undefined: no answer since the start. */
  answeredAt: number | undefined
  /** Resolves with the first answer or failure. */
  readonly first: Promise<void>
  private readonly options: WatchedServiceOptions
  private firstDone: () => void = () => undefined
  private emptyTimer: NodeJS.Timeout | undefined
  private changeTimer: NodeJS.Timeout | undefined
  private next: readonly DiscoveredNode[] | undefined
  private failingSince = 0
  private failureLoggedAt = 0
  private problems = ''
  private closed = false

  constructor(options: WatchedServiceOptions) {
    this.options = options
    this.nodes = options.known
    this.first = new Promise((resolve) => (this.firstDone = resolve))
    options.metrics.setNodes(options.known?.length ?? 0)
  }

  found(found: readonly FoundNode[]): void {
    if (this.closed) return
    const { nodes, problems } = settleNodes(found)
    this.tellProblems(problems)
    this.recovered()
    this.answeredAt = Date.now()
    this.options.metrics.answered(this.answeredAt)
    if (nodes.length > 0 || (this.nodes ?? []).length === 0) {
      clearTimeout(this.emptyTimer)
      this.emptyTimer = undefined
      this.take(nodes)
    } else if (this.options.emptyAfterMs === 0) this.take(nodes)
    else this.doubtEmpty()
    this.firstDone()
  }

  failed(error: Error): void {
    if (this.closed) return
    // Who cannot be asked does not go on saying that there are none.
    clearTimeout(this.emptyTimer)
    this.emptyTimer = undefined
    this.lastError = error.message
    this.options.metrics.failed()
    const now = Date.now()
    if (this.failingSince === 0) this.failingSince = now
    if (now - this.failureLoggedAt >= FAILURE_LOG_MS) {
      this.failureLoggedAt = now
      const kept = this.nodes === undefined ? 'it has no nodes yet' : `its last ${count(this.nodes.length)} stay in use`
      this.tell(
        'warn',
        { failing_for_s: seconds(now - this.failingSince) },
        `cannot be looked up: ${error.message}; ${kept}`,
      )
    }
    this.firstDone()
  }

  close(): void {
    this.closed = true
    clearTimeout(this.emptyTimer)
    clearTimeout(this.changeTimer)
    this.firstDone()
  }

  private recovered(): void {
    if (this.failingSince === 0) return
    this.tell('info', { failed_for_s: seconds(Date.now() - this.failingSince) }, 'can be looked up again')
    this.failingSince = 0
    this.failureLoggedAt = 0
    this.lastError = undefined
  }

  private doubtEmpty(): void {
    if (this.emptyTimer !== undefined) return
    const { emptyAfterMs } = this.options
    const wait = `its last ${count(this.nodes?.length ?? 0)} stay in use unless that holds for ${emptyAfterMs / 1_000} s`
    this.tell('warn', {}, `has no nodes, says its registry; ${wait}`)
    this.emptyTimer = setTimeout(() => {
      this.emptyTimer = undefined
      this.take([])
    }, emptyAfterMs)
    this.emptyTimer.unref()
  }

  /** At once, or together with others when the last change was just now. */
  private take(nodes: readonly DiscoveredNode[]): void {
    this.next = nodes
    if (this.changeTimer !== undefined) return
    if (!this.settle()) return
    this.changeTimer = setTimeout(() => {
      this.changeTimer = undefined
      if (this.next !== undefined) this.take(this.next)
    }, MIN_BETWEEN_CHANGES_MS)
    this.changeTimer.unref()
  }

  private settle(): boolean {
    const { next = [], nodes: before } = this
    this.next = undefined
    if (before !== undefined && sameNodes(before, next)) return false
    this.nodes = next
    this.options.metrics.setNodes(next.length)
    this.tellChange(before ?? [], next)
    this.options.changed(next)
    return true
  }

  private tellChange(before: readonly DiscoveredNode[], next: readonly DiscoveredNode[]): void {
    const [old, now] = [new Map(before.map(named)), new Map(next.map(named))]
    const added = [...now.keys()].filter((address) => !old.has(address))
    const removed = [...old.keys()].filter((address) => !now.has(address))
    const differs = (address: string): boolean =>
      old.has(address) && JSON.stringify(old.get(address)) !== JSON.stringify(now.get(address))
    const changed = [...now.keys()].filter(differs)
    const fields = { added: cut(added), removed: cut(removed), changed: cut(changed), nodes: next.length }
    this.tell(
      'info',
      fields,
      `has ${count(next.length)}: ${added.length} came, ${removed.length} went, ${changed.length} changed`,
    )
  }

  private tellProblems(problems: readonly string[]): void {
    const text = problems.join('; ')
    if (text !== '' && text !== this.problems) this.tell('warn', {}, `has nodes that are left out: ${text}`)
    this.problems = text
  }

  private tell(level: 'warn' | 'info', fields: object, what: string): void {
    const { logger, type, label } = this.options
    logger[level]({ discovery: type, service: label, ...fields }, `the ${type} service "${label}" ${what}`)
  }
}

const named = (node: DiscoveredNode): [string, DiscoveredNode] => [nodeText(node), node]
const count = (nodes: number): string => (nodes === 1 ? '1 node' : `${nodes} nodes`)
const seconds = (ms: number): number => Math.round(ms / 1_000)
const cut = (list: string[]): string[] =>
  list.length <= MAX_NAMED ? list : [...list.slice(0, MAX_NAMED), `and ${list.length - MAX_NAMED} more`]
