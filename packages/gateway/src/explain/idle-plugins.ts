import type { Plan } from '../plan/plan.ts'
import type { PluginMeta, PluginSet } from '../resources/plugin-set.ts'
import type { ResourceSet } from '../resources/resource-set.ts'
import type { IdlePlugin } from './explanation.ts'

/** The plugins that stand in the configuration of this route, and do not run for it: switched off, or overridden. */
export function idlePlugins({ route, service }: Plan, resources: ResourceSet): IdlePlugin[] {
  const rules = [...resources.global_rules].map(([id, { plugins }]) => ({ place: `global_rules/${id}`, plugins }))
  const config = route.plugin_config_id
  const layers: Layer[] = [
    { place: `routes/${route.id}`, plugins: route.plugins },
    ...(config === undefined
      ? []
      : [{ place: `plugin_configs/${config}`, plugins: resources.plugin_configs.get(config)?.plugins }]),
    ...(service === undefined ? [] : [{ place: `services/${service.id}`, plugins: service.plugins }]),
  ]
  return [...rules.flatMap((layer) => idleIn(layer, new Map())), ...mergedIdle(layers)]
}

interface Layer {
  readonly place: string
  readonly plugins: PluginSet | undefined
}

/** As in the merge of a plan: the first layer that has a plugin wins, also when it switches it off. */
function mergedIdle(layers: readonly Layer[]): IdlePlugin[] {
  const takenBy = new Map<string, string>()
  return layers.flatMap((layer) => {
    const idle = idleIn(layer, takenBy)
    for (const name of Object.keys(layer.plugins ?? {})) if (!takenBy.has(name)) takenBy.set(name, layer.place)
    return idle
  })
}

function idleIn({ place, plugins = {} }: Layer, takenBy: ReadonlyMap<string, string>): IdlePlugin[] {
  return Object.entries(plugins).flatMap(([name, config]) => {
    const winner = takenBy.get(name)
    if (winner !== undefined) return [{ name, place, why: `${winner} has its own` }]
    const disabled = (config['_meta'] as PluginMeta | undefined)?.disable === true
    return disabled ? [{ name, place, why: 'switched off (_meta.disable)' }] : []
  })
}
