import { fieldsOf, listOf, metadataOf, portOf, textOf } from '../http/fields.ts'
import { jsonOf, type RegistryAnswer, RegistryClient } from '../http/registry-client.ts'
import { ServerList } from '../http/server-list.ts'
import type { DiscoverySource, FoundNode, ServiceArgs, ServiceListener } from '../source.ts'
import { blockingQuery } from './blocking-query.ts'
import type { ConsulSettings } from './consul-settings.ts'
import { consulQuery, withDefault } from './consul-query.ts'

/**
 * Services of Consul: the instances whose checks pass (`/v1/health/service/NAME?passing`), with the weights that they registered, followed by
 * blocking queries. Arguments: `datacenter`, `tags` (all of them), `namespace_id`.
 */
export class ConsulSource implements DiscoverySource {
  private readonly settings: ConsulSettings
  private readonly client: RegistryClient
  private readonly servers: ServerList

  constructor(settings: ConsulSettings) {
    this.settings = settings
    this.client = RegistryClient.of(settings.tls)
    this.servers = new ServerList(settings.servers)
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  watch(service: string, args: ServiceArgs, listener: ServiceListener): () => void {
    const { settings, client, servers } = this
    if (settings.skip_services?.includes(service) === true)
      throw new Error('it is one of "skip_services" in the settings of this node')
    return blockingQuery({
      ...consulQuery(settings),
      client,
      servers,
      path: `/v1/health/service/${encodeURIComponent(service)}?${this.query(args).toString()}`,
      nodes: (url, answer) => withDefault(settings, this.nodesOf(url, answer)),
      listener,
    })
  }

  close(): Promise<void> {
    this.client.close()
    return Promise.resolve()
  }

  private query({ datacenter, tags, namespace_id: namespace }: ServiceArgs): URLSearchParams {
    const { settings } = this
    const query = new URLSearchParams({ passing: '1' })
    const dc = datacenter ?? settings.datacenter
    if (typeof dc === 'string') query.set('dc', dc)
    if (typeof namespace === 'string') query.set('ns', namespace)
    for (const tag of Array.isArray(tags) ? (tags as unknown[]) : []) query.append('tag', String(tag))
    if (settings.stale === true) query.set('stale', '')
    return query
  }

  private nodesOf(url: URL, answer: RegistryAnswer): FoundNode[] {
    const { weight } = this.settings
    return listOf(jsonOf(url, answer), 'the answer').map((entry) => {
      const { Node, Service } = fieldsOf(entry)
      const { Address, Port, Weights, Meta } = fieldsOf(Service)
      const registered = fieldsOf(Weights)['Passing']
      return {
        host: textOf(Address) || textOf(fieldsOf(Node)['Address']),
        port: portOf(Port),
        weight: weight ?? (typeof registered === 'number' ? registered : 1),
        metadata: metadataOf(Meta),
      }
    })
  }
}
