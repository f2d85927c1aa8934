import { type Static, Type } from '../schema/type.ts'
import { Host, METHODS } from './host.ts'

const PASSIVE_TYPES = ['http', 'https', 'tcp'] as const
const PROBE_TYPES = [...PASSIVE_TYPES, 'grpc'] as const

const strict = { additionalProperties: false } as const

const statuses = (values: number[]) =>
  Type.Optional(
    Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), { minItems: 1, uniqueItems: true, default: values }),
  )

/** How many in a row change the state. 254 is the largest count that APISIX's shared counters hold. */
const count = (minimum: number, value: number) => Type.Optional(Type.Integer({ minimum, maximum: 254, default: value }))

const interval = Type.Optional(
  Type.Number({ minimum: 0.1, maximum: 86_400, default: 1, description: 'seconds between two probes' }),
)

/** Probes that the gateway sends by itself. */
export const ActiveCheck = Type.Object(
  {
    type: Type.Optional(
      Type.Enum(PROBE_TYPES, { default: 'http', description: '`grpc`: the method `Check` of `grpc.health.v1.Health`' }),
    ),
    timeout: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 3_600, default: 1, description: 'seconds' })),
    concurrency: Type.Optional(Type.Integer({ minimum: 1, default: 10, description: 'probes at a time' })),
    host: Type.Optional(Host),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, description: 'left out: that of the node' })),
    http_method: Type.Optional(Type.Enum(METHODS, { default: 'GET' })),
    http_path: Type.Optional(Type.String({ default: '/' })),
    http_req_body: Type.Optional(Type.String({ default: '' })),
    https_verify_certificate: Type.Optional(Type.Boolean({ default: true })),
    req_headers: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: '"NAME: VALUE" each' })),
    grpc_service_name: Type.Optional(
      Type.String({ maxLength: 1_024, default: '', description: 'which service `grpc` asks for; empty: the server' }),
    ),
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
    type: Type.Optional(Type.Enum(PASSIVE_TYPES, { default: 'http', description: '`tcp`: statuses do not count' })),
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

const percent = (value: number, description: string, minimum = 0) =>
  Type.Optional(Type.Integer({ minimum, maximum: 100, default: value, description }))

const hosts = Type.Optional(
  Type.Integer({
    minimum: 1,
    default: 5,
    description: 'nodes with enough requests, below which the rate is not looked at',
  }),
)

const volume = (value: number) =>
  Type.Optional(
    Type.Integer({
      minimum: 1,
      default: value,
      description: 'requests in an interval, below which a node is left out',
    }),
  )

const inARow = (value: number, description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, default: value, description: `${description}; 0 = off` }))

const seconds = (value: number, minimum: number, description?: string) =>
  Type.Optional(Type.Number({ minimum, maximum: 86_400, default: value, description: description ?? 'seconds' }))

/** Outlier detection in the terms of Envoy. What is off there by default (enforced at 0%) is 0 here. */
export const OutlierDetection = Type.Object(
  {
    consecutive_5xx: inARow(5, 'answers with 5xx, and failed connections, in a row'),
    consecutive_gateway_failure: inARow(0, '502, 503, 504, and failed connections, in a row'),
    consecutive_local_origin_failure: inARow(
      0,
      'failed connections and missing answers in a row, which then do not count as 5xx',
    ),
    interval: seconds(10, 0.1, 'seconds between two looks at the rates, and at who comes back'),
    base_ejection_time: seconds(30, 0.1, 'seconds of the first ejection; times the number of ejections in a row'),
    max_ejection_time: seconds(300, 0.1),
    max_ejection_percent: percent(10, 'of all nodes at a time; one may always be ejected'),
    success_rate_stdev_factor: Type.Optional(
      Type.Integer({
        minimum: 0,
        default: 1_900,
        description:
          'thousandths of the standard deviation, which the successes of a node may be below the mean; 0 = off',
      }),
    ),
    success_rate_minimum_hosts: hosts,
    success_rate_request_volume: volume(100),
    failure_percentage_threshold: percent(0, 'of the requests to a node that may fail; 0 = off'),
    failure_percentage_minimum_hosts: hosts,
    failure_percentage_request_volume: volume(50),
  },
  strict,
)
export type OutlierDetection = Static<typeof OutlierDetection>

/** How a node that joins or comes back gets its share. */
export const SlowStart = Type.Object(
  {
    window: Type.Number({ exclusiveMinimum: 0, maximum: 86_400, description: 'seconds until it gets its whole share' }),
    aggression: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        default: 1,
        description: '1: the share grows evenly; above, faster at first; below, slower',
      }),
    ),
    min_weight_percent: percent(10, 'of its weight, from the start on', 1),
  },
  strict,
)
export type SlowStart = Static<typeof SlowStart>
