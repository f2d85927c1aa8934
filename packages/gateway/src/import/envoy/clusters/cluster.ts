import { defined } from '../output/draft.ts'
import type { ImportContext } from '../reader/import-context.ts'
import type { Message } from '../reader/message.ts'
import { readUpstreamTls } from '../tls/upstream-tls.ts'
import { balancerOf, hashBalanceOf, isHashing, isZoneAware, overprovisioningOf } from './balancing.ts'
import { nodesField, readNodes } from './endpoints.ts'
import { readCircuitBreakers } from './circuit-breakers.ts'
import { readHealthChecks } from './health-checks.ts'
import { readOutlierDetection } from './outlier-detection.ts'
import { readPanicThreshold, readSlowStart } from './slow-start.ts'
import { readHttpOptions } from './http-options.ts'
import { ImportedCluster } from './imported-cluster.ts'

/** Kinds of clusters whose nodes stand in the file. Names among them are resolved here, too. */
const WITH_NODES = new Set(['STATIC', 'STRICT_DNS', 'LOGICAL_DNS'])

/** Reads a Cluster into the table. */
export function readCluster(cluster: Message, context: ImportContext): void {
  const name = cluster.string('name') ?? ''
  const type = cluster.enumeration('type') ?? 'STATIC'
  if (!WITH_NODES.has(type) || cluster.has('cluster_type')) {
    cluster.loseAll(`upstreams are lists of nodes here: the cluster "${name}" has another source`)
    context.clusters.set(name, undefined)
    return
  }
  const assignment = cluster.message('load_assignment')
  const nodes = assignment === undefined ? [] : readNodes(assignment)
  if (nodes.length === 0) {
    context.report.add('warning', cluster.path, `the cluster "${name}" has no nodes, and is left out`)
    context.clusters.set(name, undefined)
    return
  }
  ignoreWhatIsSo(cluster)
  const http = readHttpOptions(cluster)
  const tls = readUpstreamTls(cluster, context.secrets)
  const id = context.upstreamIds.take(name, 'upstream')
  const scheme = http.http2 ? (tls ? 'grpcs' : 'grpc') : tls ? 'https' : undefined
  const checks = readHealthChecks(cluster, tls !== undefined)
  const outliers = readOutlierDetection(cluster.message('outlier_detection'))
  const { breakers, budget } = readCircuitBreakers(cluster, http.http2)
  const zoneAware = isZoneAware(cluster, nodes)
  const imported = new ImportedCluster({
    name,
    id,
    path: cluster.path,
    fields: defined({
      id,
      type: balancerOf(cluster),
      scheme,
      nodes: nodesField(nodes, zoneAware === true),
      zone_aware: zoneAware,
      overprovisioning_factor: overprovisioningOf(cluster, nodes),
      timeout: undefined,
      keepalive_pool: http.pool,
      tls: tls && Object.keys(tls.fields).length > 0 ? tls.fields : undefined,
      checks,
      outlier_detection: outliers,
      slow_start: readSlowStart(cluster),
      circuit_breakers: breakers,
      healthy_panic_threshold: readPanicThreshold(cluster, checks !== undefined || outliers !== undefined),
    }),
    hosts: [...new Set(nodes.map(({ host }) => host))],
    nodeCount: nodes.filter(({ weight }) => weight > 0).length,
    connectTimeout: cluster.duration('connect_timeout'),
    http2: http.http2,
    hashes: isHashing(cluster.enumeration('lb_policy')),
    hashBalanceFactor: hashBalanceOf(cluster),
    retryBudget: budget,
  })
  imported.notes.push(...(tls?.notes ?? []))
  context.clusters.set(name, imported)
}

function ignoreWhatIsSo(cluster: Message): void {
  cluster.ignore('alt_stat_name', 'wait_for_warm_on_init', 'track_cluster_stats')
  // Addresses of a name are used for as long as its records say; those of IPv4 where there are any.
  cluster.boolean('respect_dns_ttl')
  if (cluster.enumeration('dns_lookup_family') === 'V6_ONLY')
    cluster.lose('dns_lookup_family', 'the addresses of a name are those of IPv4, where there are any')
}
