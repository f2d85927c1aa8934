import { type Static, Type } from '../schema/type.ts'

/** What may be said about any plugin where it is mounted, beside its own configuration. */
export const PluginMeta = Type.Object(
  {
    disable: Type.Optional(Type.Boolean({ description: 'true: the plugin stays configured but does not run' })),
    priority: Type.Optional(Type.Integer({ description: 'instead of the priority of the plugin, in this place' })),
    filter: Type.Optional(
      Type.Array(Type.Unknown(), {
        description: 'an expression as in "vars": the plugin runs for requests that match',
      }),
    ),
    error_response: Type.Optional(
      Type.Union([Type.String(), Type.Record(Type.String(), Type.Unknown())], {
        description: 'instead of the body of answers that the plugin gives with a status of 400 or more',
      }),
    ),
  },
  { additionalProperties: false },
)
export type PluginMeta = Static<typeof PluginMeta>

/**
 * Plugin configurations by plugin name. What is inside is checked against the schema of the plugin, which this file
 * cannot know: plugins come from folders of the user as well.
 */
export const PluginSet = Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown()), {
  description: 'plugin configurations by plugin name',
})
export type PluginSet = Static<typeof PluginSet>
