import { type Static, Type } from '../../schema/type.ts'

const bytes = (value: number, minimum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, default: value, description }))
const count = bytes
const seconds = (value: number, description: string) =>
  Type.Optional(Type.Number({ exclusiveMinimum: 0, default: value, description: `${description}, in seconds` }))

/** What only HTTP/2 knows. 65,535 is the least that a window may be without stopping every body (RFC 9113 section 6.9.2). */
const Http2Limits = Type.Object(
  {
    max_concurrent_streams: count(128, 1, 'requests that a client may have open at a time on one connection'),
    stream_window: bytes(262_144, 65_535, 'body bytes of one request or response that may wait to be taken'),
    connection_window: bytes(1_048_576, 65_535, 'the same for all request bodies of one client connection'),
  },
  { additionalProperties: false, default: {} },
)

/** What strangers may make grow, per worker where nothing else is said. */
export const Limits = Type.Object(
  {
    // 32 KiB: nginx's large_client_header_buffers (4 x 8 KiB).
    max_head_bytes: bytes(32768, 1024, 'request line and headers together'),
    max_header_count: count(128, 1, 'header lines of a request'),
    max_target_length: bytes(8192, 1, 'length of the request target'),
    max_body_bytes: bytes(0, 0, 'body of a request; 0 = unlimited'),
    header_timeout: seconds(60, 'time for a whole request head'),
    body_timeout: seconds(60, 'time between two pieces of a request body'),
    keepalive_timeout: seconds(75, 'how long an idle connection is kept'),
    max_requests_per_connection: count(0, 0, 'requests on one connection; 0 = unlimited'),
    max_connections: count(65536, 1, 'open connections per listener and worker'),
    http2: Type.Optional(Http2Limits),
    max_udp_sessions: count(8192, 1, 'clients at a time per UDP listener; each costs a descriptor'),
  },
  { additionalProperties: false, default: {} },
)
export type Limits = Required<Omit<Static<typeof Limits>, 'http2'>> & {
  readonly http2: Required<Static<typeof Http2Limits>>
}

/** What holds for upstreams that say nothing else. */
export const UpstreamDefaults = Type.Object(
  {
    connect_timeout: seconds(60, 'time to connect'),
    send_timeout: seconds(60, 'time between two pieces sent'),
    read_timeout: seconds(60, 'time between two pieces received'),
    keepalive_pool_size: count(320, 1, 'idle connections kept per worker and node'),
  },
  { additionalProperties: false, default: {} },
)
export type UpstreamDefaults = Required<Static<typeof UpstreamDefaults>>
