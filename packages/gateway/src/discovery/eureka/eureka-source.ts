import { fieldsOf, metadataOf, portOf, textOf } from '../http/fields.ts'
import { poll } from '../http/poll.ts'
import { jsonOf, type RegistryAnswer, RegistryClient } from '../http/registry-client.ts'
import { ServerList } from '../http/server-list.ts'
import type { DiscoverySource, FoundNode, ServiceArgs, ServiceListener } from '../source.ts'
import type { EurekaSettings } from './eureka-settings.ts'

/**
 * Services of Eureka: `GET /eureka/apps/NAME`, asked every `fetch_interval`. Instances that are UP count, at their secure port where that is
 * the only one enabled. Names are in upper case there, however they are written. `metadata.weight` of an instance is its weight.
 */
export class EurekaSource implements DiscoverySource {
  private readonly settings: EurekaSettings
  private readonly client: RegistryClient
  private readonly servers: ServerList
  private readonly authorization = new Map<string, string>()

  constructor(settings: EurekaSettings) {
    this.settings = settings
    this.client = RegistryClient.of(settings.tls)
    const servers = settings.host.map((host) => {
      const { origin, username, password } = new URL(host)
      const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
      if (username !== '') this.authorization.set(origin, `Basic ${Buffer.from(user).toString('base64')}`)
      return origin
    })
    this.servers = new ServerList(servers)
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  watch(service: string, _args: ServiceArgs, listener: ServiceListener): () => void {
    const { fetch_interval: interval = 30 } = this.settings
    return poll({ intervalMs: interval * 1_000, listener, ask: (signal) => this.ask(service, signal) })
  }

  close(): Promise<void> {
    this.client.close()
    return Promise.resolve()
  }

  private async ask(service: string, signal: AbortSignal): Promise<FoundNode[]> {
    const { prefix = '/eureka/', timeout: { connect = 2_000, send = 2_000, read = 5_000 } = {} } = this.settings
    const server = this.servers.current
    const authorization = this.authorization.get(server)
    const url = new URL(`${server}${prefix.replace(/\/*$/, '/')}apps/${encodeURIComponent(service.toUpperCase())}`)
    try {
      const answer = await this.client.ask(url, {
        headers: authorization === undefined ? {} : { authorization },
        timeoutMs: connect + send + read,
        signal,
      })
      return this.nodesOf(url, answer)
    } catch (error) {
      this.servers.failed(server)
      throw error
    }
  }

  private nodesOf(url: URL, answer: RegistryAnswer): FoundNode[] {
    // Nobody is registered by this name.
    if (answer.status === 404) return []
    const { instance } = fieldsOf(fieldsOf(jsonOf(url, answer))['application'])
    if (instance === undefined) throw new Error(`${url.origin} answers in another form than Eureka's`)
    // A single one is no list in the JSON of older servers.
    const list = (Array.isArray(instance) ? (instance as unknown[]) : [instance]).map(fieldsOf)
    return list
      .filter(({ status }) => status === 'UP')
      .map(({ ipAddr, hostName, port, securePort, metadata }) => {
        const texts = metadataOf(metadata)
        const own = Number(texts?.['weight'] ?? Number.NaN)
        return {
          host: textOf(ipAddr) || textOf(hostName),
          port: enabledPort(port) ?? enabledPort(securePort),
          weight: Number.isInteger(own) && own >= 0 ? own : (this.settings.weight ?? 100),
          metadata: texts,
        }
      })
  }
}

/** `{ "$": 8080, "@enabled": "true" }` */
function enabledPort(value: unknown): number | undefined {
  const { $: port, '@enabled': enabled } = fieldsOf(value)
  return String(enabled) === 'true' ? portOf(port) : undefined
}
