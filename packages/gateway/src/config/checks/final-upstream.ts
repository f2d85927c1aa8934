import { expandStreamUpstream } from '../../resources/normalise-stream-route.ts'
import { expandUpstream } from '../../resources/normalise-upstream.ts'
import type { Route } from '../../resources/route.ts'
import type { Service } from '../../resources/service.ts'
import type { StreamRoute } from '../../resources/stream-route.ts'
import type { Upstream } from '../../resources/upstream.ts'
import type { KnownResources } from './known-resources.ts'

/** The upstream that a route ends up with, and the field that leads there. */
export interface FinalUpstream {
  readonly upstream: Upstream
  readonly field: string
}

export const serviceOf = ({ service_id: id }: Route | StreamRoute, known: KnownResources): Service | undefined =>
  id === undefined ? undefined : (known.item('services', String(id)) as Service | undefined)

/** undefined: it has none, or names one that does not exist. */
export function finalUpstream(
  route: Route | StreamRoute,
  kind: 'routes' | 'stream_routes',
  known: KnownResources,
): FinalUpstream | undefined {
  const { upstream: own, upstream_id: id } = route
  if (own !== undefined) {
    const upstream = kind === 'routes' ? expandUpstream(own) : expandStreamUpstream(own)
    return { upstream, field: 'upstream' }
  }
  if (id !== undefined) return named(known, id, 'upstream_id')
  const service = serviceOf(route, known)
  if (service?.upstream !== undefined) return { upstream: expandUpstream(service.upstream), field: 'service_id' }
  return service?.upstream_id === undefined ? undefined : named(known, service.upstream_id, 'service_id')
}

function named(known: KnownResources, id: string | number, field: string): FinalUpstream | undefined {
  const upstream = known.item('upstreams', String(id)) as Upstream | undefined
  return upstream && { upstream, field }
}
