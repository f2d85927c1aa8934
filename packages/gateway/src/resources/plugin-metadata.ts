import { type Static, Type } from '../schema/type.ts'

/**
 * Settings of a plugin for the whole gateway. `id` is the plugin's name; the other fields are those of the plugin's
 * `metadataSchema`, and are checked against it.
 */
export const PluginMetadata = Type.Object(
  { id: Type.String({ minLength: 1, description: 'the name of the plugin' }) },
  { additionalProperties: true },
)
export type PluginMetadata = Static<typeof PluginMetadata> & Record<string, unknown>
