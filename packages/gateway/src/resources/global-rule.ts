import { type Static, Type } from '../schema/type.ts'
import { Id, timestamps } from './metadata.ts'
import { PluginSet } from './plugin-set.ts'

/** Plugins that run for every request, before those of the route. A plugin may stand in one global rule only. */
export const GlobalRule = Type.Object({ id: Id, plugins: PluginSet, ...timestamps }, { additionalProperties: false })
export type GlobalRule = Static<typeof GlobalRule>
