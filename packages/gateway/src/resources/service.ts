import { type Static, Type } from '../schema/type.ts'
import { GrpcPolicy } from './grpc.ts'
import { HostPattern } from './host.ts'
import { Id, metadata } from './metadata.ts'
import { LoadShedding } from './overload.ts'
import { PluginSet } from './plugin-set.ts'
import { EmbeddedUpstream } from './upstream.ts'
import { WebSocketLimits } from './web-socket.ts'

/** What several routes share: an upstream, plugins, hosts. */
export const Service = Type.Object(
  {
    ...metadata,
    upstream: Type.Optional(EmbeddedUpstream),
    upstream_id: Type.Optional(Id),
    plugins: Type.Optional(PluginSet),
    hosts: Type.Optional(Type.Array(HostPattern, { minItems: 1, uniqueItems: true })),
    enable_websocket: Type.Optional(Type.Boolean()),
    websocket: Type.Optional(WebSocketLimits),
    grpc: Type.Optional(GrpcPolicy),
    load_shedding: Type.Optional(LoadShedding),
  },
  { additionalProperties: false },
)
export type Service = Static<typeof Service>
