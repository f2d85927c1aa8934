import type { WantedService } from '../discovery/service-key.ts'
import type { FunctionCallSettings } from './function-call.ts'
import { parseNodeAddress } from './node-address.ts'
import { pemText } from './pem.ts'
import type { HASH_ON, BALANCERS, EmbeddedUpstream, Upstream, UpstreamNodes, UPSTREAM_SCHEMES } from './upstream.ts'

/** A node with everything filled in. IPv6 hosts are without brackets here. */
export interface NormalNode {
  readonly host: string
  readonly port: number
  readonly weight: number
  readonly priority: number
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** An upstream in one spelling: nodes as a list with ports, defaults filled in. Times are in seconds, as configured. */
export interface NormalUpstream {
  readonly id: string | undefined
  readonly name: string | undefined
  readonly type: (typeof BALANCERS)[number] | 'function'
  readonly scheme: (typeof UPSTREAM_SCHEMES)[number]
  readonly nodes: readonly NormalNode[]
  readonly hash_on: (typeof HASH_ON)[number]
  readonly key: string | undefined
  /** Undefined: one less than there are nodes. */
  readonly retries: number | undefined
  /** Seconds for all attempts together; 0 is no limit. */
  readonly retry_timeout: number
  readonly timeout: Upstream['timeout']
  readonly pass_host: 'pass' | 'node' | 'rewrite'
  readonly upstream_host: string | undefined
  /** Undefined: the node's own `upstream_defaults` hold. */
  readonly keepalive_pool:
    | { readonly size: number; readonly idle_timeout: number; readonly requests: number }
    | undefined
  readonly tls: {
    readonly verify: boolean
    readonly client_cert: string | undefined
    readonly client_key: string | undefined
    readonly client_cert_id: string | undefined
    readonly ca: string | undefined
    readonly sni: string | undefined
  }
  readonly checks: Upstream['checks']
  readonly outlier_detection: Upstream['outlier_detection']
  readonly slow_start: Upstream['slow_start']
  /** Percent. */
  readonly healthy_panic_threshold: number
  readonly hash_balance_factor: number | undefined
  readonly sticky: Upstream['sticky']
  readonly zone_aware: boolean
  readonly overprovisioning_factor: number | undefined
  readonly subset: Upstream['subset']
  readonly retry: Upstream['retry']
  readonly hedge: Upstream['hedge']
  readonly circuit_breakers: Upstream['circuit_breakers']
  readonly adaptive_concurrency: Upstream['adaptive_concurrency']
  /** Undefined: its nodes are asked. Otherwise it has none here: they are those of the function's service. */
  readonly function: ({ readonly name: string } & FunctionCallSettings) | undefined
  /** Undefined: its nodes are written. Otherwise it has none here, until service discovery finds them. */
  readonly discovery: WantedService | undefined
}

/** The full form of the short one: `"http://127.0.0.1:3000"`, `"function://hello:live"`. */
export function expandUpstream(upstream: EmbeddedUpstream): Upstream {
  if (typeof upstream !== 'string') return upstream
  if (upstream.startsWith(FUNCTION_SCHEME))
    return { type: 'function', function: upstream.slice(FUNCTION_SCHEME.length) }
  const scheme = upstream.startsWith('https:') ? 'https' : 'http'
  const authority = upstream.slice(scheme.length + 3).replace(/\/$/, '')
  return { scheme, nodes: { [authority]: 1 } }
}

const FUNCTION_SCHEME = 'function://'

/** Ports where none is written: those of the scheme. */
const defaultPort = (scheme: string): number =>
  scheme === 'https' || scheme === 'grpcs' || scheme === 'tls' ? 443 : 80

/**
 * Brings an upstream into the one form that the gateway compiles from. Expects what passed the schema and the checks;
 * throws on a node address that did not.
 */
export function normaliseUpstream(upstream: EmbeddedUpstream): NormalUpstream {
  const full = expandUpstream(upstream)
  const scheme = full.scheme ?? 'http'
  const pool = full.keepalive_pool
  return {
    id: full.id === undefined ? undefined : String(full.id),
    name: full.name,
    type: full.type ?? (full.function === undefined ? 'roundrobin' : 'function'),
    scheme,
    nodes: normaliseNodes(full.nodes ?? [], defaultPort(scheme)),
    hash_on: full.hash_on ?? 'vars',
    key: full.key,
    retries: full.retries,
    retry_timeout: full.retry_timeout ?? 0,
    timeout: full.timeout,
    pass_host: full.pass_host ?? 'pass',
    upstream_host: full.upstream_host,
    keepalive_pool: pool && {
      size: pool.size ?? 320,
      idle_timeout: pool.idle_timeout ?? 60,
      requests: pool.requests ?? 1000,
    },
    tls: {
      verify: full.tls?.verify ?? true,
      client_cert: full.tls?.client_cert === undefined ? undefined : pemText(full.tls.client_cert),
      client_key: full.tls?.client_key === undefined ? undefined : pemText(full.tls.client_key),
      client_cert_id: full.tls?.client_cert_id === undefined ? undefined : String(full.tls.client_cert_id),
      ca: full.tls?.ca === undefined ? undefined : pemText(full.tls.ca),
      sni: full.tls?.sni,
    },
    checks: full.checks,
    outlier_detection: full.outlier_detection,
    slow_start: full.slow_start,
    healthy_panic_threshold: full.healthy_panic_threshold ?? 0,
    hash_balance_factor: full.hash_balance_factor,
    sticky: full.sticky,
    zone_aware: full.zone_aware ?? false,
    overprovisioning_factor: full.overprovisioning_factor,
    subset: full.subset,
    retry: full.retry,
    hedge: full.hedge,
    circuit_breakers: full.circuit_breakers,
    adaptive_concurrency: full.adaptive_concurrency,
    function: full.function === undefined ? undefined : functionCall(full.function, full),
    discovery:
      full.service_name === undefined
        ? undefined
        : { type: full.discovery_type ?? '', name: full.service_name, args: full.discovery_args ?? {} },
  }
}

function functionCall(name: string, upstream: Upstream): NonNullable<NormalUpstream['function']> {
  const { payload, invocation_type, endpoint, region, authorization } = upstream
  const { stage, stage_variables, binary_media_types, multi_value_headers } = upstream
  const settings = {
    payload,
    invocation_type,
    endpoint,
    region,
    authorization,
    stage,
    stage_variables,
    binary_media_types,
    multi_value_headers,
  }
  const written = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
  return { name, ...(written as FunctionCallSettings) }
}

function normaliseNodes(nodes: UpstreamNodes, port: number): NormalNode[] {
  if (!Array.isArray(nodes)) {
    return Object.entries(nodes).map(([address, weight]) => ({ ...parse(address, port), weight, priority: 0 }))
  }
  return nodes.map((node) => ({
    host: parse(node.host, port).host,
    port: node.port ?? port,
    weight: node.weight,
    priority: node.priority ?? 0,
    ...(node.metadata && { metadata: node.metadata }),
  }))
}

/** Nodes that service discovery found, with the ports of the scheme where the registry says none. */
export const nodesWithPorts = (
  nodes: readonly (Omit<NormalNode, 'port'> & { readonly port: number | undefined })[],
  scheme: string,
): NormalNode[] => nodes.map((node) => ({ ...node, port: node.port ?? defaultPort(scheme) }))

function parse(text: string, port: number): { host: string; port: number } {
  const address = parseNodeAddress(text)
  if (typeof address === 'string') throw new Error(`upstream node "${text}": ${address}`)
  return { host: address.host, port: address.port ?? port }
}
