import type { PluginSet } from './plugin-set.ts'
import type { StreamRoute } from './stream-route.ts'
import type { Upstream } from './upstream.ts'

/** Schemes of upstreams that take bytes as they are. */
export const STREAM_SCHEMES = ['tcp', 'tls', 'udp'] as const
type StreamScheme = (typeof STREAM_SCHEMES)[number]

export const isStreamScheme = (scheme: string | undefined): scheme is StreamScheme =>
  (STREAM_SCHEMES as readonly (string | undefined)[]).includes(scheme)

/** A stream route in one spelling: lists where there is a singular and a plural field, ids as text. */
export interface NormalStreamRoute {
  readonly id: string
  readonly server_port: number | undefined
  readonly server_addr: string | undefined
  readonly remote_addrs: readonly string[]
  /** Lower case. Empty: with and without TLS. */
  readonly snis: readonly string[]
  readonly passthrough: boolean
  readonly upstream: Upstream | undefined
  readonly upstream_id: string | undefined
  readonly service_id: string | undefined
  /** What an HTTP route may say instead of its upstream, and a stream route may not. */
  readonly timeout: undefined
  readonly plugins: PluginSet
  /** Seconds; 0 = no limit. */
  readonly idle_timeout: number | undefined
  readonly proxy_protocol: 1 | 2 | undefined
  readonly responses: number
  readonly enabled: boolean
}

/** The full form of the short one: `"tcp://127.0.0.1:6379"`. */
export function expandStreamUpstream(upstream: NonNullable<StreamRoute['upstream']>): Upstream {
  if (typeof upstream !== 'string') return upstream
  const [scheme, address] = upstream.split('://') as [StreamScheme, string]
  return { scheme, nodes: { [address]: 1 } }
}

/** `id` is the key of the route in its list. */
export function normaliseStreamRoute(id: string, route: StreamRoute): NormalStreamRoute {
  const text = (value: string | number | undefined): string | undefined =>
    value === undefined ? undefined : String(value)
  const names = route.snis ?? (route.sni === undefined ? [] : [route.sni])
  return {
    id,
    server_port: route.server_port,
    server_addr: route.server_addr,
    remote_addrs: route.remote_addrs ?? (route.remote_addr === undefined ? [] : [route.remote_addr]),
    snis: names.map((name) => name.toLowerCase()),
    passthrough: route.tls === 'passthrough',
    upstream: route.upstream === undefined ? undefined : expandStreamUpstream(route.upstream),
    upstream_id: text(route.upstream_id),
    service_id: text(route.service_id),
    timeout: undefined,
    plugins: route.plugins ?? {},
    idle_timeout: route.idle_timeout,
    proxy_protocol: route.proxy_protocol,
    responses: route.responses ?? 0,
    enabled: route.status !== 0,
  }
}
