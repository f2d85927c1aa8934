import type { PluginLookup } from '../config/plugin-lookup.ts'
import { needsChecker } from '../resources/defaults.ts'
import type { Operation } from '../store/store.ts'
import { builtInNames, loadBuiltIn, WITH_APIS } from './built-in.ts'
import type { PluginDefinition } from './definition.ts'
import { nestedPluginNames, pluginNames } from './plugin-names.ts'

/** The plugins of one thread: built in ones as they are needed, those of the user as they are loaded. */
export class PluginRegistry implements PluginLookup {
  private readonly builtIn = new Map<string, PluginDefinition>()
  private readonly own = new Map<string, PluginDefinition>()
  /** Names asked for that are no built-in plugin's. */
  private readonly unknown = new Set<string>()

  /** A plugin of the user's wins over a built-in one of the same name. */
  get(name: string): PluginDefinition | undefined {
    return this.own.get(name) ?? this.builtIn.get(name)
  }

  names(): string[] {
    return [...new Set([...this.own.keys(), ...builtInNames()])].sort()
  }

  /** Makes the built-in ones among these names ready for `get`. undefined when all of them were. */
  load(names: Iterable<string>): Promise<void> | undefined {
    const wanted = new Set(names)
    if (wanted.has('public-api')) for (const name of WITH_APIS) wanted.add(name)
    const missing = [...wanted].filter((name) => this.get(name) === undefined && !this.unknown.has(name))
    return missing.length === 0 ? undefined : this.loadMissing(missing)
  }

  /** Makes ready what the resources of a change configure, with what stands within these configurations. undefined when all of it was. */
  loadFor(operations: readonly Operation[]): Promise<void> | undefined {
    const loading = this.load(pluginNames(operations))
    return loading === undefined ? this.loadNested(operations) : loading.then(() => this.loadNested(operations))
  }

  loadAll(): Promise<void> | undefined {
    return this.load(builtInNames())
  }

  /** Adds or replaces a plugin of the user's. */
  set(definition: PluginDefinition): void {
    this.own.set(definition.name, definition)
  }

  remove(name: string): void {
    this.own.delete(name)
  }

  /** What is loaded may tell of more. */
  private loadNested(operations: readonly Operation[]): Promise<void> | undefined {
    const loading = this.load(nestedPluginNames(operations, this))
    return loading?.then(() => this.loadNested(operations))
  }

  private async loadMissing(names: string[]): Promise<void> {
    for (const name of names) {
      const definition = await loadBuiltIn(name)
      if (definition === undefined) {
        this.unknown.add(name)
        continue
      }
      await prepareDefaults(definition)
      this.builtIn.set(name, definition)
    }
  }
}

/** Loads the schema compiler if the defaults of this plugin's schemas cannot be told without it. */
export async function prepareDefaults(definition: PluginDefinition): Promise<void> {
  const schemas = [definition.schema, definition.consumerSchema, definition.metadataSchema]
  if (schemas.some((schema) => schema !== undefined && needsChecker(schema))) await import('../resources/compiled.ts')
}
