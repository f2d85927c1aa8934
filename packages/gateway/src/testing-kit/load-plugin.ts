import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleModule } from '../config/module/bundle.ts'
import { importPlugin } from '../node/user-plugin.ts'
import type { PluginDefinition } from '../plugins/definition.ts'

/**
 * The plugin of a file, TypeScript or JavaScript, loaded the way the gateway loads it. Throws what the gateway would refuse it for.
 *
 * @param file a path (of the working directory), or a URL: `new URL('./my-plugin.ts', import.meta.url)`
 */
export async function loadPlugin(file: string | URL): Promise<PluginDefinition> {
  const path = file instanceof URL || file.startsWith('file:') ? fileURLToPath(file) : resolve(file)
  return importPlugin(path, await bundleModule(path))
}
