import { type Static, Type } from '../../schema/type.ts'

const strict = { additionalProperties: false } as const

export const EurekaSettings = Type.Object(
  {
    host: Type.Array(
      Type.String({
        pattern: '^https?://([^/@\\s]+@)?[^/@\\s]+/?$',
        patternErrorMessage: 'must be "http://HOST:PORT" or "http://USER:PASSWORD@HOST:PORT"',
      }),
      {
        minItems: 1,
        maxItems: 32,
        uniqueItems: true,
        description: 'servers that know the same; one that answers is used',
      },
    ),
    prefix: Type.Optional(
      Type.String({
        default: '/eureka/',
        pattern: '^/',
        patternErrorMessage: 'must begin with "/"',
        description: 'of the paths of the API',
      }),
    ),
    fetch_interval: Type.Optional(Type.Integer({ minimum: 1, default: 30, description: 'seconds' })),
    weight: Type.Optional(
      Type.Integer({ minimum: 0, default: 100, description: 'of nodes that have none in their metadata' }),
    ),
    timeout: Type.Optional(
      Type.Object(
        {
          connect: Type.Optional(Type.Integer({ minimum: 1, default: 2000, description: 'milliseconds' })),
          send: Type.Optional(Type.Integer({ minimum: 1, default: 2000, description: 'milliseconds' })),
          read: Type.Optional(Type.Integer({ minimum: 1, default: 5000, description: 'milliseconds' })),
        },
        { ...strict, default: {}, description: 'time limits; an answer has the sum of them' },
      ),
    ),
  },
  { ...strict, description: 'Eureka' },
)
export type EurekaSettings = Static<typeof EurekaSettings>
