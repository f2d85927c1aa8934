import { type Static, Type } from '../schema/type.ts'
import { Host, METHODS } from './host.ts'

const PROBE_TYPES = ['http', 'https', 'tcp'] as const

const strict = { additionalProperties: false } as const

const statuses = (values: number[]) =>
  Type.Optional(
    Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), { minItems: 1, uniqueItems: true, default: values }),
  )

/** How many in a row change the state. 254 is the largest count that APISIX's shared counters hold. */
const count = (minimum: number, value: number) => Type.Optional(Type.Integer({ minimum, maximum: 254, default: value }))

const interval = Type.Optional(Type.Integer({ minimum: 1, default: 1, description: 'seconds' }))

/** Probes that the gateway sends by itself. */
export const ActiveCheck = Type.Object(
  {
    type: Type.Optional(Type.Enum(PROBE_TYPES, { default: 'http' })),
    timeout: Type.Optional(Type.Number({ default: 1, description: 'seconds' })),
    concurrency: Type.Optional(Type.Integer({ default: 10 })),
    host: Type.Optional(Host),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535 })),
    http_method: Type.Optional(Type.Enum(METHODS, { default: 'GET' })),
    http_path: Type.Optional(Type.String({ default: '/' })),
    http_req_body: Type.Optional(Type.String({ default: '' })),
    https_verify_certificate: Type.Optional(Type.Boolean({ default: true })),
    req_headers: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    healthy: Type.Optional(
      Type.Object({ interval, http_statuses: statuses([200, 302]), successes: count(1, 2) }, strict),
    ),
    unhealthy: Type.Optional(
      Type.Object(
        {
          interval,
          http_statuses: statuses([429, 404, 500, 501, 502, 503, 504, 505]),
          http_failures: count(1, 5),
          tcp_failures: count(1, 2),
          timeouts: count(1, 3),
        },
        strict,
      ),
    ),
  },
  strict,
)

/** What the traffic itself says about a node. */
export const PassiveCheck = Type.Object(
  {
    type: Type.Optional(Type.Enum(PROBE_TYPES, { default: 'http' })),
    healthy: Type.Optional(
      Type.Object(
        {
          http_statuses: statuses([
            200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308,
          ]),
          successes: count(0, 5),
        },
        strict,
      ),
    ),
    unhealthy: Type.Optional(
      Type.Object(
        {
          http_statuses: statuses([429, 500, 503]),
          http_failures: count(0, 5),
          tcp_failures: count(0, 2),
          timeouts: count(0, 7),
        },
        strict,
      ),
    ),
  },
  strict,
)

/** Health checks of an upstream. `active` is required, because only a probe brings an unhealthy node back. */
export const HealthChecks = Type.Object({ active: ActiveCheck, passive: Type.Optional(PassiveCheck) }, strict)
export type HealthChecks = Static<typeof HealthChecks>
