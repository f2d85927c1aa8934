import { expandUpstream } from '../resources/normalise-upstream.ts'
import type { ResourceKind } from '../resources/kind-names.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import type { EmbeddedUpstream } from '../resources/upstream.ts'
import type { Operation } from '../store/store.ts'
import { serviceKey, type WantedService } from './service-key.ts'

/** Where an upstream may be written. */
const KINDS = ['upstreams', 'services', 'routes', 'stream_routes'] as const
type OwnerKind = (typeof KINDS)[number]
const isOwner = (kind: ResourceKind): kind is OwnerKind => (KINDS as readonly string[]).includes(kind)

/** The services that upstreams ask for, wherever these are written. A change costs its own size. */
export class WantedServices {
  /** By key. */
  readonly services = new Map<string, WantedService>()
  /** How many upstreams ask for each. */
  private readonly counts = new Map<string, number>()
  private readonly byOwner = new Map<string, string>()

  constructor(resources: ResourceSet) {
    for (const kind of KINDS) for (const [id, item] of resources[kind]) this.set(kind, id, item)
  }

  /** Whether other services are asked for now. */
  apply(operations: readonly Operation[]): boolean {
    let changed = false
    for (const { kind, id, value } of operations) if (isOwner(kind) && this.set(kind, id, value)) changed = true
    return changed
  }

  private set(kind: OwnerKind, id: string, item: unknown): boolean {
    const owner = `${kind}/${id}`
    const wanted = item === undefined ? undefined : wantedService(upstreamOf(kind, item))
    const key = wanted && serviceKey(wanted)
    const before = this.byOwner.get(owner)
    if (key === before) return false
    if (before !== undefined) this.release(owner, before)
    if (wanted !== undefined && key !== undefined) {
      this.byOwner.set(owner, key)
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
      this.services.set(key, wanted)
    }
    return true
  }

  private release(owner: string, key: string): void {
    this.byOwner.delete(owner)
    const left = (this.counts.get(key) ?? 0) - 1
    if (left > 0) this.counts.set(key, left)
    else {
      this.counts.delete(key)
      this.services.delete(key)
    }
  }
}

const upstreamOf = (kind: OwnerKind, item: unknown): EmbeddedUpstream | undefined =>
  kind === 'upstreams' ? (item as EmbeddedUpstream) : (item as { upstream?: EmbeddedUpstream }).upstream

/** The service of one upstream; undefined when its nodes are written. */
function wantedService(upstream: EmbeddedUpstream | undefined): WantedService | undefined {
  if (upstream === undefined || typeof upstream === 'string') return undefined
  const { service_name: name, discovery_type: type = '', discovery_args: args = {} } = expandUpstream(upstream)
  return name === undefined ? undefined : { type, name, args }
}
