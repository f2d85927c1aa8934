import { loadConfig, type LoadedConfig } from '../config/load.ts'
import { bundleModule } from '../config/module/bundle.ts'
import type { ConfigProblem } from '../config/problem.ts'
import type { ValidationOptions } from '../config/validate.ts'
import { PluginRegistry } from '../plugins/plugin-registry.ts'
import { pluginFiles } from './plugin-folders.ts'
import { namedFilterCode } from '../wasm/named-filter.ts'
import { importPlugin } from './user-plugin.ts'

/** The configuration of a node, with the code of the user's plugins by their files; or all that is wrong. Plain data: it crosses threads. */
export type NodeConfig =
  | { readonly config: LoadedConfig; readonly plugins: ReadonlyMap<string, string>; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[]; readonly config?: undefined }

/**
 * Reads and checks a configuration file and the plugins that its `plugin_paths` lead to, in the calling thread.
 * @param readSecrets left out: secret managers are not asked
 */
export async function loadNode(file: string, readSecrets?: ValidationOptions['readSecrets']): Promise<NodeConfig> {
  const registry = new PluginRegistry()
  const codes = new Map<string, string>()
  const broken: ConfigProblem[] = []
  const { config, problems } = await loadConfig(file, {
    ...(readSecrets === undefined ? {} : { readSecrets }),
    plugins: async (settings, configured) => {
      for (const plugin of await pluginFiles(settings.plugin_paths)) {
        try {
          const code = await bundleModule(plugin)
          registry.set(await importPlugin(plugin, code))
          codes.set(plugin, code)
        } catch (error) {
          broken.push(pluginProblem(plugin, error))
        }
      }
      for (const filter of settings.wasm?.plugins ?? []) {
        const code = namedFilterCode(filter)
        const name = `wasm.plugins: ${filter.name}`
        registry.set(await importPlugin(name, code))
        codes.set(name, code)
      }
      // Those that are configured alone: all of them take 0.8 s of a start, and of each change of the file.
      await registry.loadFor(configured)
      return registry
    },
  })
  // A plugin that does not load also makes routes that use it wrong: its own fault is the one to tell first.
  if (problems !== undefined || broken.length > 0) return { problems: [...broken, ...(problems ?? [])] }
  return { config, plugins: codes }
}

/** esbuild says where; what is thrown while the plugin runs has no place. */
function pluginProblem(file: string, error: unknown): ConfigProblem {
  const nowhere = { file, path: '', value: undefined, remedy: undefined }
  const failure = (
    error as { errors?: { text: string; location: { line: number; column: number; lineText: string } | null }[] }
  ).errors?.[0]
  if (failure !== undefined) {
    const { location, text } = failure
    return {
      ...nowhere,
      line: location?.line ?? 0,
      column: (location?.column ?? -1) + 1,
      message: text,
      source: location?.lineText,
    }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { ...nowhere, line: 0, column: 0, message: `the plugin does not load: ${message}`, source: undefined }
}
