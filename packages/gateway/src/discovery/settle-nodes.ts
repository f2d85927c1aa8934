import { isIP } from 'node:net'
import { parseNodeAddress } from '../resources/node-address.ts'
import type { FoundNode } from './source.ts'

/** A node that a balancer takes as it is. The port is left out where the scheme of the upstream says it. */
export interface DiscoveredNode {
  readonly host: string
  readonly port: number | undefined
  readonly weight: number
  readonly priority: number
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** As many as one balancer takes. */
export const MAX_NODES = 65_535
const MAX_WEIGHT = 2_147_483_647

export interface SettledNodes {
  /** Sorted by address, so that equal answers are equal lists, and all gateways hash to the same ring. */
  readonly nodes: readonly DiscoveredNode[]
  /** What was left out and why, at most a few. */
  readonly problems: readonly string[]
}

const MAX_PROBLEMS = 5

/** Checks what a registry gave: one broken entry must not take the others out of service. */
export function settleNodes(found: readonly FoundNode[]): SettledNodes {
  const problems: string[] = []
  const byAddress = new Map<string, DiscoveredNode>()
  for (const node of found) {
    const problem = problemOf(node)
    if (problem !== undefined) {
      if (problems.length < MAX_PROBLEMS) problems.push(problem)
      continue
    }
    const { host, port, weight = 1, priority = 0, metadata } = node
    const settled = { host, port, weight, priority, ...(metadata === undefined ? {} : { metadata }) }
    const address = nodeText(settled)
    if (byAddress.has(address)) continue
    if (byAddress.size >= MAX_NODES) {
      problems.push(`more than ${MAX_NODES} nodes`)
      break
    }
    byAddress.set(address, settled)
  }
  const sorted = [...byAddress].sort(([a], [b]) => (a < b ? -1 : 1))
  return { nodes: sorted.map(([, node]) => node), problems }
}

/** `host:port`, as in logs. */
export const nodeText = ({ host, port }: Pick<DiscoveredNode, 'host' | 'port'>): string => {
  const bare = host.includes(':') ? `[${host}]` : host
  return port === undefined ? bare : `${bare}:${port}`
}

export const sameNodes = (a: readonly DiscoveredNode[], b: readonly DiscoveredNode[]): boolean =>
  a.length === b.length && a.every((node, index) => JSON.stringify(node) === JSON.stringify(b[index]))

function problemOf({ host, port, weight = 1, priority = 0 }: FoundNode): string | undefined {
  if (typeof host !== 'string' || !isHost(host)) return `${shown(host)} is not a host`
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535))
    return `${shown(port)} is not the port of ${host}`
  if (!Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT)
    return `${shown(weight)} is not a weight of ${host}`
  return Number.isSafeInteger(priority) ? undefined : `${shown(priority)} is not a priority of ${host}`
}

function isHost(host: string): boolean {
  // Addresses with a zone are of one machine: never a registry's to give.
  if (isIP(host) !== 0) return !host.includes('%')
  if (host.includes(':')) return false
  const parsed = parseNodeAddress(host)
  return typeof parsed !== 'string' && parsed.port === undefined
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 80)
