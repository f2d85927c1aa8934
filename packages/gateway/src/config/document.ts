import { type TSchema, Type } from '../schema/type.ts'
import { RESOURCE_KINDS } from '../resources/kind-names.ts'
import { settingsFields } from './settings/settings.ts'

/**
 * The outermost level of a configuration: settings, and lists whose items are checked one by one afterwards, so that
 * a mistake in one of 10,000 routes is explained by looking at that route. `routes:` with nothing below is an empty list.
 */
export const ConfigDocument: TSchema = Type.Object(
  {
    ...settingsFields,
    ...Object.fromEntries(
      RESOURCE_KINDS.map((kind) => [kind, Type.Optional(Type.Union([Type.Array(Type.Unknown()), Type.Null()]))]),
    ),
  },
  { additionalProperties: false },
)
