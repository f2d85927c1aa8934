import { parseNodeAddress } from '../../resources/node-address.ts'
import { fieldsOf, listOf, textOf } from '../http/fields.ts'
import { jsonOf, type RegistryAnswer, RegistryClient } from '../http/registry-client.ts'
import { ServerList } from '../http/server-list.ts'
import type { DiscoverySource, FoundNode, ServiceArgs, ServiceListener } from '../source.ts'
import { blockingQuery } from './blocking-query.ts'
import type { ConsulKvSettings } from './consul-settings.ts'
import { consulQuery, withDefault } from './consul-query.ts'

/**
 * Nodes in Consul's key-value store, as APISIX's `consul_kv` reads them: the key is `PREFIX/SERVICE/HOST:PORT`, the value `{"weight": 1}` or
 * empty. A service is named by its folder (`webpages`) or by the URL of it (`http://127.0.0.1:8500/v1/kv/upstreams/webpages/`), of one of
 * `servers`: the token must go to nobody else.
 */
export class ConsulKvSource implements DiscoverySource {
  private readonly settings: ConsulKvSettings
  private readonly client: RegistryClient
  private readonly servers: ServerList

  constructor(settings: ConsulKvSettings) {
    this.settings = settings
    this.client = RegistryClient.of(settings.tls)
    this.servers = new ServerList(settings.servers)
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  watch(service: string, _args: ServiceArgs, listener: ServiceListener): () => void {
    const { settings, client } = this
    const { server, folder } = this.placeOf(service)
    return blockingQuery({
      ...consulQuery(settings),
      client,
      servers: server === undefined ? this.servers : new ServerList([server]),
      path: `/v1/kv/${folder.split('/').map(encodeURIComponent).join('/')}?recurse=true`,
      nodes: (url, answer) => withDefault(settings, nodesOf(url, answer, folder, settings.weight)),
      listener,
    })
  }

  close(): Promise<void> {
    this.client.close()
    return Promise.resolve()
  }

  private placeOf(service: string): { server: string | undefined; folder: string } {
    const { servers, prefix = 'upstreams' } = this.settings
    const match = /^(https?:\/\/[^/]+)\/v1\/kv\/(.+?)\/*$/.exec(service)
    if (match !== null) {
      const [, origin, folder] = match
      if (!servers.some((server) => new URL(server).origin === new URL(origin).origin))
        throw new Error(`${origin} is not among the "servers" in the settings of this node`)
      return { server: origin, folder: `${folder}/` }
    }
    if (service.includes('://'))
      throw new Error('it is neither a folder nor the URL of one, as "http://HOST:8500/v1/kv/upstreams/NAME/"')
    return { server: undefined, folder: `${prefix.replace(/\/+$/, '')}/${service.replace(/^\/+|\/+$/g, '')}/` }
  }
}

function nodesOf(url: URL, answer: RegistryAnswer, folder: string, fixed: number | undefined): FoundNode[] {
  // No such folder.
  if (answer.status === 404) return []
  return listOf(jsonOf(url, answer), 'the answer').flatMap((entry): FoundNode[] => {
    const { Key, Value } = fieldsOf(entry)
    const name = textOf(Key).slice(folder.length)
    if (name === '') return []
    const address = parseNodeAddress(name)
    if (typeof address === 'string') return [{ host: name, port: undefined }]
    const written = weightIn(textOf(Value))
    return [{ ...address, weight: written ?? fixed ?? 1 }]
  })
}

function weightIn(base64: string): number | undefined {
  if (base64 === '') return undefined
  try {
    const { weight } = fieldsOf(JSON.parse(Buffer.from(base64, 'base64').toString('utf8')))
    return typeof weight === 'number' ? weight : undefined
  } catch {
    return undefined
  }
}
