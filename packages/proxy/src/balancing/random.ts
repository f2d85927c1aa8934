import type { SelectorFactory, BalancerOptions } from './selector.ts'
import { WeightedDraw } from './weighted-draw.ts'

/** Weighted random: no state, so that any number of workers and gateways need not agree on anything. */
export function random(options: BalancerOptions = {}): SelectorFactory {
  return (backends) => {
    const nodes = new WeightedDraw(backends, options.random ?? Math.random)
    return { select: (_key, tried) => nodes.draw(tried) }
  }
}
