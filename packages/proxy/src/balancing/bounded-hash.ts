import type { Backend } from './backend.ts'
import { HashRing } from './hash-ring.ts'
import { InFlight } from './in-flight.ts'
import { roundRobin } from './round-robin.ts'
import { isAvailable } from './selector.ts'
import type { BalancerOptions, Selector, SelectorFactory } from './selector.ts'

/**
 * Consistent hash with bounded loads (Mirrokni, Thorup, Zadimoghaddam, https://arxiv.org/abs/1608.01350): a key goes to its node while
 * that has room, else to the next one on the ring. Room is `percent` of the average in flight, by weight, over all workers: a key that
 * everybody asks for spreads over as many nodes as it needs. Needs `started` and `finished`.
 *
 * @param percent above 100; HAProxy's `hash-balance-factor`, Envoy's `hash_balance_factor`
 */
export function boundedHash(percent: number, options: BalancerOptions = {}): SelectorFactory {
  if (!(percent > 100)) throw new RangeError(`the balance factor is ${percent}, but must be above 100`)
  const keyless = roundRobin(options)
  const inFlight = new InFlight(options.counts)
  return (backends) => new BoundedHashSelector(backends, keyless(backends), inFlight, percent / 100)
}

class BoundedHashSelector implements Selector {
  readonly ramps = true
  readonly #backends: readonly Backend[]
  readonly #ring: HashRing
  readonly #keyless: Selector
  readonly #inFlight: InFlight
  readonly #factor: number

  constructor(backends: readonly Backend[], keyless: Selector, inFlight: InFlight, factor: number) {
    this.#backends = backends
    this.#ring = new HashRing(backends)
    this.#keyless = keyless
    this.#inFlight = inFlight
    this.#factor = factor
    for (const backend of backends) inFlight.of(backend)
  }

  select(key: string, tried: readonly Backend[]): Backend | undefined {
    if (key === '') return this.#keyless.select(key, tried)
    let weights = 0
    let requests = 1
    for (const backend of this.#backends) {
      if (!isAvailable(backend, tried)) continue
      weights += backend.weight
      requests += this.#inFlight.of(backend).value
    }
    if (weights === 0) return undefined
    // Rounded up, the rooms are together more than there is in flight: one of the nodes has some.
    const perWeight = (this.#factor * requests) / weights
    const ring = this.#ring
    const position = ring.find(key)
    for (let step = 0; step < ring.size; step++) {
      const backend = this.#backends[ring.owner((position + step) % ring.size)]
      if (isAvailable(backend, tried) && this.#inFlight.of(backend).value < Math.ceil(perWeight * backend.weight))
        return backend
    }
    return this.#keyless.select('', tried)
  }

  started(backend: Backend): void {
    this.#inFlight.started(backend)
  }

  finished(backend: Backend): void {
    this.#inFlight.finished(backend)
  }
}
