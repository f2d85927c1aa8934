import type { Peer } from '@sekisho/proxy'
import { removeHopByHop, type RequestHead } from '@sekisho/wire'
import { CidrSet } from '../addresses/index.ts'
import { GatewayPhases } from '../gateway/gateway-phases.ts'
import { UpstreamStatus } from '../gateway/upstream-status.ts'
import { labelOf } from '../discovery/service-key.ts'
import type { NodeSettings } from '../config/settings/node-settings.ts'
import type { Plan } from '../plan/plan.ts'
import type { ExplainedUpstream, HeaderChange, UpstreamRequest } from './explanation.ts'
import type { OfflineSession } from './offline-session.ts'
import type { OfflineTable } from './offline-table.ts'

/** A request that has come through its phases. */
export interface Arrival {
  readonly session: OfflineSession
  readonly plan: Plan
  readonly offline: OfflineTable
  readonly settings: NodeSettings
  /** The fields as the client sent them. */
  readonly sent: RequestHead
}

/** Where the request goes and what arrives there; undefined when the route has no upstream. */
export function explainUpstream(arrival: Arrival): ExplainedUpstream | undefined {
  const { session, plan, settings } = arrival
  const target = plan.upstream
  if (target === undefined) return undefined
  const { upstream } = target
  const peer = session.responded ? undefined : target.pick(session)
  const live = upstream.nodes.filter(({ weight }) => weight > 0)
  const timeout = plan.route.timeout ?? upstream.timeout
  const defaults = settings.upstream_defaults
  return {
    place: placeOf(plan),
    type: upstream.type,
    scheme: upstream.scheme,
    nodes: upstream.nodes.map(({ host, port, weight, priority }) => ({
      address: written(host, port),
      weight,
      priority,
    })),
    picked: peer?.name,
    certain: live.length === 1 || upstream.type === 'chash',
    unknown: (['checks', 'outlier_detection', 'slow_start'] as const).filter((name) => upstream[name] !== undefined),
    timeouts: {
      connect: timeout?.connect ?? defaults.connect_timeout,
      send: timeout?.send ?? defaults.send_timeout,
      read: timeout?.read ?? plan.function?.readSeconds ?? defaults.read_timeout,
    },
    grpc:
      upstream.scheme === 'grpc' || upstream.scheme === 'grpcs'
        ? { policy: plan.route.grpc ?? plan.service?.grpc, readIsWritten: timeout !== undefined }
        : undefined,
    retries: target.retries,
    retryTimeout: upstream.retry_timeout,
    service: upstream.discovery && `${upstream.discovery.type} ${labelOf(upstream.discovery)}`,
    function: functionOf(plan),
    request: peer === undefined || plan.function !== undefined ? undefined : requestFor(peer, arrival),
  }
}

function functionOf({ function: target }: Plan): ExplainedUpstream['function'] {
  if (target === undefined) return undefined
  const { invoke, events } = target
  return { name: invoke.name, payload: events.format, invocationType: invoke.invocationType, path: invoke.path }
}

/** As `UpstreamTable.targetOf` looks for it. */
function placeOf({ route, service }: Plan): string {
  if (route.upstream !== undefined) return `routes/${route.id}`
  if (route.upstream_id !== undefined) return `upstreams/${route.upstream_id}`
  return service?.upstream === undefined ? `upstreams/${service?.upstream_id}` : `services/${service.id}`
}

const written = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)

/** The request as the gateway's own phases make it for this node. */
function requestFor(peer: Peer, { session, offline, settings, sent }: Arrival): UpstreamRequest {
  const { trusted_addresses: trusted } = settings
  const phases = new GatewayPhases({
    table: offline.table,
    status: new UpstreamStatus(offline.metrics),
    trusted: trusted.length === 0 ? undefined : new CidrSet(trusted),
    serverHeader: undefined,
    onLogged: () => undefined,
  })
  const request = session.request.copy()
  if (request.hopByHop && !request.upgrade) removeHopByHop(request.headers)
  session.peer = peer
  phases.upstreamRequestFilter(session, request)
  const { method, target, headers } = request
  return { method, target, host: headers.get('host') ?? '', changes: changesOf(sent, request) }
}

/** What is different in the fields, by name; Host is told apart. */
function changesOf(before: RequestHead, after: RequestHead): HeaderChange[] {
  const names = new Map<string, string>()
  for (const [name] of [...before.headers, ...after.headers]) names.set(name.toLowerCase(), name)
  names.delete('host')
  return [...names.values()]
    .filter((name) => before.headers.get(name) !== after.headers.get(name))
    .map((name) => ({ name, value: after.headers.get(name) }))
}
