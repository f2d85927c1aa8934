import { type Static, Type } from '../../schema/type.ts'
import { registryHosts, registryPrefix, RegistryTimeout, RegistryTlsSetting } from '../http/registry-settings.ts'

const strict = { additionalProperties: false } as const

export const NacosSettings = Type.Object(
  {
    host: registryHosts('servers of one cluster; one that answers is used'),
    prefix: registryPrefix('/nacos/v1/'),
    username: Type.Optional(Type.String({ minLength: 1, description: 'in place of one in `host`' })),
    password: Type.Optional(Type.String({ minLength: 1, description: 'better $env://NAME than the password itself' })),
    fetch_interval: Type.Optional(Type.Integer({ minimum: 1, default: 30, description: 'seconds' })),
    weight: Type.Optional(Type.Integer({ minimum: 1, default: 100, description: 'of nodes that have none' })),
    timeout: RegistryTimeout,
    tls: RegistryTlsSetting,
  },
  { ...strict, dependentRequired: { username: ['password'], password: ['username'] }, description: 'Nacos' },
)
export type NacosSettings = Static<typeof NacosSettings>
