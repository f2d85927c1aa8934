import { type Static, Type } from '../../schema/type.ts'
import { RegistryTlsSetting } from '../http/registry-settings.ts'

const strict = { additionalProperties: false } as const

const common = {
  servers: Type.Array(
    Type.String({
      pattern: '^https?://[^/\\s]+/?$',
      patternErrorMessage: 'must be "http://HOST:PORT" or "https://HOST:PORT"',
    }),
    { minItems: 1, maxItems: 32, uniqueItems: true, description: 'of one cluster; one that answers is used' },
  ),
  token: Type.Optional(
    Type.String({ default: '', description: 'ACL token; better $env://NAME than the token itself' }),
  ),
  timeout: Type.Optional(
    Type.Object(
      {
        connect: Type.Optional(Type.Integer({ minimum: 1, default: 2000, description: 'milliseconds' })),
        read: Type.Optional(Type.Integer({ minimum: 1, default: 2000, description: 'milliseconds' })),
        wait: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 600,
            default: 60,
            description: 'seconds that a query waits for a change',
          }),
        ),
      },
      { ...strict, default: {}, description: 'time limits' },
    ),
  ),
  tls: RegistryTlsSetting,
  weight: Type.Optional(Type.Integer({ minimum: 1, description: 'of nodes, in place of what the registry says' })),
  fetch_interval: Type.Optional(
    Type.Integer({ minimum: 1, default: 3, description: 'seconds between queries where an answer has no index' }),
  ),
  default_service: Type.Optional(
    Type.Object(
      {
        host: Type.String({ minLength: 1, description: 'name or address' }),
        port: Type.Integer({ minimum: 1, maximum: 65535, description: 'its port' }),
        metadata: Type.Optional(
          Type.Object(
            { weight: Type.Optional(Type.Integer({ minimum: 1, default: 1, description: 'its weight' })) },
            { ...strict, description: 'as in APISIX' },
          ),
        ),
      },
      { ...strict, description: 'the node of services that have none' },
    ),
  ),
}

/** Consul's catalogue of services, with their checks. */
export const ConsulSettings = Type.Object(
  {
    ...common,
    datacenter: Type.Optional(Type.String({ minLength: 1, description: 'left out: that of the agent' })),
    stale: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'any server of the cluster may answer, which is quicker and may be late',
      }),
    ),
    skip_services: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        uniqueItems: true,
        description: 'services that upstreams may not ask for',
      }),
    ),
  },
  { ...strict, description: 'Consul' },
)
export type ConsulSettings = Static<typeof ConsulSettings>

/** Nodes that are written into Consul's key-value store. */
export const ConsulKvSettings = Type.Object(
  {
    ...common,
    prefix: Type.Optional(
      Type.String({
        default: 'upstreams',
        pattern: '^[^/].*$',
        patternErrorMessage: 'must not begin with "/"',
        description: 'what the keys begin with',
      }),
    ),
  },
  { ...strict, description: "Consul's key-value store" },
)
export type ConsulKvSettings = Static<typeof ConsulKvSettings>
