import type { Backend, CacheUse, ProxyError, Session } from '@sekisho/proxy'
import type { GuardedRequest } from './overload/guarded-request.ts'
import type { UpstreamCall } from './functions/upstream-call.ts'
import type { Consumer } from './consumers/consumer-directory.ts'
import type { TargetResult } from './gateway/upstream-table.ts'
import type { Plan } from './plan/plan.ts'
import { normalisePath, type MatchRequest } from './router/index.ts'
import { readVariable } from './variables/variables.ts'

/** What a plugin kept of a request for its own later phases, by plugin name. */
type PluginStates = Map<string, unknown>

/**
 * What the gateway knows of one request: the router and expressions read from it, plugins read and write it. Values that cost
 * something are made when they are first asked for.
 */
export class RequestContext implements MatchRequest {
  readonly session: Session<RequestContext>
  /** Upper case as sent. */
  readonly method: string
  /** nginx's `$uri`: decoded and normalised; what routes are matched against. Empty for a path that cannot be normalised. */
  readonly path: string
  /** Lower case, without the port; empty when an HTTP/1.0 client sent none. */
  readonly host: string
  /** The client's address: that of the connection, until `real-ip` knows better. */
  remoteAddr: string
  /** Path parameters of the matched route, by name. */
  uriParams: Record<string, string> | undefined = undefined
  /** Everything settled by configuration for the matched route; undefined until it is matched, or when none was. */
  plan: Plan | undefined = undefined
  /** Set by the auth plugin that recognised the caller. */
  consumer: Consumer | undefined = undefined

  /** What the upstream gets in place of the client's request line; undefined = as the client sent it. Set by `proxy-rewrite`. */
  upstreamMethod: string | undefined = undefined
  /** Path and query, percent-encoded as it goes on the wire. */
  upstreamTarget: string | undefined = undefined
  /** The Host field for the upstream, over `pass_host`. */
  upstreamHost: string | undefined = undefined

  /**
   * Fields that the upstream gets, over those of the client; undefined takes one out. For what speaks another protocol than the client: what
   * `session.request` says stays what the client said, and answers of our own go by that.
   */
  upstreamFields: Readonly<Record<string, string | undefined>> | undefined = undefined

  /** Where a plugin sends this request in place of the route's own upstream: what `context.upstream(…).at(…)` gives. Set in `access` at the latest. */
  chosen: TargetResult | undefined = undefined

  /** A function answers this request: what would leave for an upstream becomes a call of it. */
  functionCall: UpstreamCall | undefined = undefined
  /** What an identity provider said of a caller that is no consumer: the claims of its user. Set by `openid-connect`. */
  externalUser: Readonly<Record<string, unknown>> | undefined = undefined
  /** What an authorizer said of the caller; functions get it with their event. */
  authorizer: Readonly<Record<string, unknown>> | undefined = undefined

  /** What the upstream answered, before filters changed it, when its health is watched; 0 = nothing, or nobody wants to know. */
  watchedStatus = 0
  /** The node that the balancer counts this request on. */
  countedBackend: Backend | undefined = undefined
  /** What the last attempt failed of; from `log` on, what ended the exchange. */
  failure: ProxyError | undefined = undefined
  /** What it has taken of the limits of its upstream, where that has some. */
  guarded: GuardedRequest | undefined = undefined
  /** How much it matters that it is served, when not all can be: 0 (most) to 7. */
  urgency = 3
  /** The load shedder counts it. */
  shedderCounts = false

  /** How a cache is used for this request. Set by `proxy-cache`. */
  cacheUse: CacheUse | undefined = undefined

  private states: PluginStates | undefined = undefined
  private filterResults: Map<object, boolean> | undefined = undefined

  constructor(session: Session<RequestContext>) {
    this.session = session
    const { request } = session
    this.method = request.method
    this.path = normalisePath(request.path) ?? ''
    this.host = hostName(request.host)
    this.remoteAddr = session.remoteAddress
  }

  /** A request that a cache makes for itself goes where the one went that led to it. */
  takeOver(original: RequestContext): void {
    this.remoteAddr = original.remoteAddr
    this.uriParams = original.uriParams
    this.plan = original.plan
    this.consumer = original.consumer
    this.upstreamMethod = original.upstreamMethod === 'HEAD' ? undefined : original.upstreamMethod
    this.upstreamTarget = original.upstreamTarget
    this.upstreamHost = original.upstreamHost
    this.upstreamFields = original.upstreamFields
    this.chosen = original.chosen
    this.externalUser = original.externalUser
    this.authorizer = original.authorizer
    this.states = original.states
  }

  get hostWithPort(): string {
    return this.session.request.host.toLowerCase()
  }

  /** A variable by nginx's or APISIX's name (`uri`, `arg_x`, `http_x`, `cookie_x`, `consumer_name`, …). */
  variable(name: string): string | number | undefined {
    return readVariable(this, name)
  }

  /** The caller is known: routes' consumer plugins apply, and the upstream gets `X-Consumer-*`. */
  attachConsumer(consumer: Consumer, credential?: string): void {
    const { headers } = this.session.request
    if (this.consumer !== undefined) {
      // Somebody else was recognised before, by a global rule say: nothing of that one may stay.
      headers.delete('X-Consumer-Custom-ID')
      headers.delete('X-Credential-Identifier')
    }
    this.consumer = consumer
    headers.set('X-Consumer-Username', consumer.username)
    const customId = consumer.labels?.['custom_id']
    if (customId !== undefined) headers.set('X-Consumer-Custom-ID', customId)
    if (credential !== undefined) headers.set('X-Credential-Identifier', credential)
  }

  /** What this plugin kept in an earlier phase of this request. */
  getState<T>(plugin: string): T | undefined {
    return this.states?.get(plugin) as T | undefined
  }

  setState(plugin: string, state: unknown): void {
    ;(this.states ??= new Map()).set(plugin, state)
  }

  /** What a mounted plugin's `_meta.filter` said of this request. */
  getFilterResult(plugin: object): boolean | undefined {
    return this.filterResults?.get(plugin)
  }

  setFilterResult(plugin: object, result: boolean): void {
    ;(this.filterResults ??= new Map()).set(plugin, result)
  }
}

/** `Example.com:8080` to `example.com`; an IPv6 address keeps its brackets. */
function hostName(host: string): string {
  if (host === lastHost) return lastName
  const colon = host.lastIndexOf(':')
  const name = colon > host.lastIndexOf(']') ? host.slice(0, colon) : host
  lastHost = host
  return (lastName = name.toLowerCase())
}

/** The host asked for last, and its name: most requests ask for the same few. */
let lastHost = ''
let lastName = ''
