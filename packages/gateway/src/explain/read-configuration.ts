import type { LoadedConfig } from '../config/load.ts'
import type { ConfigProblem } from '../config/problem.ts'
import { loadNode } from '../node/load-node.ts'
import { importPlugin } from '../node/user-plugin.ts'
import { PluginRegistry } from '../plugins/plugin-registry.ts'

/** A configuration that a gateway would start with, and the plugins that it was checked against. */
export interface ReadConfiguration {
  readonly config: LoadedConfig
  readonly plugins: PluginRegistry
}

/** A configuration, or what is wrong with it. */
export type ConfigurationResult =
  | { readonly read: ReadConfiguration; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[]; readonly read?: undefined }

/**
 * Reads and checks a configuration file with everything that a start checks: all built-in plugins, and those of the
 * user, whose modules are imported. Never throws for what stands in the files.
 */
export async function readConfiguration(file: string): Promise<ConfigurationResult> {
  const loaded = await loadNode(file)
  if (loaded.config === undefined) return { problems: loaded.problems }
  const plugins = new PluginRegistry()
  await plugins.loadAll()
  for (const [path, code] of loaded.plugins) plugins.set(await importPlugin(path, code))
  return { read: { config: loaded.config, plugins } }
}
