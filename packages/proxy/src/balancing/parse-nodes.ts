import { parseAddress, parseHost } from './address.ts'
import type { Address } from './address.ts'
import { InvalidNodeError } from './invalid-node-error.ts'

/** One node written out. With `address`, `host` and `port` are not looked at (so that a Backend is a NodeSpec too). */
export type NodeSpec = (
  | { readonly address: string }
  | { readonly host: string; readonly port?: number | undefined; readonly address?: undefined }
) & {
  /** Whole number from 0 to 2,147,483,647. Default 1. */
  readonly weight?: number | undefined
  /** Whole number, may be negative. Default 0. */
  readonly priority?: number | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** A list of addresses or of written-out nodes (they may be mixed), or the short form `{ "host:port": weight }`. */
export type Nodes = readonly (string | NodeSpec)[] | Readonly<Record<string, number>>

/** A node as `parseNodes` understood it, with defaults filled in. */
export interface ParsedNode extends Address {
  readonly weight: number
  readonly priority: number
  readonly metadata: Readonly<Record<string, unknown>> | undefined
}

/** Nodes of one balancer. 2^16 - 1, because the hash ring stores a point's node in 16 bits. */
export const MAX_NODES = 65_535

/** 2^31 - 1: the sum over MAX_NODES stays below 2^47, exact in a double. */
export const MAX_WEIGHT = 2_147_483_647

/**
 * Reads all nodes, or throws InvalidNodeError for the first that is wrong. An empty set is no error: service discovery
 * may know of none at the moment.
 */
export function parseNodes(nodes: Nodes): ParsedNode[] {
  if (typeof nodes !== 'object' || nodes === null) {
    throw new InvalidNodeError([], `${JSON.stringify(nodes)} is neither a list of nodes nor { "host:port": weight }`)
  }
  const parsed = isList(nodes)
    ? nodes.map((node, index) => parseNode(node, [String(index)]))
    : Object.entries(nodes).map(([address, weight]) =>
        finish(parseAddress(address, [address]), { weight }, [address], []),
      )
  if (parsed.length > MAX_NODES)
    throw new InvalidNodeError([], `${parsed.length} nodes, but at most ${MAX_NODES} are possible`)
  refuseRepeated(parsed)
  return parsed
}

// Array.isArray does not narrow a readonly array out of a union.
function isList(nodes: Nodes): nodes is readonly (string | NodeSpec)[] {
  return Array.isArray(nodes)
}

function parseNode(node: string | NodeSpec, path: readonly string[]): ParsedNode {
  if (typeof node === 'string') return finish(parseAddress(node, path), {}, path)
  if (typeof node !== 'object' || node === null) {
    throw new InvalidNodeError(path, `${JSON.stringify(node)} is neither an address nor an object`)
  }
  if (node.address !== undefined) return finish(parseAddress(node.address, [...path, 'address']), node, path)
  return finish(parseHost(node.host, node.port, path), node, path)
}

function finish(
  address: Address,
  spec: Pick<NodeSpec, 'weight' | 'priority' | 'metadata'>,
  path: readonly string[],
  weightField: readonly string[] = ['weight'],
): ParsedNode {
  const { weight = 1, priority = 0, metadata } = spec
  if (!Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT) {
    throw new InvalidNodeError(
      [...path, ...weightField],
      `invalid weight ${JSON.stringify(weight)}: a weight is a whole number from 0 to ${MAX_WEIGHT}`,
    )
  }
  if (!Number.isSafeInteger(priority)) {
    throw new InvalidNodeError(
      [...path, 'priority'],
      `invalid priority ${JSON.stringify(priority)}: a priority is a whole number`,
    )
  }
  return { ...address, weight, priority, metadata }
}

function refuseRepeated(nodes: readonly ParsedNode[]): void {
  const seen = new Set<string>()
  for (const [index, { address }] of nodes.entries()) {
    if (seen.has(address)) {
      throw new InvalidNodeError([String(index)], `${address} is listed twice; give it a higher weight instead`)
    }
    seen.add(address)
  }
}
