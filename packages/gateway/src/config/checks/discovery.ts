import { parseNodeAddress } from '../../resources/node-address.ts'
import { namespaceFilter } from '../../discovery/kubernetes/namespace-filter.ts'
import type { ClusterSettings } from '../../discovery/kubernetes/kubernetes-settings.ts'
import type { EmbeddedUpstream } from '../../resources/upstream.ts'
import { suggest } from '../explain/suggest.ts'
import { DISCOVERY_TYPES, type DiscoveryType } from '../settings/discovery.ts'
import type { Settings } from '../settings/settings.ts'
import type { Findings } from '../problem.ts'
import type { CheckContext } from './entry.ts'

/** Which of `discovery_args` a registry knows. */
const ARGUMENTS: Readonly<Record<DiscoveryType, readonly string[]>> = {
  dns: [],
  consul: ['datacenter', 'tags', 'namespace_id'],
  consul_kv: [],
  nacos: ['namespace_id', 'group_name'],
  eureka: [],
  kubernetes: [],
  file: [],
}

/** Those that work without settings. */
const READY: ReadonlySet<string> = new Set<DiscoveryType>(['dns'])

/** The service of an upstream must be of a registry that there is. */
export function checkService({ findings, settings }: CheckContext, upstream: EmbeddedUpstream, path: string): void {
  if (typeof upstream === 'string' || upstream.service_name === undefined) return
  const { discovery_type: type = '', discovery_args: args = {} } = upstream
  const known = DISCOVERY_TYPES.find((one) => one === type)
  if (known === undefined) {
    const meant = suggest(type, DISCOVERY_TYPES)
    findings.add({
      path: `${path}/discovery_type`,
      value: JSON.stringify(type),
      message: 'is no type of service discovery',
      remedy: meant === undefined ? `write one of ${DISCOVERY_TYPES.join(', ')}` : `did you mean "${meant}"?`,
    })
    return
  }
  for (const name of Object.keys(args)) {
    if (ARGUMENTS[known].includes(name)) continue
    findings.add({
      path: `${path}/discovery_args/${name}`,
      atKey: true,
      message: `has no meaning for "${known}"`,
      remedy: ARGUMENTS[known].length === 0 ? 'remove it' : `it knows ${ARGUMENTS[known].join(', ')}`,
    })
  }
  // Nodes that share an etcd may have other registries: then nothing is known here.
  if (settings.discovery === undefined || settings.discovery.sources[known] !== undefined || READY.has(known)) return
  findings.add({
    path: `${path}/discovery_type`,
    value: JSON.stringify(known),
    message: 'is not set up on this node',
    remedy: `add "discovery: { ${known}: … }" to the settings`,
  })
}

/** What the schema of `discovery` cannot say. */
export function checkDiscoverySettings(findings: Findings, { discovery = {} }: Settings): void {
  const { dns, kubernetes } = discovery
  const path = '/discovery'
  if (dns?.servers !== undefined && dns.resolv_conf !== undefined) {
    findings.add({
      path: `${path}/dns`,
      message: 'has both "servers" and "resolv_conf"',
      remedy: 'remove one of the two',
    })
  }
  for (const [index, server] of (dns?.servers ?? []).entries()) {
    const parsed = parseNodeAddress(server)
    if (typeof parsed === 'string')
      findings.add({ path: `${path}/dns/servers/${index}`, value: JSON.stringify(server), message: parsed })
  }
  if (dns?.order !== undefined && dns.order.every((type) => type === 'last')) {
    findings.add({ path: `${path}/dns/order`, message: 'names no type of records', remedy: 'add "SRV", "A" or "AAAA"' })
  }
  if (kubernetes === undefined) return
  if (!Array.isArray(kubernetes)) return checkCluster(findings, kubernetes as ClusterSettings, `${path}/kubernetes`)
  const ids = new Set<string>()
  for (const [index, cluster] of kubernetes.entries()) {
    checkCluster(findings, cluster, `${path}/kubernetes/${index}`)
    if (ids.has(cluster.id)) {
      findings.add({
        path: `${path}/kubernetes/${index}/id`,
        value: JSON.stringify(cluster.id),
        message: 'is the id of another cluster already',
      })
    }
    ids.add(cluster.id)
  }
}

function checkCluster(
  findings: Findings,
  { namespace_selector: selector, client }: ClusterSettings,
  path: string,
): void {
  if (client?.token !== undefined && client.token_file !== undefined) {
    findings.add({
      path: `${path}/client`,
      message: 'has both "token" and "token_file"',
      remedy: 'remove one of the two',
    })
  }
  try {
    namespaceFilter(selector)
  } catch (error) {
    findings.add({ path: `${path}/namespace_selector`, message: (error as Error).message })
  }
}
