import { resolve } from 'node:path'
import { loadConfig, type LoadedConfig } from '../config/load.ts'
import type { ConfigProblem } from '../config/problem.ts'
import { UserPlugins } from '../node/user-plugins.ts'
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
 * user, whose code is run. Never throws for what stands in the files.
 */
export async function readConfiguration(file: string): Promise<ConfigurationResult> {
  const plugins = new PluginRegistry()
  const own = new UserPlugins(plugins)
  const { config, problems } = await loadConfig(resolve(file), {
    plugins: async (settings) => {
      await plugins.loadAll()
      await own.load(settings.plugin_paths)
      return plugins
    },
  })
  return config === undefined ? { problems } : { read: { config, plugins } }
}
