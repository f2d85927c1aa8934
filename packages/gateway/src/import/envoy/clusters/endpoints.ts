import type { Fields } from '../output/draft.ts'
import type { Message } from '../reader/message.ts'

/** A node of an upstream. */
export interface ImportedNode {
  readonly host: string
  readonly port: number
  readonly weight: number
  /** Of Envoy: 0 is the highest. */
  readonly priority: number
  readonly zone: string | undefined
}

/** Reads a ClusterLoadAssignment. Its own name need not be that of the cluster, and nobody asks for it. */
export function readNodes(assignment: Message): ImportedNode[] {
  assignment.ignore('cluster_name')
  const localities = assignment.messages('endpoints')
  // One locality is no choice.
  if (localities.length === 1) localities[0].ignore('locality', 'load_balancing_weight')
  return localities.flatMap((locality) => {
    const priority = locality.number('priority') ?? 0
    const zone = locality.message('locality')?.string('zone')
    return locality.messages('lb_endpoints').flatMap((endpoint) => readNode(endpoint, priority, zone))
  })
}

/** Nobody is to be sent there. */
const OUT = new Set(['UNHEALTHY', 'DRAINING', 'TIMEOUT'])

function readNode(lbEndpoint: Message, priority: number, zone: string | undefined): ImportedNode[] {
  const endpoint = lbEndpoint.message('endpoint')
  const address = endpoint?.message('address')
  const socket = address?.message('socket_address')
  address?.lose('pipe', 'upstreams on Unix sockets are not in this version')
  address?.lose('envoy_internal_address')
  if (socket === undefined) return []
  const host = socket.string('address') ?? ''
  const port = socket.number('port_value')
  if (socket.enumeration('protocol') === 'TCP') socket.ignore('protocol')
  endpoint?.ignore('hostname', 'observability_name')
  if (port === undefined) {
    socket.lose('named_port', 'write port_value')
    return []
  }
  const status = lbEndpoint.enumeration('health_status') ?? 'UNKNOWN'
  const weight = OUT.has(status) ? 0 : (lbEndpoint.number('load_balancing_weight') ?? 1)
  return [{ host: reachable(host), port, weight, priority, zone }]
}

/** An address to listen on, which as one to connect to means this machine. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** `nodes` of an upstream: the short form where it says all. */
export function nodesField(nodes: readonly ImportedNode[], zones = false): Fields | Fields[] {
  const names = nodes.map(({ host, port }) => `${bracketed(host)}:${port}`)
  const isShort = !zones && nodes.every(({ priority }) => priority === 0) && new Set(names).size === names.length
  if (isShort) return Object.fromEntries(nodes.map(({ weight }, index) => [names[index], weight]))
  return nodes.map(({ host, port, weight, priority, zone }) => ({
    host: bracketed(host),
    port,
    weight,
    ...(priority === 0 ? {} : { priority: -priority }),
    ...(zones && zone !== undefined ? { metadata: { zone } } : {}),
  }))
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
