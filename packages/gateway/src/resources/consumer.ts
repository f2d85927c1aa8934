import { type Static, Type } from '../schema/type.ts'
import { Description, Id, Labels, timestamps } from './metadata.ts'
import { PluginSet } from './plugin-set.ts'

/** Who calls: found by an auth plugin, by what is configured here. */
export const Consumer = Type.Object(
  {
    username: Type.String({
      minLength: 1,
      maxLength: 256,
      pattern: '^[a-zA-Z0-9_-]+$',
      patternErrorMessage: 'may hold letters, digits, "-" and "_" only',
    }),
    id: Type.Optional(Id),
    desc: Type.Optional(Description),
    labels: Type.Optional(Labels),
    plugins: Type.Optional(PluginSet),
    group_id: Type.Optional(Id),
    ...timestamps,
  },
  { additionalProperties: false },
)
export type Consumer = Static<typeof Consumer>
