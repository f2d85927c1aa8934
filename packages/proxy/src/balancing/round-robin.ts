import type { Backend } from './backend.ts'
import type { Rotation } from './counts.ts'
import { signatureOf } from './priority-layers.ts'
import { isAvailable, startingOffset } from './selector.ts'
import type { BalancerOptions, Selector, SelectorFactory } from './selector.ts'

/**
 * Longest sequence that is written out, in picks. 1024 references are 8 KiB, and cover percentages (their sum is 100)
 * as well as any usual weights. Weights with a longer period, such as 1000:999, cost O(nodes) per pick instead.
 */
const MAX_PERIOD = 1024

/**
 * Smooth weighted round robin, the sequence of nginx: weights 5, 1, 1 give a a b a c a a. Over each period every node
 * is picked exactly by its weight, and never more often in a row than it must.
 *
 * Equal weights are the special case whose period is the list itself, so that one rotating index serves both.
 *
 * With `counts`, all workers walk through one sequence together, so that their picks taken together are as exact. Only weights with a period
 * above 1024 are exact for each worker alone: together they are off by at most one pick a worker.
 */
export function roundRobin(options: BalancerOptions = {}): SelectorFactory {
  // One further for each selector made: frequent updates would otherwise favour the node at the start.
  let offset = startingOffset(options)
  return (backends) => {
    const weights = backends.map((backend) => backend.weight)
    const divisor = weights.reduce(greatestCommonDivisor)
    const period = weights.reduce((sum, weight) => sum + weight, 0) / divisor
    const sequence = period === backends.length ? backends : undefined
    if (sequence === undefined && period > MAX_PERIOD) return new SmoothSelector(backends, offset++)
    const order = sequence ?? smoothSequence(weights, period).map((index) => backends[index])
    const rotation = order.length === 1 ? undefined : options.counts?.rotation(signatureOf(backends))
    return rotation === undefined ? new SequenceSelector(order, offset++) : new SharedSelector(order, rotation)
  }
}

/** One period of smooth weighted round robin, as indexes into the weights. `period` is their sum over their gcd. */
export function smoothSequence(weights: readonly number[], period: number): number[] {
  const current = weights.map(() => 0)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return Array.from({ length: period }, () => {
    let best = 0
    for (let index = 0; index < weights.length; index++) {
      current[index] += weights[index]
      if (current[index] > current[best]) best = index
    }
    current[best] -= total
    return best
  })
}

/**
 * Walks round a sequence worked out beforehand. Entries of nodes that are down are passed over and used up, which
 * leaves the others' shares among themselves exact.
 */
class SequenceSelector implements Selector {
  readonly #sequence: readonly Backend[]
  #next: number

  constructor(sequence: readonly Backend[], offset: number) {
    this.#sequence = sequence
    this.#next = offset % sequence.length
  }

  select(_key: string, tried: readonly Backend[]): Backend | undefined {
    const sequence = this.#sequence
    for (let left = sequence.length; left > 0; left--) {
      const backend = sequence[this.#next]
      this.#next = this.#next + 1 === sequence.length ? 0 : this.#next + 1
      if (isAvailable(backend, tried)) return backend
    }
    return undefined
  }
}

/** The same, where all workers go on from where any of them was. */
class SharedSelector implements Selector {
  readonly #sequence: readonly Backend[]
  readonly #rotation: Rotation

  constructor(sequence: readonly Backend[], rotation: Rotation) {
    this.#sequence = sequence
    this.#rotation = rotation
  }

  select(_key: string, tried: readonly Backend[]): Backend | undefined {
    const sequence = this.#sequence
    const first = this.#rotation.next() % sequence.length
    if (isAvailable(sequence[first], tried)) return sequence[first]
    for (let left = sequence.length; left > 0; left--) {
      const backend = sequence[this.#rotation.next() % sequence.length]
      if (isAvailable(backend, tried)) return backend
    }
    // Others may have taken the entries in between.
    return sequence.find((backend) => isAvailable(backend, tried))
  }
}

/** The current-weight algorithm itself, for weights whose period is too long to write out. */
class SmoothSelector implements Selector {
  readonly #backends: readonly Backend[]
  readonly #current: Float64Array

  constructor(backends: readonly Backend[], offset: number) {
    this.#backends = backends
    this.#current = new Float64Array(backends.length)
    for (let steps = offset % MAX_PERIOD; steps > 0; steps--) this.select('', [])
  }

  select(_key: string, tried: readonly Backend[]): Backend | undefined {
    const backends = this.#backends
    const current = this.#current
    let best = -1
    let total = 0
    for (let index = 0; index < backends.length; index++) {
      const backend = backends[index]
      if (!isAvailable(backend, tried)) continue
      total += backend.weight
      current[index] += backend.weight
      if (best === -1 || current[index] > current[best]) best = index
    }
    if (best === -1) return undefined
    current[best] -= total
    return backends[best]
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
