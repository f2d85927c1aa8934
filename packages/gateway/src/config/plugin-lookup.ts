import type { PluginDefinition } from '../plugins/definition.ts'

/** The plugins there are: built in, and from the folders of the user. */
export interface PluginLookup {
  get(name: string): PluginDefinition | undefined
  names(): string[]
}
