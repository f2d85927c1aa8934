import type { Backend } from './backend.ts'
import type { Selector, SelectorFactory } from './selector.ts'

/** The nodes of one priority, or those of it that are in our zone or not, with the selector made for them. */
export interface Layer {
  readonly priority: number
  /** Whether its nodes are in another zone than we are. */
  readonly remote: boolean
  readonly nodes: readonly Backend[]
  readonly selector: Selector
  /** Addresses and weights in order: what the selector was made from. */
  readonly signature: string
}

/** Whether the node is in another zone than this one. Without a zone of our own there is none. */
export const isRemote = ({ metadata }: Backend, zone: string | undefined): boolean =>
  zone !== undefined && metadata?.['zone'] !== zone

/**
 * Groups nodes by priority, the highest first, and within one by zone, our own first, without those of weight 0. A layer whose addresses
 * and weights are those of before keeps its selector: service discovery often reports the same set again, and a hash ring is dear.
 */
export function layersOf(
  backends: readonly Backend[],
  before: readonly Layer[],
  factory: SelectorFactory,
  zone?: string,
): readonly Layer[] {
  const groups = new Map<string, { readonly priority: number; readonly remote: boolean; readonly nodes: Backend[] }>()
  for (const backend of backends) {
    if (backend.weight === 0) continue
    const { priority } = backend
    const remote = isRemote(backend, zone)
    const group = groups.get(`${priority} ${remote}`)
    if (group === undefined) groups.set(`${priority} ${remote}`, { priority, remote, nodes: [backend] })
    else group.nodes.push(backend)
  }
  return [...groups.values()]
    .sort((one, other) => other.priority - one.priority || Number(one.remote) - Number(other.remote))
    .map(({ priority, remote, nodes }) => {
      const signature = signatureOf(nodes)
      const same = before.find(
        (layer) => layer.priority === priority && layer.remote === remote && layer.signature === signature,
      )
      return same ?? { priority, remote, nodes, signature, selector: factory(nodes) }
    })
}

/** Addresses and weights in order. */
export const signatureOf = (nodes: readonly Backend[]): string =>
  nodes.map((backend) => `${backend.address} ${backend.weight}`).join('\n')
