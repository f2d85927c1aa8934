import { type Static, Type } from '../../schema/type.ts'

const milliseconds = (standard: number) =>
  Type.Optional(Type.Integer({ minimum: 1, default: standard, description: 'milliseconds' }))

/** Addresses of the servers of a registry. @param description what they are to one another */
export const registryHosts = (description: string) =>
  Type.Array(
    Type.String({
      pattern: '^https?://([^/@\\s]+@)?[^/@\\s]+/?$',
      patternErrorMessage: 'must be "http://HOST:PORT" or "http://USER:PASSWORD@HOST:PORT"',
    }),
    { minItems: 1, maxItems: 32, uniqueItems: true, description },
  )

export const registryPrefix = (standard: string) =>
  Type.Optional(
    Type.String({
      default: standard,
      pattern: '^/',
      patternErrorMessage: 'must begin with "/"',
      description: 'of the paths of the API',
    }),
  )

export const RegistryTimeout = Type.Optional(
  Type.Object(
    { connect: milliseconds(2000), send: milliseconds(2000), read: milliseconds(5000) },
    { additionalProperties: false, default: {}, description: 'time limits; an answer has the sum of them' },
  ),
)

/** For addresses that begin with `https://`. */
export const RegistryTlsSetting = Type.Optional(
  Type.Object(
    {
      ca: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'file with the authorities that may sign the certificate of the registry, PEM; left out: those of Node.js',
        }),
      ),
      verify: Type.Optional(Type.Boolean({ default: true, description: 'false takes any certificate' })),
    },
    { additionalProperties: false, description: 'for addresses that begin with `https://`' },
  ),
)
export type RegistryTlsSetting = Static<typeof RegistryTlsSetting>
