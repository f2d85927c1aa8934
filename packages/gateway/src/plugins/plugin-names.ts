import type { PluginLookup } from '../config/plugin-lookup.ts'
import type { PluginSet } from '../resources/plugin-set.ts'
import type { Operation } from '../store/store.ts'
import { nestedParts } from './plugin-uses.ts'

/** The plugins that resources of a change configure. */
export function pluginNames(operations: readonly Operation[]): Set<string> {
  const names = new Set<string>()
  for (const { kind, id, value } of operations) {
    if (kind === 'plugin_metadata') names.add(id)
    else if (value !== undefined && 'plugins' in value)
      for (const name of Object.keys(value.plugins ?? {})) names.add(name)
    if (value === undefined || !('credentials' in value)) continue
    for (const { plugins } of Object.values(value.credentials ?? {}))
      for (const name of Object.keys(plugins ?? {})) names.add(name)
  }
  return names
}

/** Those that stand within the configurations of plugins that are loaded. */
export function nestedPluginNames(operations: readonly Operation[], loaded: Pick<PluginLookup, 'get'>): Set<string> {
  const names = new Set<string>()
  for (const { value } of operations) {
    if (value === undefined || !('plugins' in value)) continue
    for (const { name } of nestedParts(loaded, (value.plugins ?? {}) as PluginSet).plugins) names.add(name)
  }
  return names
}
