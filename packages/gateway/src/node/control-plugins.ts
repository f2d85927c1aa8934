import type { PluginLookup } from '../config/plugin-lookup.ts'
import type { PluginDefinition } from '../plugins/definition.ts'
import { PluginRegistry } from '../plugins/plugin-registry.ts'
import { importPlugin } from './user-plugin.ts'

/** All plugins, in the control thread: their schemas are what the Admin API shows and checks by. */
export class ControlPlugins implements PluginLookup {
  private registry: PluginRegistry

  private constructor(registry: PluginRegistry) {
    this.registry = registry
  }

  /** @param codes of the user's plugins, by file */
  static async load(codes: ReadonlyMap<string, string>): Promise<ControlPlugins> {
    return new ControlPlugins(await registryOf(codes))
  }

  /** Those in use until this resolves are the ones before. */
  async update(codes: ReadonlyMap<string, string>): Promise<void> {
    this.registry = await registryOf(codes)
  }

  /** As they are now. */
  get current(): PluginRegistry {
    return this.registry
  }

  get(name: string): PluginDefinition | undefined {
    return this.registry.get(name)
  }

  names(): string[] {
    return this.registry.names()
  }
}

async function registryOf(codes: ReadonlyMap<string, string>): Promise<PluginRegistry> {
  const registry = new PluginRegistry()
  await registry.loadAll()
  for (const [file, code] of codes) registry.set(await importPlugin(file, code))
  return registry
}
