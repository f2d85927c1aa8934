import { BackendNode, settleUsable } from './backend.ts'
import type { Backend } from './backend.ts'
import { boundedHash } from './bounded-hash.ts'
import { consistentHash } from './consistent-hash.ts'
import { ewma } from './ewma.ts'
import { leastConnections } from './least-connections.ts'
import { NodeSet } from './node-set.ts'
import { parseNodes } from './parse-nodes.ts'
import type { Nodes, ParsedNode } from './parse-nodes.ts'
import { peakEwma } from './peak-ewma.ts'
import { random } from './random.ts'
import { roundRobin } from './round-robin.ts'
import type { BalancerOptions, SelectorFactory } from './selector.ts'
import { Ramp } from './slow-start.ts'
import { Subsets } from './subsets.ts'

const NONE_TRIED: readonly Backend[] = []

/**
 * A set of upstream nodes, and the algorithm that picks one for each request.
 *
 * ```ts
 * const upstreams = LoadBalancer.roundRobin(['10.0.0.1:80', { address: '10.0.0.2:80', weight: 2 }])
 * const node = upstreams.select()
 * ```
 *
 * - Nodes of weight 0 are never picked.
 * - Unhealthy nodes are not picked while any other is healthy; when none is, all are.
 * - A lower priority is used when each node of the higher ones is unhealthy or was tried in this request, or for a part of the
 *   requests as soon as many of them are unhealthy (`overprovisioningFactor`).
 *
 * Each worker thread has a balancer of its own. What is in flight and how far rotation has come they share by `BalancerOptions.counts`.
 * All that make one and `update` throw InvalidNodeError when a node cannot be understood.
 */
export class LoadBalancer {
  readonly #factory: SelectorFactory
  readonly #options: BalancerOptions
  #byAddress: ReadonlyMap<string, BackendNode> = new Map()
  #backends: readonly BackendNode[] = []
  readonly #all: NodeSet
  #subsets: Subsets | undefined

  private constructor(nodes: Nodes, factory: SelectorFactory, options: BalancerOptions = {}) {
    this.#factory = factory
    this.#options = options
    this.#all = new NodeSet([], factory, options)
    this.update(nodes)
  }

  /** Smooth weighted round robin, in nginx's sequence. Takes `offset`. */
  static roundRobin(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, roundRobin(options), options)
  }

  /** Weighted random. Takes `random`. */
  static random(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, random(options), options)
  }

  /** The fewest requests in flight for its weight. Takes `offset`; needs `started` and `finished`. */
  static leastConnections(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, leastConnections(options), options)
  }

  /** The faster of two nodes drawn at random. Takes `random` and `now`; needs `started` and `finished`. */
  static ewma(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, ewma(options), options)
  }

  /**
   * The same, where a slower answer is believed at once and a faster one bit by bit (peak EWMA). Takes `random`, `now` and `counts`; needs
   * `started` and `finished`.
   */
  static peakEwma(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, peakEwma(options), options)
  }

  /** By the key, on nginx's hash ring. Takes `offset`, for requests without a key. */
  static consistentHash(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, consistentHash(options), options)
  }

  /**
   * The same, but no node gets more than `percent` (above 100) of the average in flight for its weight: what is more goes to the next node
   * of the ring. Takes `counts`; needs `started` and `finished`. Throws RangeError.
   */
  static boundedHash(nodes: Nodes, percent: number, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, boundedHash(percent, options), options)
  }

  /** An algorithm of your own: see Selector. */
  static custom(nodes: Nodes, factory: SelectorFactory, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, factory, options)
  }

  /** All nodes in the order written, also those that are not picked. */
  get backends(): readonly Backend[] {
    return this.#backends
  }

  /**
   * Picks a node for a request, or for the next attempt of one.
   *
   * @param key What consistent hash goes by.
   * @param tried Nodes that failed in this request already. None of them is picked again.
   * @returns undefined when no node is left.
   */
  select(key = '', tried: readonly Backend[] = NONE_TRIED): Backend | undefined {
    return this.#all.select(key, tried)
  }

  /**
   * Picks among the nodes with these labels, or where `subset.fallback` of the options says.
   *
   * @param values of `subset.labels`, in their order; '' = not asked for
   */
  selectFrom(values: readonly string[], key = '', tried: readonly Backend[] = NONE_TRIED): Backend | undefined {
    return this.#subsets === undefined
      ? this.#all.select(key, tried)
      : this.#subsets.select(values, key, tried, this.#all)
  }

  /** A request starts on the node. Each start is followed by one `finished`. */
  started(backend: Backend): void {
    this.#all.selectorOf(backend)?.started?.(backend)
  }

  /** The request on the node ended. `latencyMs` until the response's head, or -1 when it failed. */
  finished(backend: Backend, latencyMs: number): void {
    this.#all.selectorOf(backend)?.finished?.(backend, latencyMs)
  }

  /**
   * Takes over a new set. Nodes whose address stays keep their object, health and counters; rotation starts anew where
   * addresses or weights changed. When a node is wrong, it throws and the set of before stays.
   */
  update(nodes: Nodes): void {
    const before = this.#byAddress
    const byAddress = new Map<string, BackendNode>()
    for (const parsed of parseNodes(nodes)) {
      const known = before.get(parsed.address)
      known?.adopt(parsed)
      byAddress.set(parsed.address, known ?? this.#newNode(parsed))
    }
    this.#byAddress = byAddress
    // Those of the first set begin together.
    if (before.size > 0) for (const node of byAddress.values()) if (!before.has(node.address)) this.startSlowly(node)
    this.#backends = [...byAddress.values()]
    settleUsable(this.#backends, this.#options.panicThreshold)
    this.#all.update(this.#backends)
    const { subset } = this.#options
    if (subset !== undefined) this.#subsets = new Subsets(this.#backends, this.#factory, this.#options, subset)
  }

  /** The same as `backend.healthy = …`. An unknown address is ignored: the report may have crossed an update. */
  setHealthy(address: string, healthy: boolean): void {
    const node = this.#byAddress.get(address)
    if (node !== undefined) node.healthy = healthy
  }

  /**
   * The node gets its share slowly from now on, or from `elapsedMs` ago. Nodes that join and that are healthy again do so by themselves; this is
   * for what another thread or process knew. Nothing happens without `slowStart` in the options.
   */
  startSlowly(backend: Backend, elapsedMs = 0): void {
    const node = this.#byAddress.get(backend.address)
    const { slowStart, now = () => performance.now() } = this.#options
    if (node === undefined || slowStart === undefined) return
    const ramp = new Ramp(slowStart, now() - elapsedMs, now, () => {
      if (node.slowStart === ramp) node.slowStart = undefined
    })
    node.slowStart = elapsedMs < slowStart.windowMs ? ramp : undefined
  }

  #newNode(parsed: ParsedNode): BackendNode {
    const node = new BackendNode(parsed, () => {
      settleUsable(this.#backends, this.#options.panicThreshold)
      this.#all.settle()
      this.#subsets?.settle()
      if (node.healthy) this.startSlowly(node)
    })
    return node
  }
}
