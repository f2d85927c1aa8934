import type { Backend } from './backend.ts'
import type { BalancerOptions, Selector, SelectorFactory } from './selector.ts'
import { WeightedDraw } from './weighted-draw.ts'

/** Time after which an old latency has lost all but 1/e of its say. APISIX's and ingress-nginx's value. */
const DECAY_MS = 10_000

/**
 * A failure counts as an answer that took this long. Were it not counted, or counted as fast as a refused connection
 * is, the node that fails at once would look the best. One failure among 1,000 requests a second costs 1 ms.
 */
const FAILED_LATENCY_MS = DECAY_MS

/** Added to each latency, so that requests in flight count on a node that was not measured yet, or long ago. */
const FLOOR_MS = 1

/** What is known of a node, by this worker. */
interface Latency {
  /** Moving average as of `at`. */
  averageMs: number
  /** When `averageMs` was worked out, on the options' clock. */
  at: number
  /** False until the first answer; `averageMs` is a guess before. */
  measured: boolean
  active: number
}

interface Latencies {
  readonly byBackend: WeakMap<Backend, Latency>
  readonly now: () => number
}

/**
 * Draws two nodes by weight and takes the one with the lower score: the moving average of its latency, times its
 * requests in flight and one more. Of two equal ones the first drawn is taken, so that equally fast nodes share by
 * weight. Two draws instead of the best of all: workers, who do not know of each other, would otherwise all run to the
 * same node at once. Needs `started` and `finished`.
 */
export function ewma(options: BalancerOptions = {}): SelectorFactory {
  const latencies: Latencies = { byBackend: new WeakMap(), now: options.now ?? (() => performance.now()) }
  return (backends) => new EwmaSelector(backends, latencies, options.random ?? Math.random)
}

class EwmaSelector implements Selector {
  readonly #nodes: WeightedDraw
  readonly #latencies: Latencies

  constructor(backends: readonly Backend[], latencies: Latencies, random: () => number) {
    this.#nodes = new WeightedDraw(backends, random)
    this.#latencies = latencies
    meetNewcomers(backends, latencies)
  }

  select(_key: string, tried: readonly Backend[]): Backend | undefined {
    const first = this.#nodes.draw(tried)
    if (first === undefined) return undefined
    const second = this.#nodes.draw(tried, first)
    if (second === undefined) return first
    const now = this.#latencies.now()
    return this.#score(second, now) < this.#score(first, now) ? second : first
  }

  started(backend: Backend): void {
    const latency = this.#latencies.byBackend.get(backend)
    if (latency !== undefined) latency.active++
  }

  finished(backend: Backend, latencyMs: number): void {
    const latency = this.#latencies.byBackend.get(backend)
    if (latency === undefined) return
    if (latency.active > 0) latency.active--
    const now = this.#latencies.now()
    const sample = latencyMs < 0 ? FAILED_LATENCY_MS : latencyMs
    const kept = latency.measured ? Math.exp((latency.at - now) / DECAY_MS) : 0
    latency.averageMs = latency.averageMs * kept + sample * (1 - kept)
    latency.at = now
    latency.measured = true
  }

  #score(backend: Backend, now: number): number {
    const latency = this.#latencies.byBackend.get(backend)
    return latency === undefined ? 0 : (decayed(latency, now) + FLOOR_MS) * (latency.active + 1)
  }
}

/** The average fades while a node gets no requests, so that a slow one is tried again after a while. */
function decayed(latency: Latency, now: number): number {
  return latency.averageMs * Math.exp((latency.at - now) / DECAY_MS)
}

/** Newcomers count as average until they have answered: counted as fast, they would be flooded at once. */
function meetNewcomers(backends: readonly Backend[], { byBackend, now }: Latencies): void {
  const at = now()
  const known = backends.flatMap((backend) => byBackend.get(backend) ?? []).filter((latency) => latency.measured)
  const averageMs = known.reduce((sum, latency) => sum + decayed(latency, at), 0) / Math.max(1, known.length)
  for (const backend of backends) {
    if (!byBackend.has(backend)) byBackend.set(backend, { averageMs, at, measured: false, active: 0 })
  }
}
