import type { FoundNode } from '../source.ts'
import type { ConsulKvSettings, ConsulSettings } from './consul-settings.ts'

type Common = ConsulSettings | ConsulKvSettings

/** What all queries of a source have. */
export function consulQuery({ token = '', timeout = {}, fetch_interval: interval = 3 }: Common): {
  headers: Record<string, string>
  waitSeconds: number
  timeoutMs: number
  intervalMs: number
} {
  const { connect = 2_000, read = 2_000, wait = 60 } = timeout
  return {
    headers: token === '' ? {} : { 'x-consul-token': token },
    waitSeconds: wait,
    timeoutMs: connect + read,
    intervalMs: interval * 1_000,
  }
}

/** The nodes, or the one that stands in for none. */
export function withDefault({ default_service: service }: Common, nodes: FoundNode[]): FoundNode[] {
  if (nodes.length > 0 || service === undefined) return nodes
  return [{ host: service.host, port: service.port, weight: service.metadata?.weight ?? 1 }]
}
