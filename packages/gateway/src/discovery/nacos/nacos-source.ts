import { fieldsOf, listOf, metadataOf, portOf, textOf } from '../http/fields.ts'
import { poll } from '../http/poll.ts'
import { jsonOf, type RegistryAnswer, RegistryClient } from '../http/registry-client.ts'
import { ServerList } from '../http/server-list.ts'
import type { DiscoverySource, FoundNode, ServiceArgs, ServiceListener } from '../source.ts'
import type { NacosSettings } from './nacos-settings.ts'

interface Token {
  readonly value: string
  readonly expires: number
}

/** A token is renewed when so much of its time is over. */
const TOKEN_SHARE = 0.8
/** Weights of Nacos are fractions with two digits or so; ours are whole. */
const WEIGHT_SCALE = 100

/**
 * Services of Nacos: `ns/instance/list` of its open API v1, asked every `fetch_interval`. Instances that are healthy and enabled count. Where there
 * is a user, `auth/login` gives a token, which is asked for again before it ends and when it is refused. Arguments: `namespace_id`, `group_name`.
 */
export class NacosSource implements DiscoverySource {
  private readonly settings: NacosSettings
  private readonly client: RegistryClient
  private readonly servers: ServerList
  private readonly users = new Map<string, { readonly username: string; readonly password: string }>()
  private token: Promise<Token> | undefined
  private readonly stop = new AbortController()

  constructor(settings: NacosSettings) {
    this.settings = settings
    this.client = RegistryClient.of(settings.tls)
    const servers = settings.host.map((host) => {
      const url = new URL(host)
      const { username, password } = url
      const own = { username: decodeURIComponent(username), password: decodeURIComponent(password) }
      const user = own.username === '' ? { username: settings.username ?? '', password: settings.password ?? '' } : own
      if (user.username !== '') this.users.set(url.origin, user)
      return url.origin
    })
    this.servers = new ServerList(servers)
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  watch(service: string, args: ServiceArgs, listener: ServiceListener): () => void {
    const { fetch_interval: interval = 30 } = this.settings
    return poll({ intervalMs: interval * 1_000, listener, ask: (signal) => this.ask(service, args, signal) })
  }

  close(): Promise<void> {
    this.stop.abort()
    this.client.close()
    return Promise.resolve()
  }

  private async ask(service: string, args: ServiceArgs, signal: AbortSignal): Promise<FoundNode[]> {
    const server = this.servers.current
    try {
      const query = new URLSearchParams({ serviceName: service, healthyOnly: 'true' })
      if (typeof args['namespace_id'] === 'string') query.set('namespaceId', args['namespace_id'])
      if (typeof args['group_name'] === 'string') query.set('groupName', args['group_name'])
      const url = this.url(server, 'ns/instance/list')
      const first = await this.list(url, query, signal)
      const refused = first.status === 401 || first.status === 403
      if (refused) this.token = undefined
      const answer = refused && this.users.has(server) ? await this.list(url, query, signal) : first
      return this.nodesOf(url, answer)
    } catch (error) {
      this.servers.failed(server)
      this.token = undefined
      throw error
    }
  }

  private async list(url: URL, query: URLSearchParams, signal: AbortSignal): Promise<RegistryAnswer> {
    const token = await this.tokenFor(url.origin)
    const asked = new URL(url)
    asked.search = query.toString()
    if (token !== undefined) asked.searchParams.set('accessToken', token)
    return this.client.ask(asked, { timeoutMs: this.timeoutMs, signal })
  }

  /** One login for all services. */
  private async tokenFor(server: string): Promise<string | undefined> {
    const user = this.users.get(server)
    if (user === undefined) return undefined
    const pending = (this.token ??= this.login(server, user))
    try {
      const token = await pending
      if (performance.now() < token.expires) return token.value
      if (this.token === pending) this.token = this.login(server, user)
      return (await this.token)?.value
    } catch (error) {
      if (this.token === pending) this.token = undefined
      throw error
    }
  }

  private async login(server: string, user: { username: string; password: string }): Promise<Token> {
    const url = this.url(server, 'auth/login')
    const answer = await this.client.ask(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(user).toString(),
      timeoutMs: this.timeoutMs,
      signal: this.stop.signal,
    })
    const { accessToken, tokenTtl } = fieldsOf(jsonOf(url, answer))
    if (textOf(accessToken) === '') throw new Error(`${url.origin} gives no token to the user "${user.username}"`)
    const ttl = typeof tokenTtl === 'number' && tokenTtl > 0 ? tokenTtl : 0
    return { value: textOf(accessToken), expires: performance.now() + ttl * 1_000 * TOKEN_SHARE }
  }

  private nodesOf(url: URL, answer: RegistryAnswer): FoundNode[] {
    const { weight: standard = 100 } = this.settings
    const hosts = listOf(fieldsOf(jsonOf(url, answer))['hosts'], 'the answer').map(fieldsOf)
    const live = hosts.filter(({ enabled, healthy }) => enabled !== false && healthy !== false)
    const weights = live.map(({ weight }) => (typeof weight === 'number' ? weight : standard))
    const scale = weights.every(Number.isInteger) ? 1 : WEIGHT_SCALE
    return live.map(({ ip, port, metadata }, index) => ({
      host: textOf(ip),
      port: portOf(port),
      // What is little is not nothing: 0 alone takes a node out.
      weight: weights[index] === 0 ? 0 : Math.max(1, Math.round(weights[index] * scale)),
      metadata: metadataOf(metadata),
    }))
  }

  private url(server: string, path: string): URL {
    const { prefix = '/nacos/v1/' } = this.settings
    return new URL(`${server}${prefix.replace(/\/*$/, '/')}${path}`)
  }

  private get timeoutMs(): number {
    const { connect = 2_000, send = 2_000, read = 5_000 } = this.settings.timeout ?? {}
    return connect + send + read
  }
}
