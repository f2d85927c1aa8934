import type { Backend } from './backend.ts'
import type { Selector, SelectorFactory } from './selector.ts'

/** The nodes of one priority, with the selector made for them. */
export interface Layer {
  readonly priority: number
  readonly selector: Selector
  /** Addresses and weights in order: what the selector was made from. */
  readonly signature: string
}

/**
 * Groups nodes by priority, the highest first, without those of weight 0. A layer whose addresses and weights are those
 * of before keeps its selector: service discovery often reports the same set again, and a hash ring is dear.
 */
export function layersOf(
  backends: readonly Backend[],
  before: readonly Layer[],
  factory: SelectorFactory,
): readonly Layer[] {
  const groups = new Map<number, Backend[]>()
  for (const backend of backends) {
    if (backend.weight === 0) continue
    const group = groups.get(backend.priority)
    if (group === undefined) groups.set(backend.priority, [backend])
    else group.push(backend)
  }
  return [...groups]
    .sort(([one], [other]) => other - one)
    .map(([priority, group]) => {
      const signature = group.map((backend) => `${backend.address} ${backend.weight}`).join('\n')
      const same = before.find((layer) => layer.priority === priority && layer.signature === signature)
      return same ?? { priority, signature, selector: factory(group) }
    })
}
