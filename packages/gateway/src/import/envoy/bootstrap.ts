import { readCluster } from './clusters/cluster.ts'
import { type Served, readListener } from './listeners/listener.ts'
import { compose } from './output/compose.ts'
import type { ImportContext } from './reader/import-context.ts'
import type { Message } from './reader/message.ts'

/** Reads a Bootstrap into the draft of the context. */
export function readBootstrap(bootstrap: Message, resources: Message | undefined, context: ImportContext): void {
  readNode(bootstrap)
  if (resources === undefined) return
  const clusters = resources.messages('clusters')
  for (const cluster of clusters) readCluster(cluster, context)
  const listeners = resources.messages('listeners')
  const served: Served = { sites: [], streams: [] }
  const isOnly = listeners.filter(servesHttp).length < 2
  for (const listener of listeners) readListener(listener, isOnly, served, context)
  warnOfBreakers(clusters, context)
  compose(served, context)
}

/** What is about the process and not about its traffic. */
function readNode(bootstrap: Message): void {
  bootstrap.ignore('node')
  if (bootstrap.has('admin')) {
    bootstrap.ignore('admin')
    bootstrap.warn('admin', 'is not carried over: "metrics" (127.0.0.1:9091) has /metrics, /status and /status/ready')
  }
  bootstrap.lose('dynamic_resources', 'the configuration is a file, which is changed live')
  bootstrap.lose('layered_runtime', 'there are no runtime settings')
  bootstrap.lose('overload_manager', 'see "limits" and "overload"')
}

const servesHttp = (listener: Message): boolean =>
  [...listener.messages('filter_chains'), listener.message('default_filter_chain')].some((chain) =>
    chain?.messages('filters').some((filter) => filter.message('typed_config')?.type === 'HttpConnectionManager'),
  )

function warnOfBreakers(clusters: readonly Message[], { report, clusters: table }: ImportContext): void {
  const without = clusters.find((cluster) => !cluster.has('circuit_breakers'))
  if (without === undefined || table.all().length === 0) return
  report.warnOnce(
    'circuit breakers',
    without.path,
    'Envoy lets 1,024 connections and 1,024 requests at a time through to a cluster. Sekisho has such limits only where "circuit_breakers" of the upstream says so',
  )
}
