import type { ImportedCluster } from '../clusters/imported-cluster.ts'
import { defined, type Fields } from '../output/draft.ts'
import type { ImportContext } from '../reader/import-context.ts'
import type { Message } from '../reader/message.ts'

/** A stream route without its id. */
export interface ImportedStream {
  readonly name: string
  readonly fields: Fields
  readonly cluster: ImportedCluster
}

/** Reads a TcpProxy; undefined when there is no upstream to connect to, which is told. */
export function readTcpProxy(
  proxy: Message,
  port: number | undefined,
  serverNames: readonly string[],
  context: ImportContext,
): ImportedStream[] {
  const name = proxy.string('stat_prefix') ?? 'stream'
  proxy.lose('weighted_clusters', 'traffic cannot be split')
  const attempts = proxy.number('max_connect_attempts')
  if (!proxy.has('cluster')) return []
  const cluster = context.clusters.named(proxy, 'cluster')
  if (cluster === undefined) return []
  cluster.usedByTcp = true
  if (attempts !== undefined) cluster.claim({ retries: attempts - 1 }, proxy, 'max_connect_attempts')
  const names = serverNames.length === 0 ? [undefined] : serverNames
  return names.map((sni) => ({ name, fields: defined({ server_port: port, sni }), cluster }))
}
