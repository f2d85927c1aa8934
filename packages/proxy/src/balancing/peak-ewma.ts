import type { Backend } from './backend.ts'
import { InFlight } from './in-flight.ts'
import type { BalancerOptions, Selector, SelectorFactory } from './selector.ts'
import { WeightedDraw } from './weighted-draw.ts'

/** Time after which an old latency has lost all but 1/e of its say. Finagle's value. */
const DECAY_MS = 10_000

/** A failure counts as an answer that took this long: a node that refuses at once must not look like the fastest. */
const FAILED_LATENCY_MS = DECAY_MS

/** Added to each latency, so that what is in flight counts where nothing is known. */
const FLOOR_MS = 1

interface Cost {
  latencyMs: number
  /** When `latencyMs` was worked out. */
  at: number
  measured: boolean
}

interface Costs {
  readonly byBackend: WeakMap<Backend, Cost>
  readonly inFlight: InFlight
  readonly now: () => number
}

/**
 * Draws two nodes by weight and takes the one with the lower cost: latency, times requests in flight and one more. The latency is the peak:
 * a slower answer is believed at once, a faster one only bit by bit, so that a node that begins to be slow loses its share within
 * one answer (Finagle's `Balancers.p2cPeakEwma`). What is in flight counts over all workers, latencies each worker measures.
 * Needs `started` and `finished`.
 */
export function peakEwma(options: BalancerOptions = {}): SelectorFactory {
  const now = options.now ?? (() => performance.now())
  const costs: Costs = { byBackend: new WeakMap(), inFlight: new InFlight(options.counts), now }
  return (backends) => new PeakEwmaSelector(backends, costs, options.random ?? Math.random)
}

class PeakEwmaSelector implements Selector {
  readonly #nodes: WeightedDraw
  readonly #costs: Costs

  constructor(backends: readonly Backend[], costs: Costs, random: () => number) {
    this.#nodes = new WeightedDraw(backends, random)
    this.#costs = costs
    meetNewcomers(backends, costs)
  }

  select(_key: string, tried: readonly Backend[]): Backend | undefined {
    const first = this.#nodes.draw(tried)
    if (first === undefined) return undefined
    const second = this.#nodes.draw(tried, first)
    if (second === undefined) return first
    const now = this.#costs.now()
    return this.#costOf(second, now) < this.#costOf(first, now) ? second : first
  }

  started(backend: Backend): void {
    this.#costs.inFlight.started(backend)
  }

  finished(backend: Backend, latencyMs: number): void {
    const { byBackend, inFlight } = this.#costs
    inFlight.finished(backend)
    const cost = byBackend.get(backend)
    if (cost === undefined) return
    const now = this.#costs.now()
    const sample = latencyMs < 0 ? FAILED_LATENCY_MS : latencyMs
    const kept = cost.measured ? Math.exp((cost.at - now) / DECAY_MS) : 0
    cost.latencyMs = cost.measured && sample > cost.latencyMs ? sample : cost.latencyMs * kept + sample * (1 - kept)
    cost.at = now
    cost.measured = true
  }

  #costOf(backend: Backend, now: number): number {
    const { byBackend, inFlight } = this.#costs
    const cost = byBackend.get(backend)
    return cost === undefined ? 0 : (faded(cost, now) + FLOOR_MS) * (inFlight.of(backend).value + 1)
  }
}

/** A node that gets no requests looks faster with time, so that it is tried again. */
const faded = (cost: Cost, now: number): number => cost.latencyMs * Math.exp((cost.at - now) / DECAY_MS)

/** Newcomers count as average until they have answered: counted as fast, they would be flooded at once. */
function meetNewcomers(backends: readonly Backend[], { byBackend, inFlight, now }: Costs): void {
  const at = now()
  const known = backends.flatMap((backend) => byBackend.get(backend) ?? []).filter(({ measured }) => measured)
  const latencyMs = known.reduce((sum, cost) => sum + faded(cost, at), 0) / Math.max(1, known.length)
  for (const backend of backends) {
    inFlight.of(backend)
    if (!byBackend.has(backend)) byBackend.set(backend, { latencyMs, at, measured: false })
  }
}
