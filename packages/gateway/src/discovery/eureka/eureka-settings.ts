import { type Static, Type } from '../../schema/type.ts'
import { registryHosts, registryPrefix, RegistryTimeout, RegistryTlsSetting } from '../http/registry-settings.ts'

const strict = { additionalProperties: false } as const

export const EurekaSettings = Type.Object(
  {
    host: registryHosts('servers that know the same; one that answers is used'),
    prefix: registryPrefix('/eureka/'),
    fetch_interval: Type.Optional(Type.Integer({ minimum: 1, default: 30, description: 'seconds' })),
    weight: Type.Optional(
      Type.Integer({ minimum: 0, default: 100, description: 'of nodes that have none in their metadata' }),
    ),
    timeout: RegistryTimeout,
    tls: RegistryTlsSetting,
  },
  { ...strict, description: 'Eureka' },
)
export type EurekaSettings = Static<typeof EurekaSettings>
