import type { Backend } from './backend.ts'
import type { BalancingCounts } from './counts.ts'
import type { SlowStartOptions } from './slow-start.ts'
import type { SubsetOptions } from './subsets.ts'

/**
 * The small interface a new algorithm implements. One selector serves the nodes of one priority; the balancer goes
 * down the priorities, leaves out nodes of weight 0, and makes a new selector when addresses or weights change.
 *
 * ```ts
 * // The first node that works, in the order written: a main server and its stand-ins.
 * const failover: SelectorFactory = (backends) => ({
 *   select: (key, tried) => backends.find((backend) => isAvailable(backend, tried)),
 * })
 * const upstreams = LoadBalancer.custom(['10.0.0.1:80', '10.0.0.2:80'], failover)
 * ```
 */
export interface Selector {
  /**
   * Picks a node. Runs for every request: it should neither allocate nor throw, and must pass over nodes that are
   * not `isAvailable`.
   *
   * @param key What a hash is taken of; '' when the caller has none. Its characters stand for bytes (latin1).
   * @param tried Nodes that failed already in this request; empty on the first try.
   * @returns undefined when nothing is left.
   */
  select(key: string, tried: readonly Backend[]): Backend | undefined
  /** Optional: a request starts on a node. */
  started?(backend: Backend): void
  /** Optional: it ended. `latencyMs` is -1 when it failed. */
  finished?(backend: Backend, latencyMs: number): void
  /** Optional: it weighs nodes that start slowly by itself. Without it, the balancer thins out what they are picked for. */
  readonly ramps?: boolean
}

/**
 * Makes the selector for the nodes of one priority: at least one, each of weight 1 or more. Called again for each
 * change of addresses or weights; state that must outlive one (counters of requests in flight) belongs in a WeakMap
 * beside the factory, since the Backend objects stay the same.
 */
export type SelectorFactory = (backends: readonly Backend[]) => Selector

/** Whether a selector may pick this node now: usable, and not tried in this request. */
export function isAvailable(backend: Backend, tried: readonly Backend[]): boolean {
  return backend.usable && (tried.length === 0 || !tried.includes(backend))
}

/** What the built-in algorithms take. Each uses the fields it needs. */
export interface BalancerOptions {
  /**
   * Where rotation starts, a whole number from 0, say the worker's index: workers rotate on their own, and would
   * otherwise all begin with the same node. For round robin, least connections (ties), and keyless consistent hash.
   */
  readonly offset?: number | undefined
  /** Numbers from 0 up to but without 1, for random, the EWMAs and spill-over. Default `Math.random`. */
  readonly random?: (() => number) | undefined
  /** A clock in milliseconds that never goes back, for the EWMAs and slow start. Default `performance.now`. */
  readonly now?: (() => number) | undefined
  /** Nodes that join a set, or are healthy again, get their share slowly. Default: at once. Not with consistent hash, where the key decides. */
  readonly slowStart?: SlowStartOptions | undefined
  /** Percent of healthy nodes, below which the others are used, too. Default 0: they are when none is healthy. */
  readonly panicThreshold?: number | undefined
  /**
   * Counts that worker threads share (`new SharedCounts(buffer, workerIndex).of(NAME)`): requests in flight, and how far round robin has come.
   * Default: each balancer counts by itself.
   */
  readonly counts?: BalancingCounts | undefined
  /** Our own zone: nodes with it as `metadata.zone` are preferred to the others of their priority. Spills over as `overprovisioningFactor` says. */
  readonly zone?: string | undefined
  /**
   * Percent: with 140 a priority (or zone) keeps all of its traffic while 100 / 1.4 = 72% of its nodes are healthy, and loses a part of it to the
   * next below. Default: it keeps it while any node is left; with a `zone` 140.
   */
  readonly overprovisioningFactor?: number | undefined
  /** Nodes by label, for `selectFrom`. */
  readonly subset?: SubsetOptions | undefined
}

/** The checked `offset` of the options. Throws RangeError unless it is a whole number from 0. */
export function startingOffset(options: BalancerOptions): number {
  const offset = options.offset ?? 0
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new RangeError(`offset is ${offset}, but must be a whole number from 0`)
  }
  return offset
}
