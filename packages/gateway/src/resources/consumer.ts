import { type Static, Type } from '../schema/type.ts'
import { Description, Id, Labels, Name, timestamps } from './metadata.ts'
import { PluginSet } from './plugin-set.ts'

/** One more way to be that consumer: a key for each of its devices, say, each to be withdrawn alone. */
export const Credential = Type.Object(
  {
    name: Type.Optional(Name),
    desc: Type.Optional(Description),
    labels: Type.Optional(Labels),
    plugins: PluginSet,
    ...timestamps,
  },
  { additionalProperties: false },
)
export type Credential = Static<typeof Credential>

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
    credentials: Type.Optional(
      Type.Record(Type.String(), Credential, {
        maxProperties: 1_000,
        description: 'further keys of the consumer by their ids, each with one auth plugin',
      }),
    ),
    group_id: Type.Optional(Id),
    ...timestamps,
  },
  { additionalProperties: false },
)
export type Consumer = Static<typeof Consumer>
