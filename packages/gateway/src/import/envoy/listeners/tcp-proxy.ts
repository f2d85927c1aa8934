import type { ImportedCluster } from '../clusters/imported-cluster.ts'
import { defined, type Fields } from '../output/draft.ts'
import type { ImportContext } from '../reader/import-context.ts'
import type { Message } from '../reader/message.ts'

/** A stream route without its id. */
export interface ImportedStream {
  readonly name: string
  readonly fields: Fields
  /** Seconds, 0 for never. */
  readonly idleTimeout: number | undefined
  readonly cluster: ImportedCluster
}

/** Reads a TcpProxy; undefined when there is no upstream to connect to, which is told. */
export function readTcpProxy(
  proxy: Message,
  port: number | undefined,
  serverNames: readonly string[],
  context: ImportContext,
): ImportedStream | undefined {
  const name = proxy.string('stat_prefix') ?? 'stream'
  proxy.lose('weighted_clusters', 'traffic cannot be split')
  if (!proxy.has('cluster')) return undefined
  const cluster = context.clusters.named(proxy, 'cluster')
  if (cluster === undefined) return undefined
  cluster.usedByTcp = true
  const attempts = proxy.number('max_connect_attempts')
  if (attempts !== undefined) cluster.claim({ retries: attempts - 1 }, proxy, 'max_connect_attempts')
  const idle = proxy.duration('idle_timeout')
  if (idle === undefined)
    proxy.warnOnce(
      'stream idle',
      undefined,
      'Envoy ends a connection that is idle for an hour, Sekisho after ten minutes',
    )
  const names =
    serverNames.length === 0 ? {} : serverNames.length === 1 ? { sni: serverNames[0] } : { snis: [...serverNames] }
  return { name, fields: defined({ server_port: port, ...names }), idleTimeout: idle, cluster }
}
