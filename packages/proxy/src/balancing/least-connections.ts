import type { Backend } from './backend.ts'
import type { InFlightCount } from './counts.ts'
import { InFlight } from './in-flight.ts'
import { isAvailable, startingOffset } from './selector.ts'
import type { BalancerOptions, Selector, SelectorFactory } from './selector.ts'

/**
 * The node with the smallest (active + 1) / weight; ties go round. The request about to start is counted in, or an idle
 * node of weight 1 would equal an idle node of weight 10. Needs `started` and `finished`, and counts over
 * all workers where the options have `counts`.
 */
export function leastConnections(options: BalancerOptions = {}): SelectorFactory {
  const inFlight = new InFlight(options.counts)
  let offset = startingOffset(options)
  return (backends) => new LeastConnectionsSelector(backends, inFlight, offset++)
}

class LeastConnectionsSelector implements Selector {
  readonly ramps = true
  readonly #backends: readonly Backend[]
  readonly #inFlight: InFlight
  /** The counts in the order of the nodes: the scan needs no look-up. */
  readonly #inOrder: readonly InFlightCount[]
  #start: number

  constructor(backends: readonly Backend[], inFlight: InFlight, offset: number) {
    this.#backends = backends
    this.#inFlight = inFlight
    this.#start = offset % backends.length
    this.#inOrder = backends.map((backend) => inFlight.of(backend))
  }

  // A scan: for up to some tens of nodes it beats a heap, which must be mended at each start and end of a request.
  select(_key: string, tried: readonly Backend[]): Backend | undefined {
    const backends = this.#backends
    const counts = this.#inOrder
    const count = backends.length
    let best: Backend | undefined
    let bestCost = 0
    let bestWeight = 0
    let index = this.#start
    for (let left = count; left > 0; left--) {
      const backend = backends[index]
      const cost = counts[index].value + 1
      index = index + 1 === count ? 0 : index + 1
      if (!isAvailable(backend, tried)) continue
      const weight = backend.slowStart === undefined ? backend.weight : backend.weight * backend.slowStart.share
      // cost / weight < bestCost / bestWeight, without dividing.
      if (best !== undefined && cost * bestWeight >= bestCost * weight) continue
      best = backend
      bestCost = cost
      bestWeight = weight
      // The next scan begins behind the node picked now: among equals the first seen wins, and each gets its turn.
      this.#start = index
    }
    return best
  }

  started(backend: Backend): void {
    this.#inFlight.started(backend)
  }

  finished(backend: Backend): void {
    this.#inFlight.finished(backend)
  }
}
