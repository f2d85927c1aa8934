import { LOCAL_COUNTS, type BalancingCounts, type InFlightCount } from '../balancing/counts.ts'

/** Counts of one thread that several of its parts share by name, as threads share those of `SharedCounts`. */
export class NamedCounts implements BalancingCounts {
  readonly #byName = new Map<string, InFlightCount>()

  inFlight(name: string): InFlightCount {
    let count = this.#byName.get(name)
    if (count === undefined) this.#byName.set(name, (count = LOCAL_COUNTS.inFlight(name)))
    return count
  }

  rotation(): undefined {
    return undefined
  }
}
