import { Type } from '../schema/type.ts'

/** Names a resource in its list. Unique within its kind, compared as text: `1` and `"1"` are the same id. */
export const Id = Type.Union(
  [
    Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[a-zA-Z0-9_.-]+$',
      patternErrorMessage: 'may hold letters, digits, "-", "_" and "." only',
    }),
    Type.Integer({ minimum: 1 }),
  ],
  { description: 'letters, digits, "-", "_" and "."; or a whole number from 1' },
)

export const Name = Type.String({ minLength: 1, maxLength: 256 })

export const Description = Type.String({ maxLength: 256 })

/** Free attributes of a resource; values are text without spaces. */
export const Labels = Type.Record(
  Type.String(),
  Type.String({
    minLength: 1,
    maxLength: 256,
    pattern: '^\\S+$',
    patternErrorMessage: 'must be text without spaces',
  }),
  { description: 'key/value pairs to specify attributes' },
)

/**
 * Written by APISIX into everything it stores, so it is in everything exported from there. Accepted, and dropped on
 * reading (`resource-set.ts`): a time that changes with each save would make every save a change.
 */
export const timestamps = {
  create_time: Type.Optional(Type.Integer()),
  update_time: Type.Optional(Type.Integer()),
}

/** The fields that every resource with a name of its own may carry. */
export const metadata = {
  id: Type.Optional(Id),
  name: Type.Optional(Name),
  desc: Type.Optional(Description),
  labels: Type.Optional(Labels),
  ...timestamps,
}
