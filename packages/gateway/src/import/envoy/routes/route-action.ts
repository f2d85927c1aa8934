import type { ImportedCluster } from '../clusters/imported-cluster.ts'
import type { Fields } from '../output/draft.ts'
import type { ImportContext } from '../reader/import-context.ts'
import type { Message } from '../reader/message.ts'
import { readHashPolicy } from './hash-policy.ts'
import type { PathMatch } from './path-pattern.ts'
import { readRegexRewrite } from './regex-rewrite.ts'
import { readRetries } from './retries.ts'
import { escapeRegex } from './text-test.ts'
import { readTimeout } from './timeouts.ts'

/** A RouteAction, as a part of a route. */
export interface ForwardAction {
  readonly cluster: ImportedCluster
  readonly notes: string[]
  /** Of proxy-rewrite: the new path and host. */
  readonly rewrite: Fields
  readonly readTimeout: number | undefined
  readonly enableWebsocket: boolean | undefined
}

/** What of the levels around a route its action depends on. */
export interface ActionDefaults {
  readonly idleTimeout: number | undefined
  readonly retryPolicy: Message | undefined
}

/** Reads a RouteAction; undefined when there is no upstream to send requests to, which is told. */
export function readForward(
  action: Message,
  path: PathMatch,
  defaults: ActionDefaults,
  context: ImportContext,
): ForwardAction | undefined {
  const notes: string[] = []
  const cluster = readCluster(action, notes, context)
  if (cluster === undefined) return undefined
  cluster.usedByHttp = true
  if (action.enumeration('priority') === 'HIGH') action.lose('priority', 'all requests are equal')
  readRetries(action.message('retry_policy') ?? defaults.retryPolicy, cluster, action)
  readHashPolicy(action, cluster)
  return {
    cluster,
    notes,
    rewrite: { ...readPathRewrite(action, path), ...readHostRewrite(action, cluster) },
    readTimeout: readTimeout(action, defaults.idleTimeout),
    enableWebsocket: readUpgrades(action),
  }
}

function readCluster(action: Message, notes: string[], context: ImportContext): ImportedCluster | undefined {
  if (action.has('cluster')) return context.clusters.named(action, 'cluster')
  const weighted = action.message('weighted_clusters')
  if (weighted === undefined) {
    action.lose('cluster_header', 'the upstream is fixed by the route')
    action.lose('cluster_specifier_plugin', 'the upstream is fixed by the route')
    action.lose('inline_cluster_specifier_plugin', 'the upstream is fixed by the route')
    return undefined
  }
  return heaviest(action, weighted, notes, context)
}

/** Traffic cannot be split in this version: all of it goes where most of it went. */
function heaviest(
  action: Message,
  weighted: Message,
  notes: string[],
  context: ImportContext,
): ImportedCluster | undefined {
  const parts = weighted.messages('clusters').map((part) => ({ part, weight: part.number('weight') ?? 0 }))
  weighted.ignore('total_weight')
  const used = parts.filter(({ weight }) => weight > 0)
  for (const { part } of parts.filter(({ weight }) => weight === 0)) part.settle()
  const first = used.reduce<(typeof used)[number] | undefined>(
    (best, next) => (best === undefined || next.weight > best.weight ? next : best),
    undefined,
  )
  if (first === undefined) return undefined
  const cluster = context.clusters.named(first.part, 'name')
  if (used.length > 1 && cluster !== undefined) {
    const total = used.reduce((sum, { weight }) => sum + weight, 0)
    const shares = used.map(({ part, weight }) => `${part.string('name')} ${weight}`).join(', ')
    for (const { part } of used) if (part !== first.part) part.settle()
    notes.push(`Envoy split these requests (${shares} of ${total}). Here all of them go to one upstream.`)
    action.lose(
      'weighted_clusters',
      `there is no plugin traffic-split in this version: all requests go to "${cluster.id}"`,
    )
  }
  return cluster
}

/** In `uri`, `\$` is a dollar sign, in the replacement of `regex_uri` it is `$$`. */
function readPathRewrite(action: Message, path: PathMatch): Fields {
  const prefix = action.string('prefix_rewrite')
  if (prefix !== undefined) {
    if (path.kind === 'path' || path.kind === 'regex') return { uri: absolute(prefix.replaceAll('$', '\\$')) }
    if (path.text === prefix) return {}
    return { regex_uri: [`^${escapeRegex(path.text)}`, prefix.replaceAll('$', '$$$$')] }
  }
  const regex = readRegexRewrite(action, 'regex_rewrite')
  if (regex !== undefined) return { regex_uri: regex }
  action.lose('path_rewrite_policy', 'write regex_rewrite')
  action.lose('path_rewrite', 'write regex_rewrite')
  return {}
}

const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`)

function readHostRewrite(action: Message, cluster: ImportedCluster): Fields {
  const literal = action.string('host_rewrite_literal') ?? action.string('host_rewrite')
  if (literal !== undefined) return { host: literal }
  for (const name of ['host_rewrite_header', 'host_rewrite_path_regex'])
    action.lose(name, 'the Host is the same for all requests of a route')
  if (action.boolean('auto_host_rewrite') !== true) return {}
  if (cluster.hosts.length === 1) return { host: cluster.hosts[0] }
  cluster.claim({ pass_host: 'node' }, action, 'auto_host_rewrite')
  return {}
}

/** WebSocket goes through unless it is turned off; other protocols do not. */
export function readUpgrades(owner: Message): boolean | undefined {
  let webSocket: boolean | undefined
  for (const upgrade of owner.messages('upgrade_configs')) {
    const type = upgrade.string('upgrade_type') ?? ''
    if (type.toLowerCase() !== 'websocket') upgrade.loseAll(`upgrades to ${type} do not go through`)
    else if (upgrade.boolean('enabled') === false) webSocket = false
  }
  return webSocket
}
