import { expandUpstream } from '../resources/normalise-upstream.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import type { EmbeddedUpstream } from '../resources/upstream.ts'
import { serviceKey, type WantedService } from './service-key.ts'

/** The services that upstreams ask for, wherever these are written, by key. */
export function wantedServices(resources: ResourceSet): Map<string, WantedService> {
  const wanted = new Map<string, WantedService>()
  const add = (upstream: EmbeddedUpstream | undefined): void => {
    if (upstream === undefined || typeof upstream === 'string') return
    const service = wantedService(upstream)
    if (service !== undefined) wanted.set(serviceKey(service), service)
  }
  for (const upstream of resources.upstreams.values()) add(upstream)
  for (const kind of ['services', 'routes', 'stream_routes'] as const)
    for (const { upstream } of resources[kind].values()) add(upstream)
  return wanted
}

/** The service of one upstream; undefined when its nodes are written. */
export function wantedService(upstream: EmbeddedUpstream): WantedService | undefined {
  const { service_name: name, discovery_type: type, discovery_args: args } = expandUpstream(upstream)
  return name === undefined ? undefined : { type: type ?? '', name, args: args ?? {} }
}
