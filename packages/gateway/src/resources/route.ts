import { type Static, Type } from '../schema/type.ts'
import { needsOneOf, notBoth } from './constraints.ts'
import { GrpcPolicy } from './grpc.ts'
import { HostPattern, METHODS } from './host.ts'
import { Id, metadata } from './metadata.ts'
import { Hedge, LoadShedding, Retry } from './overload.ts'
import { PluginSet } from './plugin-set.ts'
import { Timeout } from './timeout.ts'
import { WebSocketLimits } from './web-socket.ts'
import { EmbeddedUpstream } from './upstream.ts'

const PathPattern = Type.String({
  minLength: 1,
  maxLength: 4096,
  // `*` alone is every path, also that of `OPTIONS *`, which has no slash.
  pattern: '^(/|\\*$)',
  patternErrorMessage: 'must start with "/"',
  remedy: 'write "/{value}"',
})

const list = { minItems: 1, uniqueItems: true } as const

/** Which requests, and what is done with them. */
export const Route = Type.Object(
  {
    ...metadata,
    uri: Type.Optional(PathPattern),
    uris: Type.Optional(Type.Array(PathPattern, list)),
    host: Type.Optional(HostPattern),
    hosts: Type.Optional(Type.Array(HostPattern, list)),
    remote_addr: Type.Optional(Type.String({ description: 'IPv4 or IPv6 address or network of the client' })),
    remote_addrs: Type.Optional(Type.Array(Type.String(), list)),
    methods: Type.Optional(Type.Array(Type.Enum(METHODS), { uniqueItems: true })),
    priority: Type.Optional(Type.Integer({ default: 0, description: 'higher wins among equally specific paths' })),
    vars: Type.Optional(Type.Array(Type.Unknown(), { description: 'an expression over request variables' })),
    filter_func: Type.Optional(
      Type.String({
        minLength: 10,
        pattern: '^(function|\\()',
        patternErrorMessage: 'must be a JavaScript function',
        remedy: 'write "function (vars) { return … }" or "(vars) => …"',
      }),
    ),
    plugins: Type.Optional(PluginSet),
    plugin_config_id: Type.Optional(Id),
    upstream: Type.Optional(EmbeddedUpstream),
    upstream_id: Type.Optional(Id),
    service_id: Type.Optional(Id),
    timeout: Type.Optional(Timeout),
    retry: Type.Optional(Retry),
    hedge: Type.Optional(Hedge),
    load_shedding: Type.Optional(LoadShedding),
    enable_websocket: Type.Optional(Type.Boolean()),
    websocket: Type.Optional(WebSocketLimits),
    grpc: Type.Optional(GrpcPolicy),
    status: Type.Optional(Type.Enum([1, 0], { default: 1, description: '0 takes the route out' })),
  },
  {
    additionalProperties: false,
    allOf: [
      needsOneOf('a route', ['uri', 'uris']),
      notBoth('a route', 'uri', 'uris'),
      notBoth('a route', 'host', 'hosts'),
      notBoth('a route', 'remote_addr', 'remote_addrs'),
      needsOneOf('a route', ['upstream', 'upstream_id', 'service_id', 'plugins']),
    ],
  },
)
export type Route = Static<typeof Route>
