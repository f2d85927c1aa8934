import { type Static, Type } from '../../schema/type.ts'

const strict = { additionalProperties: false } as const

export const NacosSettings = Type.Object(
  {
    host: Type.Array(
      Type.String({
        pattern: '^https?://([^/@\\s]+@)?[^/@\\s]+/?$',
        patternErrorMessage: 'must be "http://HOST:PORT" or "http://USER:PASSWORD@HOST:PORT"',
      }),
      { minItems: 1, maxItems: 32, uniqueItems: true, description: 'servers of one cluster; one that answers is used' },
    ),
    prefix: Type.Optional(
      Type.String({
        default: '/nacos/v1/',
        pattern: '^/',
        patternErrorMessage: 'must begin with "/"',
        description: 'of the paths of the API',
      }),
    ),
    username: Type.Optional(Type.String({ minLength: 1, description: 'in place of one in `host`' })),
    password: Type.Optional(Type.String({ minLength: 1, description: 'better $env://NAME than the password itself' })),
    fetch_interval: Type.Optional(Type.Integer({ minimum: 1, default: 30, description: 'seconds' })),
    weight: Type.Optional(Type.Integer({ minimum: 1, default: 100, description: 'of nodes that have none' })),
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
  { ...strict, dependentRequired: { username: ['password'], password: ['username'] }, description: 'Nacos' },
)
export type NacosSettings = Static<typeof NacosSettings>
