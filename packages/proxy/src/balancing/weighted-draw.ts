import type { Backend } from './backend.ts'
import { isAvailable } from './selector.ts'

/** Draws nodes at random, each as often as its weight says. */
export class WeightedDraw {
  readonly #backends: readonly Backend[]
  /** Running sums of the weights: node i owns the numbers from upTo[i - 1] up to but without upTo[i]. */
  readonly #upTo: Float64Array
  readonly #random: () => number

  constructor(backends: readonly Backend[], random: () => number) {
    this.#backends = backends
    this.#random = random
    this.#upTo = new Float64Array(backends.length)
    let sum = 0
    for (const [index, backend] of backends.entries()) this.#upTo[index] = sum += backend.weight
  }

  /** An available node that is not `except`, or undefined when there is none. */
  draw(tried: readonly Backend[], except?: Backend): Backend | undefined {
    const backend = this.#any()
    return backend !== except && isAvailable(backend, tried) ? backend : this.#among(tried, except)
  }

  /** Any node, available or not: O(log n), and right at once as long as nothing is down. */
  #any(): Backend {
    const upTo = this.#upTo
    const point = this.#random() * upTo[upTo.length - 1]
    let low = 0
    let high = upTo.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (point < upTo[middle]) high = middle
      else low = middle + 1
    }
    return this.#backends[low]
  }

  /**
   * Draws anew among those that are left, O(n). Taking the drawn node's neighbour instead would be cheaper, but
   * would give all of a dead node's share to that one.
   */
  #among(tried: readonly Backend[], except: Backend | undefined): Backend | undefined {
    let total = 0
    for (const backend of this.#backends) {
      if (backend !== except && isAvailable(backend, tried)) total += backend.weight
    }
    let point = this.#random() * total
    let last: Backend | undefined
    for (const backend of this.#backends) {
      if (backend === except || !isAvailable(backend, tried)) continue
      if (point < backend.weight) return backend
      point -= backend.weight
      last = backend
    }
    // Reached when rounding made `point` equal to the total, or when nothing is left (undefined then).
    return last
  }
}
