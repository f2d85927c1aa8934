import type { Backend } from './backend.ts'
import { isRemote, layersOf } from './priority-layers.ts'
import type { Layer } from './priority-layers.ts'
import type { BalancerOptions, Selector, SelectorFactory } from './selector.ts'
import { DEFAULT_OVERPROVISIONING, SpillOver } from './spill-over.ts'

/** Nodes one of which is picked: all of a balancer, or a subset. */
export class NodeSet {
  readonly #factory: SelectorFactory
  readonly #options: BalancerOptions
  #layers: readonly Layer[] = []
  /** Undefined: a layer is used only when nothing is left of those before. */
  #spill: SpillOver | undefined

  constructor(backends: readonly Backend[], factory: SelectorFactory, options: BalancerOptions) {
    this.#factory = factory
    this.#options = options
    this.update(backends)
  }

  update(backends: readonly Backend[]): void {
    const { zone, overprovisioningFactor: written, random = Math.random } = this.#options
    this.#layers = layersOf(backends, this.#layers, this.#factory, zone)
    const factor = written ?? (zone === undefined ? undefined : DEFAULT_OVERPROVISIONING)
    this.#spill =
      factor === undefined || this.#layers.length < 2 ? undefined : new SpillOver(this.#levels(), factor, random)
  }

  /** The health of a node changed. */
  settle(): void {
    this.#spill?.settle(this.#levels())
  }

  select(key: string, tried: readonly Backend[]): Backend | undefined {
    const layers = this.#layers
    const spill = this.#spill
    if (spill !== undefined) {
      const backend = picked(layers[spill.level(key)].selector, key, tried)
      if (backend !== undefined) return backend
    }
    for (let index = 0; index < layers.length; index++) {
      const backend = picked(layers[index].selector, key, tried)
      if (backend !== undefined) return backend
    }
    return undefined
  }

  /** The selector that has the node. None when an update took the last node of its layer away. */
  selectorOf(backend: Backend): Selector | undefined {
    const layers = this.#layers
    const remote = isRemote(backend, this.#options.zone)
    for (let index = 0; index < layers.length; index++) {
      if (layers[index].priority === backend.priority && layers[index].remote === remote) return layers[index].selector
    }
    return undefined
  }

  #levels(): readonly (readonly Backend[])[] {
    return this.#layers.map(({ nodes }) => nodes)
  }
}

function picked(selector: Selector, key: string, tried: readonly Backend[]): Backend | undefined {
  const backend = selector.select(key, tried)
  if (backend === undefined || backend.slowStart === undefined || selector.ramps === true) return backend
  return thinned(selector, backend, key, tried)
}

/** More picks than a node of the smallest share (1%) is passed over for in a row. */
const MAX_PICKS = 100

/**
 * A node that starts slowly was picked: it takes its share of these picks, the others are made again. So it gets what it would with so much
 * less weight, and when all nodes start slowly, it is as if none did.
 */
function thinned(selector: Selector, first: Backend, key: string, tried: readonly Backend[]): Backend {
  let backend = first
  for (let left = MAX_PICKS; left > 0 && backend.slowStart?.takes() === false; left--)
    backend = selector.select(key, tried) ?? first
  return backend
}
