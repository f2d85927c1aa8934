import type { Backend } from './backend.ts'
import { HashRing } from './hash-ring.ts'
import { roundRobin } from './round-robin.ts'
import { isAvailable } from './selector.ts'
import type { BalancerOptions, Selector, SelectorFactory } from './selector.ts'

/**
 * The same key goes to the same node; when a node goes, only its own keys move. Keys and nodes meet as in nginx's
 * `hash <key> consistent`. Requests without a key go round robin, as in nginx: hashed, they would all hit one node.
 */
export function consistentHash(options: BalancerOptions = {}): SelectorFactory {
  const keyless = roundRobin(options)
  return (backends) => new ConsistentHashSelector(backends, keyless(backends))
}

class ConsistentHashSelector implements Selector {
  /** The key decides, whatever the node. */
  readonly ramps = true
  readonly #backends: readonly Backend[]
  readonly #ring: HashRing
  readonly #keyless: Selector

  constructor(backends: readonly Backend[], keyless: Selector) {
    this.#backends = backends
    this.#ring = new HashRing(backends)
    this.#keyless = keyless
  }

  select(key: string, tried: readonly Backend[]): Backend | undefined {
    if (key === '') return this.#keyless.select(key, tried)
    const position = this.#ring.find(key)
    const backend = this.#backends[this.#ring.owner(position)]
    return isAvailable(backend, tried) ? backend : this.#walk(position, tried)
  }

  /**
   * Nodes that are down stay on the ring and are passed over, so that their keys spread over all the others and come
   * back afterwards. (nginx turns to round robin after 20 points; going on keeps a key on one node.)
   */
  #walk(position: number, tried: readonly Backend[]): Backend | undefined {
    // A look at the nodes first: a whole turn of the ring in vain can be MAX_POINTS steps.
    if (!this.#backends.some((backend) => isAvailable(backend, tried))) return undefined
    const size = this.#ring.size
    for (let step = 1; step < size; step++) {
      const backend = this.#backends[this.#ring.owner((position + step) % size)]
      if (isAvailable(backend, tried)) return backend
    }
    // A node whose every point fell on another's hash owns none: only then is the turn in vain.
    return this.#keyless.select('', tried)
  }
}
