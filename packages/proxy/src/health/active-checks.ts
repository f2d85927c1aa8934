import type { Probe, ProbeAddress, ProbeResult } from './probe.ts'
import { ProbeGate } from './probe-gate.ts'

export interface ActiveCheckOptions {
  readonly probe: Probe
  readonly timeoutMs: number
  /** Between the beginnings of two probes of a node that is healthy. */
  readonly healthyIntervalMs: number
  /** The same for one that is not. */
  readonly unhealthyIntervalMs: number
  /** Probes of this upstream at a time. */
  readonly concurrency: number
  /** Of all upstreams together; default: no further limit. */
  readonly gate?: ProbeGate | undefined
  /** Whether checks keep the node out now: which of the intervals counts. */
  readonly isDown: (address: string) => boolean
  readonly onResult: (address: string, result: ProbeResult) => void
  /** Numbers from 0 up to but without 1, default `Math.random`. */
  readonly random?: () => number
  /** Milliseconds of a clock that never goes back, default `performance.now`. */
  readonly now?: () => number
}

interface CheckedNode {
  readonly key: string
  readonly address: ProbeAddress
  timer: NodeJS.Timeout | undefined
  probing: boolean
}

/**
 * Probes the nodes of one upstream for as long as they are in it. They start spread over their interval: a thousand nodes that are checked
 * each second are one probe a millisecond, and not a thousand at once.
 */
export class ActiveChecks {
  private readonly options: ActiveCheckOptions
  private readonly own: ProbeGate
  private readonly nodes = new Map<string, CheckedNode>()
  private readonly random: () => number
  private readonly now: () => number

  constructor(options: ActiveCheckOptions) {
    this.options = options
    this.own = new ProbeGate(options.concurrency)
    this.random = options.random ?? Math.random
    this.now = options.now ?? (() => performance.now())
  }

  /** @param nodes where each is probed, by the name that results are told with */
  setNodes(nodes: ReadonlyMap<string, ProbeAddress>): void {
    for (const [key, node] of this.nodes) {
      const wanted = nodes.get(key)
      if (wanted?.host === node.address.host && wanted.port === node.address.port) continue
      clearTimeout(node.timer)
      this.nodes.delete(key)
    }
    for (const [key, address] of nodes) {
      if (this.nodes.has(key)) continue
      const node: CheckedNode = { key, address, timer: undefined, probing: false }
      this.nodes.set(key, node)
      this.schedule(node, this.random() * this.intervalOf(key))
    }
  }

  /** Something else than a probe changed the state of a node: the other interval counts, from now on. */
  stateChanged(key: string): void {
    const node = this.nodes.get(key)
    if (node === undefined || node.probing) return
    clearTimeout(node.timer)
    this.schedule(node, this.intervalOf(key))
  }

  stop(): void {
    this.setNodes(new Map())
  }

  private schedule(node: CheckedNode, delayMs: number): void {
    node.timer = setTimeout(() => {
      this.check(node).catch(() => undefined)
    }, delayMs)
    node.timer.unref()
  }

  private async check(node: CheckedNode): Promise<void> {
    const { gate, probe, timeoutMs, onResult } = this.options
    node.probing = true
    const startedAt = this.now()
    const task = async (): Promise<ProbeResult | undefined> =>
      this.holds(node) ? await probe(node.address, timeoutMs) : undefined
    const result = await this.own.run(gate === undefined ? task : () => gate.run(task))
    node.probing = false
    // It may have left the upstream while it was asked.
    if (result === undefined || !this.holds(node)) return
    try {
      onResult(node.key, result)
    } finally {
      if (this.holds(node)) this.schedule(node, Math.max(0, this.intervalOf(node.key) - (this.now() - startedAt)))
    }
  }

  private holds(node: CheckedNode): boolean {
    return this.nodes.get(node.key) === node
  }

  private intervalOf(key: string): number {
    const { healthyIntervalMs, unhealthyIntervalMs, isDown } = this.options
    return isDown(key) ? unhealthyIntervalMs : healthyIntervalMs
  }
}
