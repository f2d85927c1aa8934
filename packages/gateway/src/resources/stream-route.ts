import { type Static, Type } from '../schema/type.ts'
import { needsOneOf, notBoth } from './constraints.ts'
import { Id, metadata } from './metadata.ts'
import { PluginSet } from './plugin-set.ts'
import { Upstream } from './upstream.ts'

const Sni = Type.String({
  maxLength: 253,
  pattern: '^(\\*\\.)?[0-9a-zA-Z_-]+(\\.[0-9a-zA-Z_-]+)*$',
  patternErrorMessage: 'must be a host name, or "*.example.com" for every name below',
  description: 'server name of TLS; `*.example.com` is every name below',
})

const list = { minItems: 1, uniqueItems: true } as const
const seconds = (description: string) => Type.Optional(Type.Number({ minimum: 0, description }))

/** `tcp://127.0.0.1:6379`: an upstream of one node. */
const StreamUrl = Type.String({
  pattern: '^(tcp|tls|udp)://([0-9a-zA-Z._-]+|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5}$',
  patternErrorMessage: 'must be "tcp://HOST:PORT", "tls://HOST:PORT" or "udp://HOST:PORT"',
})

/** Which TCP connections and UDP datagrams, and where they go. */
export const StreamRoute = Type.Object(
  {
    ...metadata,
    server_port: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65535, description: 'port that the client connected to' }),
    ),
    server_addr: Type.Optional(Type.String({ description: 'address or network of ours that the client connected to' })),
    remote_addr: Type.Optional(Type.String({ description: 'address or network of the client' })),
    remote_addrs: Type.Optional(Type.Array(Type.String(), list)),
    sni: Type.Optional(Sni),
    snis: Type.Optional(Type.Array(Sni, list)),
    tls: Type.Optional(
      Type.Enum(['passthrough'], {
        description: 'the TLS of the client goes on to the upstream; left out: it ends at a listener with `tls`',
      }),
    ),
    upstream: Type.Optional(Type.Union([StreamUrl, Upstream])),
    upstream_id: Type.Optional(Id),
    service_id: Type.Optional(Id),
    plugins: Type.Optional(PluginSet),
    idle_timeout: seconds(
      'seconds without a byte until a session ends, 0 = never; left out: `timeout.read` of the upstream, else 600 for TCP and 60 for UDP',
    ),
    proxy_protocol: Type.Optional(
      Type.Enum([1, 2], { description: 'tell the upstream who the client is, by this version of the PROXY protocol' }),
    ),
    responses: Type.Optional(
      Type.Integer({
        minimum: 0,
        default: 0,
        description: 'UDP: a session ends after so many answers; 0 = by time alone',
      }),
    ),
    status: Type.Optional(Type.Enum([1, 0], { default: 1, description: '0 takes the route out' })),
  },
  {
    additionalProperties: false,
    allOf: [
      needsOneOf('a stream route', ['upstream', 'upstream_id', 'service_id']),
      notBoth('a stream route', 'upstream', 'upstream_id'),
      notBoth('a stream route', 'remote_addr', 'remote_addrs'),
      notBoth('a stream route', 'sni', 'snis'),
    ],
  },
)
export type StreamRoute = Static<typeof StreamRoute>
