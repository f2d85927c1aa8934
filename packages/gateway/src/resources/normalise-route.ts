import type { GrpcPolicy } from './grpc.ts'
import type { Hedge, LoadShedding, Retry } from './overload.ts'
import type { PluginSet } from './plugin-set.ts'
import type { Route } from './route.ts'
import type { Service } from './service.ts'
import type { Timeout } from './timeout.ts'
import type { Upstream } from './upstream.ts'
import type { WebSocketLimits } from './web-socket.ts'
import { expandUpstream } from './normalise-upstream.ts'

const text = (id: string | number | undefined): string | undefined => (id === undefined ? undefined : String(id))

/** A route in one spelling: lists where APISIX has a singular and a plural field, ids as text. */
export interface NormalRoute {
  readonly id: string
  readonly name: string | undefined
  readonly labels: Readonly<Record<string, string>> | undefined
  readonly uris: readonly string[]
  /** Empty: the hosts of its service, or any host. */
  readonly hosts: readonly string[]
  readonly remote_addrs: readonly string[]
  /** Undefined: every method. An empty list in the configuration means the same. */
  readonly methods: readonly string[] | undefined
  readonly priority: number
  readonly vars: readonly unknown[] | undefined
  readonly filter_func: string | undefined
  readonly plugins: PluginSet
  readonly plugin_config_id: string | undefined
  readonly upstream: Upstream | undefined
  readonly upstream_id: string | undefined
  readonly service_id: string | undefined
  readonly timeout: Timeout | undefined
  /** In place of those of its upstream. */
  readonly retry: Retry | undefined
  readonly hedge: Hedge | undefined
  readonly load_shedding: LoadShedding | undefined
  /** Undefined: what its service says. */
  readonly enable_websocket: boolean | undefined
  readonly websocket: WebSocketLimits | undefined
  readonly grpc: GrpcPolicy | undefined
  readonly enabled: boolean
}

/** `id` is the key of the route in its list. */
export function normaliseRoute(id: string, route: Route): NormalRoute {
  return {
    id,
    name: route.name,
    labels: route.labels,
    uris: route.uris ?? (route.uri === undefined ? [] : [route.uri]),
    hosts: route.hosts ?? (route.host === undefined ? [] : [route.host]),
    remote_addrs: route.remote_addrs ?? (route.remote_addr === undefined ? [] : [route.remote_addr]),
    methods: route.methods?.length ? route.methods : undefined,
    priority: route.priority ?? 0,
    vars: route.vars?.length ? route.vars : undefined,
    filter_func: route.filter_func,
    plugins: route.plugins ?? {},
    plugin_config_id: text(route.plugin_config_id),
    upstream: route.upstream === undefined ? undefined : expandUpstream(route.upstream),
    upstream_id: text(route.upstream_id),
    service_id: text(route.service_id),
    timeout: route.timeout,
    retry: route.retry,
    hedge: route.hedge,
    load_shedding: route.load_shedding,
    enable_websocket: route.enable_websocket,
    websocket: route.websocket,
    grpc: route.grpc,
    enabled: route.status !== 0,
  }
}

/** A service with ids as text and its upstream in the full form. */
export interface NormalService {
  readonly id: string
  readonly name: string | undefined
  readonly labels: Readonly<Record<string, string>> | undefined
  readonly hosts: readonly string[]
  readonly plugins: PluginSet
  readonly upstream: Upstream | undefined
  readonly upstream_id: string | undefined
  /** Undefined: WebSocket, and nothing else. */
  readonly enable_websocket: boolean | undefined
  readonly websocket: WebSocketLimits | undefined
  readonly grpc: GrpcPolicy | undefined
  readonly load_shedding: LoadShedding | undefined
}

/** `id` is the key of the service in its list. */
export function normaliseService(id: string, service: Service): NormalService {
  return {
    id,
    name: service.name,
    labels: service.labels,
    hosts: service.hosts ?? [],
    plugins: service.plugins ?? {},
    upstream: service.upstream === undefined ? undefined : expandUpstream(service.upstream),
    upstream_id: text(service.upstream_id),
    enable_websocket: service.enable_websocket,
    websocket: service.websocket,
    grpc: service.grpc,
    load_shedding: service.load_shedding,
  }
}
