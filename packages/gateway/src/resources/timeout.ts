import { type Static, Type } from '../schema/type.ts'

const seconds = (): ReturnType<typeof Type.Number> => Type.Number({ exclusiveMinimum: 0, description: 'seconds' })

/** Time limits of one attempt at an upstream node, in seconds; all three, as in APISIX. */
export const Timeout = Type.Object(
  { connect: seconds(), send: seconds(), read: seconds() },
  { additionalProperties: false },
)
export type Timeout = Static<typeof Timeout>
