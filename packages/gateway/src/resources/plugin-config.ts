import { type Static, Type } from '../schema/type.ts'
import { Id, metadata } from './metadata.ts'
import { PluginSet } from './plugin-set.ts'

/** A set of plugins that routes refer to by `plugin_config_id`. */
export const PluginConfig = Type.Object({ ...metadata, id: Id, plugins: PluginSet }, { additionalProperties: false })
export type PluginConfig = Static<typeof PluginConfig>
