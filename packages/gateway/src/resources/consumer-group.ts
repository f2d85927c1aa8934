import { type Static, Type } from '../schema/type.ts'
import { Id, metadata } from './metadata.ts'
import { PluginSet } from './plugin-set.ts'

/** Plugins that consumers share by `group_id`. */
export const ConsumerGroup = Type.Object({ ...metadata, id: Id, plugins: PluginSet }, { additionalProperties: false })
export type ConsumerGroup = Static<typeof ConsumerGroup>
