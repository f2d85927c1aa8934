import type { Backend } from './backend.ts'
import { NodeSet } from './node-set.ts'
import type { BalancerOptions, SelectorFactory } from './selector.ts'

/** Requests go to nodes with certain labels. */
export interface SubsetOptions {
  /** Names in the metadata of nodes. */
  readonly labels: readonly string[]
  /**
   * Where a request goes that asks for no label, or for labels that no available node has: nowhere, to any node, or to the subset
   * `default` (and nowhere when that has none, either).
   */
  readonly fallback: 'none' | 'any' | 'default'
  /** Values of the labels, in their order; '' = whatever it is. */
  readonly default?: readonly string[] | undefined
}

/**
 * The subsets of a balancer, each made when a request first asks for it. There are no more of them than combinations of labels that nodes
 * have: what no node has, requests cannot make.
 */
export class Subsets {
  readonly #options: SubsetOptions
  readonly #backends: readonly Backend[]
  readonly #make: (nodes: readonly Backend[]) => NodeSet
  readonly #sets = new Map<string, NodeSet>()
  /** The values that nodes have, for each label. */
  readonly #values: readonly ReadonlySet<string>[]
  readonly #default: NodeSet | undefined

  constructor(backends: readonly Backend[], factory: SelectorFactory, options: BalancerOptions, subset: SubsetOptions) {
    this.#options = subset
    this.#backends = backends
    this.#make = (nodes) => new NodeSet(nodes, factory, options)
    this.#values = subset.labels.map((label) => new Set(backends.map((backend) => labelOf(backend, label))))
    this.#default = subset.fallback === 'default' ? this.#find(subset.default ?? []) : undefined
  }

  /**
   * @param values of the labels, in their order; '' = not asked for
   * @param all the set of all nodes
   */
  select(values: readonly string[], key: string, tried: readonly Backend[], all: NodeSet): Backend | undefined {
    const backend = this.#find(values)?.select(key, tried)
    if (backend !== undefined) return backend
    const { fallback } = this.#options
    if (fallback === 'any') return all.select(key, tried)
    return fallback === 'default' ? this.#default?.select(key, tried) : undefined
  }

  /** The health of a node changed. */
  settle(): void {
    for (const set of this.#sets.values()) set.settle()
  }

  #find(values: readonly string[]): NodeSet | undefined {
    let name = ''
    for (let index = 0; index < values.length; index++) {
      const value = values[index]
      if (value !== '' && !this.#values[index].has(value)) return undefined
      // Values of nodes are JSON, so that none can be mistaken for two.
      name += value === '' ? ',' : `${JSON.stringify(value)},`
    }
    if (values.every((value) => value === '')) return undefined
    const known = this.#sets.get(name)
    if (known !== undefined) return known
    const { labels } = this.#options
    const nodes = this.#backends.filter((backend) =>
      labels.every((label, index) => (values[index] ?? '') === '' || labelOf(backend, label) === values[index]),
    )
    if (nodes.length === 0) return undefined
    const set = this.#make(nodes)
    this.#sets.set(name, set)
    return set
  }
}

/** The label of a node; '' when it has none. */
function labelOf({ metadata }: Backend, label: string): string {
  const value = metadata?.[label]
  return typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : ''
}
