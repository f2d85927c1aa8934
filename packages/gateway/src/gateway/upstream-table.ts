import type { UpstreamDefaults } from '../config/settings/limits.ts'
import { normaliseUpstream } from '../resources/normalise-upstream.ts'
import type { NormalRoute, NormalService } from '../resources/normalise-route.ts'
import type { Timeout } from '../resources/timeout.ts'
import type { Upstream } from '../resources/upstream.ts'
import type { CertificatePair } from '../tls/ssl-table.ts'
import { UpstreamTarget } from '../upstreams/upstream-target.ts'

/** Where a route's requests go, or what they are answered when that is nowhere. */
export interface TargetResult {
  readonly upstream: UpstreamTarget | undefined
  readonly missing: { readonly status: number; readonly message: string } | undefined
}

/** What has an upstream: a route, or a stream route. */
export type TargetOwner = Pick<NormalRoute, 'id' | 'upstream' | 'upstream_id' | 'service_id' | 'timeout'>
type OwnerKind = 'routes' | 'stream_routes'

/** The targets of one upstream as it was written: routes with time limits of their own cannot share the peers of the others. */
interface CachedTargets {
  readonly written: Upstream
  readonly byLimits: Map<string, UpstreamTarget>
}

/**
 * The upstreams of one worker. A target (balancer, peers) is made when a route first needs it, and stays while the upstream it was made
 * from does: neither rotation nor counters start anew because something else changed.
 */
export class UpstreamTable {
  private readonly byId = new Map<string, Upstream>()
  /** By where the upstream is written: `upstreams/1`, `routes/1`. */
  private readonly targets = new Map<string, CachedTargets>()
  /** Where upstreams are written that show a certificate, by its id. */
  private readonly showing = new Map<string, Set<string>>()
  private readonly defaults: UpstreamDefaults
  private readonly workerIndex: number
  private readonly certificateOf: (sslId: string) => CertificatePair | undefined

  /** @param certificateOf the certificate that `tls.client_cert_id` names */
  constructor(
    defaults: UpstreamDefaults,
    workerIndex: number,
    certificateOf: (sslId: string) => CertificatePair | undefined,
  ) {
    this.certificateOf = certificateOf
    this.defaults = defaults
    this.workerIndex = workerIndex
  }

  set(id: string, upstream: Upstream | undefined): void {
    if (upstream === undefined) this.byId.delete(id)
    else this.byId.set(id, upstream)
    this.targets.delete(`upstreams/${id}`)
  }

  /** The upstream that stood within a route or service is gone with it. */
  removeOwner(kind: OwnerKind | 'services', id: string): void {
    this.targets.delete(`${kind}/${id}`)
  }

  /** The `scheme` as it is written on the upstream of a route, wherever that stands. */
  schemeOf(route: TargetOwner, service: NormalService | undefined): Upstream['scheme'] {
    const id = route.upstream_id ?? (service?.upstream === undefined ? service?.upstream_id : undefined)
    return (route.upstream ?? (id === undefined ? service?.upstream : this.byId.get(id)))?.scheme
  }

  /** Upstreams that show this certificate must show the new one. */
  certificateChanged(sslId: string): void {
    for (const place of this.showing.get(sslId) ?? []) this.targets.delete(place)
    this.showing.delete(sslId)
  }

  /** A route's own upstream or reference wins over its service's. */
  targetOf(route: TargetOwner, service: NormalService | undefined, kind: OwnerKind = 'routes'): TargetResult {
    if (route.service_id !== undefined && service === undefined) {
      return { upstream: undefined, missing: { status: 404, message: `service ${route.service_id} does not exist` } }
    }
    if (route.upstream !== undefined) return this.made(`${kind}/${route.id}`, route.upstream, route.timeout)
    const id = route.upstream_id ?? (service?.upstream === undefined ? service?.upstream_id : undefined)
    if (id !== undefined) {
      const upstream = this.byId.get(id)
      if (upstream !== undefined) return this.made(`upstreams/${id}`, upstream, route.timeout)
      return { upstream: undefined, missing: { status: 502, message: `upstream ${id} does not exist` } }
    }
    if (service?.upstream !== undefined) return this.made(`services/${service.id}`, service.upstream, route.timeout)
    return {
      upstream: undefined,
      missing: { status: 503, message: 'the route has no upstream, and no plugin answered' },
    }
  }

  private made(place: string, upstream: Upstream, timeout: Timeout | undefined): TargetResult {
    let made = this.targets.get(place)
    if (made?.written !== upstream) this.targets.set(place, (made = { written: upstream, byLimits: new Map() }))
    const limits = timeout === undefined ? '' : JSON.stringify(timeout)
    const known = made.byLimits.get(limits)
    if (known !== undefined) return usable(known)
    const normal = normaliseUpstream(upstream)
    const { client_cert_id: sslId } = normal.tls
    if (sslId !== undefined) this.showing.set(sslId, (this.showing.get(sslId) ?? new Set()).add(place))
    const certificate = sslId === undefined ? undefined : this.certificateOf(sslId)
    const target = new UpstreamTarget(
      certificate === undefined
        ? normal
        : { ...normal, tls: { ...normal.tls, client_cert: certificate.cert, client_key: certificate.key } },
      timeout,
      this.defaults,
      this.workerIndex,
    )
    made.byLimits.set(limits, target)
    return usable(target)
  }
}

function usable(target: UpstreamTarget): TargetResult {
  if (target.upstream.nodes.every((node) => node.weight === 0)) {
    return { upstream: undefined, missing: { status: 503, message: 'the upstream has no nodes' } }
  }
  return { upstream: target, missing: undefined }
}
