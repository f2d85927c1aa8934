import { BackendNode, settleUsable } from './backend.ts'
import type { Backend } from './backend.ts'
import { consistentHash } from './consistent-hash.ts'
import { ewma } from './ewma.ts'
import { leastConnections } from './least-connections.ts'
import { parseNodes } from './parse-nodes.ts'
import type { Nodes } from './parse-nodes.ts'
import { layersOf } from './priority-layers.ts'
import type { Layer } from './priority-layers.ts'
import { random } from './random.ts'
import { roundRobin } from './round-robin.ts'
import type { BalancerOptions, Selector, SelectorFactory } from './selector.ts'

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
 * - A lower priority is used when each node of the higher ones is unhealthy or was tried in this request.
 *
 * Each worker thread has a balancer of its own, with its own rotation and counters (see `BalancerOptions.offset`).
 * All that make one and `update` throw InvalidNodeError when a node cannot be understood.
 */
export class LoadBalancer {
  readonly #factory: SelectorFactory
  #byAddress: ReadonlyMap<string, BackendNode> = new Map()
  #backends: readonly BackendNode[] = []
  #layers: readonly Layer[] = []

  private constructor(nodes: Nodes, factory: SelectorFactory) {
    this.#factory = factory
    this.update(nodes)
  }

  /** Smooth weighted round robin, in nginx's sequence. Takes `offset`. */
  static roundRobin(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, roundRobin(options))
  }

  /** Weighted random. Takes `random`. */
  static random(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, random(options))
  }

  /** The fewest requests in flight for its weight. Takes `offset`; needs `started` and `finished`. */
  static leastConnections(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, leastConnections(options))
  }

  /** The faster of two nodes drawn at random. Takes `random` and `now`; needs `started` and `finished`. */
  static ewma(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, ewma(options))
  }

  /** By the key, on nginx's hash ring. Takes `offset`, for requests without a key. */
  static consistentHash(nodes: Nodes, options?: BalancerOptions): LoadBalancer {
    return new LoadBalancer(nodes, consistentHash(options))
  }

  /** An algorithm of your own: see Selector. */
  static custom(nodes: Nodes, factory: SelectorFactory): LoadBalancer {
    return new LoadBalancer(nodes, factory)
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
    const layers = this.#layers
    for (let index = 0; index < layers.length; index++) {
      const backend = layers[index].selector.select(key, tried)
      if (backend !== undefined) return backend
    }
    return undefined
  }

  /** A request starts on the node. Each start is followed by one `finished`. */
  started(backend: Backend): void {
    this.#selectorOf(backend)?.started?.(backend)
  }

  /** The request on the node ended. `latencyMs` until the response's head, or -1 when it failed. */
  finished(backend: Backend, latencyMs: number): void {
    this.#selectorOf(backend)?.finished?.(backend, latencyMs)
  }

  /**
   * Takes over a new set. Nodes whose address stays keep their object, health and counters; rotation starts anew where
   * addresses or weights changed. When a node is wrong, it throws and the set of before stays.
   */
  update(nodes: Nodes): void {
    const byAddress = new Map<string, BackendNode>()
    for (const parsed of parseNodes(nodes)) {
      const known = this.#byAddress.get(parsed.address)
      known?.adopt(parsed)
      byAddress.set(parsed.address, known ?? new BackendNode(parsed, () => settleUsable(this.#backends)))
    }
    this.#byAddress = byAddress
    this.#backends = [...byAddress.values()]
    settleUsable(this.#backends)
    this.#layers = layersOf(this.#backends, this.#layers, this.#factory)
  }

  /** The same as `backend.healthy = …`. An unknown address is ignored: the report may have crossed an update. */
  setHealthy(address: string, healthy: boolean): void {
    const node = this.#byAddress.get(address)
    if (node !== undefined) node.healthy = healthy
  }

  /** The selector of the node's priority. None when an update took the last node of that priority away. */
  #selectorOf(backend: Backend): Selector | undefined {
    const layers = this.#layers
    for (let index = 0; index < layers.length; index++) {
      if (layers[index].priority === backend.priority) return layers[index].selector
    }
    return undefined
  }
}
