import type { ResourceKind } from '../resources/kind-names.ts'
import type { PluginSet } from '../resources/plugin-set.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import type { EmbeddedUpstream } from '../resources/upstream.ts'

/** Kinds in which an upstream may be written: as the resource, within it, or within the plugins on it. */
const KINDS: readonly ResourceKind[] = [
  'upstreams',
  'services',
  'routes',
  'stream_routes',
  'plugin_configs',
  'global_rules',
  'consumers',
  'consumer_groups',
]
const HAS_UPSTREAMS: ReadonlySet<ResourceKind> = new Set(KINDS)

/** Deeper than this no plugin's schema goes. */
const MAX_DEPTH = 16

/**
 * The upstreams that a resource writes, by place: `upstreams/1`, `routes/1`, `routes/1/plugins/traffic-split/rules/0/weighted_upstreams/0/upstream`.
 * In a plugin's configuration that is what has `nodes` or a `service_name` and stands at a key `upstream`: the thread that checks health
 * knows no plugins.
 */
export function upstreamPlaces(kind: ResourceKind, id: string, value: unknown): ReadonlyMap<string, EmbeddedUpstream> {
  if (value === undefined || !HAS_UPSTREAMS.has(kind)) return NONE
  const owner = `${kind}/${id}`
  const { upstream, plugins } = value as { upstream?: EmbeddedUpstream; plugins?: PluginSet }
  const own = kind === 'upstreams' ? (value as EmbeddedUpstream) : upstream
  if (own === undefined && plugins === undefined) return NONE
  const found = new Map<string, EmbeddedUpstream>()
  if (own !== undefined) found.set(owner, own)
  for (const [name, config] of Object.entries(plugins ?? {}))
    if (!isDisabled(config)) collect(`${owner}/plugins/${name}`, config, found, 0)
  return found
}

const NONE: ReadonlyMap<string, EmbeddedUpstream> = new Map()

function collect(path: string, value: object, found: Map<string, EmbeddedUpstream>, depth: number): void {
  if (depth === MAX_DEPTH) return
  for (const [key, part] of Object.entries(value)) {
    if (typeof part !== 'object' || part === null) continue
    const place = `${path}/${key}`
    if (key === 'upstream' && isUpstream(part)) found.set(place, part as EmbeddedUpstream)
    else collect(place, part as object, found, depth + 1)
  }
}

const isDisabled = (config: Readonly<Record<string, unknown>>): boolean =>
  (config['_meta'] as { disable?: unknown } | undefined)?.disable === true

const isUpstream = (part: object): boolean =>
  ('nodes' in part && typeof part.nodes === 'object') ||
  ('service_name' in part && typeof part.service_name === 'string')

/** A resource, and the upstreams that it writes. */
export interface UpstreamOwner {
  readonly owner: string
  readonly places: ReadonlyMap<string, EmbeddedUpstream>
}

/** Of all resources. */
export function* allUpstreamPlaces(resources: ResourceSet): Iterable<UpstreamOwner> {
  for (const kind of KINDS)
    for (const [id, value] of resources[kind]) yield { owner: `${kind}/${id}`, places: upstreamPlaces(kind, id, value) }
}
