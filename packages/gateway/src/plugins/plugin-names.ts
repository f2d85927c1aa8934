import type { Operation } from '../store/store.ts'

/** The plugins that resources of a change configure. */
export function pluginNames(operations: readonly Operation[]): Set<string> {
  const names = new Set<string>()
  for (const { kind, id, value } of operations) {
    if (kind === 'plugin_metadata') names.add(id)
    else if (value !== undefined && 'plugins' in value)
      for (const name of Object.keys(value.plugins ?? {})) names.add(name)
  }
  return names
}
