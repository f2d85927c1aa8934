import { expandUpstream } from '../resources/normalise-upstream.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import type { EmbeddedUpstream } from '../resources/upstream.ts'
import type { Operation } from '../store/store.ts'
import { allUpstreamPlaces, type UpstreamOwner, upstreamPlaces } from '../upstreams/upstream-places.ts'
import { serviceKey, type WantedService } from './service-key.ts'

/** The services that upstreams ask for, wherever these are written. A change costs its own size. */
export class WantedServices {
  /** By key. */
  readonly services = new Map<string, WantedService>()
  /** How many upstreams ask for each. */
  private readonly counts = new Map<string, number>()
  private readonly byOwner = new Map<string, readonly string[]>()

  constructor(resources: ResourceSet) {
    for (const owner of allUpstreamPlaces(resources)) this.set(owner)
  }

  /** Whether other services are asked for now. */
  apply(operations: readonly Operation[]): boolean {
    let changed = false
    for (const { kind, id, value } of operations)
      if (this.set({ owner: `${kind}/${id}`, places: upstreamPlaces(kind, id, value) })) changed = true
    return changed
  }

  private set({ owner, places }: UpstreamOwner): boolean {
    const before = this.byOwner.get(owner) ?? NONE
    if (places.size === 0 && before.length === 0) return false
    const keys: string[] = []
    for (const upstream of places.values()) {
      const wanted = wantedService(upstream)
      if (wanted === undefined) continue
      const key = serviceKey(wanted)
      keys.push(key)
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
      this.services.set(key, wanted)
    }
    if (keys.length === 0) this.byOwner.delete(owner)
    else this.byOwner.set(owner, keys)
    for (const key of before) this.release(key)
    return keys.join() !== before.join()
  }

  private release(key: string): void {
    const left = (this.counts.get(key) ?? 0) - 1
    if (left > 0) this.counts.set(key, left)
    else {
      this.counts.delete(key)
      this.services.delete(key)
    }
  }
}

const NONE: readonly string[] = []

/** The service of one upstream; undefined when its nodes are written. */
function wantedService(upstream: EmbeddedUpstream): WantedService | undefined {
  if (typeof upstream === 'string') return undefined
  const { service_name: name, discovery_type: type = '', discovery_args: args = {} } = expandUpstream(upstream)
  return name === undefined ? undefined : { type, name, args }
}
