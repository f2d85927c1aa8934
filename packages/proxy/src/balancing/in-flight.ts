import type { Backend } from './backend.ts'
import { LOCAL_COUNTS } from './counts.ts'
import type { BalancingCounts, InFlightCount } from './counts.ts'

/** The requests in flight on the nodes of one balancer. It outlives the selectors that read it. */
export class InFlight {
  readonly #byBackend = new WeakMap<Backend, InFlightCount>()
  readonly #counts: BalancingCounts

  constructor(counts: BalancingCounts = LOCAL_COUNTS) {
    this.#counts = counts
  }

  of(backend: Backend): InFlightCount {
    let count = this.#byBackend.get(backend)
    if (count === undefined) this.#byBackend.set(backend, (count = this.#counts.inFlight(backend.address)))
    return count
  }

  started(backend: Backend): void {
    this.#byBackend.get(backend)?.started()
  }

  finished(backend: Backend): void {
    this.#byBackend.get(backend)?.finished()
  }
}
