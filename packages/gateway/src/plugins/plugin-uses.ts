import type { PluginLookup } from '../config/plugin-lookup.ts'
import { withDefaults } from '../resources/defaults.ts'
import type { PluginSet } from '../resources/plugin-set.ts'
import type { NestedPlugin, NestedUpstream, PluginDefinition, PluginUses } from './definition.ts'

/** How deep plugins may stand within each other: a plugin that names itself without end is stopped here. */
export const MAX_NESTING = 8

/** What stands within a configuration that passed the schema. Throws what the plugin's `uses` throws. */
export function usesOf(definition: PluginDefinition, config: unknown): PluginUses {
  return definition.uses?.(withDefaults(definition.schema, config)) ?? NOTHING
}

const NOTHING: PluginUses = {}

/** The plugins and upstreams within the configurations of a plugin set, at any depth. */
export interface NestedParts {
  readonly plugins: readonly NestedPlugin[]
  /** `path` begins at the plugin set: `/traffic-split/rules/0/…`. */
  readonly upstreams: readonly NestedUpstream[]
}

/**
 * Everything within a plugin set that the plugins among `lookup` know to be there. A configuration that is wrong has nothing within: that it
 * is wrong, its check says.
 */
export function nestedParts(lookup: Pick<PluginLookup, 'get'>, plugins: PluginSet): NestedParts {
  const found = { plugins: [] as NestedPlugin[], upstreams: [] as NestedUpstream[] }
  for (const name in plugins) collect(lookup, { path: `/${name}`, name, config: plugins[name] }, found, 0)
  return found
}

function collect(
  lookup: Pick<PluginLookup, 'get'>,
  { path: base, name, config }: NestedPlugin,
  found: { plugins: NestedPlugin[]; upstreams: NestedUpstream[] },
  depth: number,
): void {
  const definition = lookup.get(name)
  if (definition?.uses === undefined || depth >= MAX_NESTING) return
  const { _meta: meta, ...own } = config
  if ((meta as { disable?: unknown } | undefined)?.disable === true) return
  let uses: PluginUses
  try {
    uses = usesOf(definition, own)
  } catch {
    return
  }
  for (const upstream of uses.upstreams ?? []) found.upstreams.push({ ...upstream, path: base + upstream.path })
  for (const plugin of uses.plugins ?? []) {
    const nested = { ...plugin, path: base + plugin.path }
    found.plugins.push(nested)
    collect(lookup, nested, found, depth + 1)
  }
}
