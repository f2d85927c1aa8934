import { type Static, Type } from '../schema/type.ts'

const strict = { additionalProperties: false } as const
const seconds = (value: number, description: string, minimum = 0) =>
  Type.Optional(Type.Number({ minimum, maximum: 86_400, default: value, description: `seconds ${description}` }))
const atMost = (description: string) => Type.Optional(Type.Integer({ minimum: 1, maximum: 16_777_216, description }))
const percent = (value: number, description: string) =>
  Type.Optional(Type.Number({ minimum: 0, maximum: 100, default: value, description: `percent ${description}` }))

/** Statuses of gRPC after which a call may be repeated, by their names in Envoy's retry policies. */
export const RETRY_ON_GRPC = [
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const
/** Envoy's names. */
export const RETRY_ON = [
  'connect-failure',
  'reset',
  '5xx',
  'gateway-error',
  'retriable-status-codes',
  ...RETRY_ON_GRPC,
] as const

/** What is tried again, how soon, and how much of it. */
export const Retry = Type.Object(
  {
    retry_on: Type.Optional(
      Type.Array(Type.Enum(RETRY_ON), {
        minItems: 1,
        uniqueItems: true,
        default: ['connect-failure', 'reset'],
        description: 'what is tried again, as often as `retries` of the upstream says',
      }),
    ),
    retriable_status_codes: Type.Optional(
      Type.Array(Type.Integer({ minimum: 400, maximum: 599 }), { minItems: 1, uniqueItems: true }),
    ),
    non_idempotent: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'requests such as POST, too, although the upstream may have carried them out',
      }),
    ),
    per_try_timeout: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 86_400,
        description: 'seconds of one attempt until the head of its response',
      }),
    ),
    timeout: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 86_400,
        description: 'seconds of all attempts, waits and the response together; then it is 504',
      }),
    ),
    back_off: Type.Optional(
      Type.Object(
        {
          base_interval: seconds(0.025, 'that the first retry waits at most; each further one twice as long', 0.001),
          max_interval: seconds(0.25, 'that any waits at most', 0.001),
        },
        { ...strict, default: {} },
      ),
    ),
    max_retry_after: seconds(
      1,
      'that a `Retry-After` of the upstream is waited for; one that asks for longer goes to the client',
    ),
    max_body_bytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 16_777_216,
        default: 65_536,
        description: 'bytes of a request body that are kept to be sent again; a longer one is not',
      }),
    ),
    budget: Type.Optional(
      Type.Object(
        {
          budget_percent: percent(20, 'of the requests in flight that may be retries'),
          min_retry_concurrency: Type.Optional(
            Type.Integer({ minimum: 0, default: 3, description: 'retries that are always allowed at a time' }),
          ),
        },
        strict,
      ),
    ),
  },
  strict,
)
export type Retry = Static<typeof Retry>

/** A second request to another node when the first one takes long. */
export const Hedge = Type.Object(
  {
    after: Type.Union(
      [
        Type.Number({ minimum: 0.001, maximum: 3_600 }),
        Type.String({
          pattern: '^p\\d{1,2}(\\.\\d)?$',
          patternErrorMessage: 'must be seconds, or a percentile like "p95"',
        }),
      ],
      { description: 'seconds without a response, or a percentile of the response times, like `p95`' },
    ),
    max: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 3, default: 1, description: 'more requests than the one at a time' }),
    ),
    budget_percent: percent(10, 'of the requests that may be hedged'),
  },
  strict,
)
export type Hedge = Static<typeof Hedge>

/** What an upstream is given at a time, by all workers together. */
export const CircuitBreakers = Type.Object(
  {
    max_connections: atMost('connections with a request on them; HTTP/1.1'),
    max_requests: atMost('requests in flight'),
    max_pending_requests: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_048_576,
        default: 0,
        description: 'requests that wait for a place when one of these two is reached; others are answered 503',
      }),
    ),
    pending_timeout: seconds(1, 'that one waits', 0.001),
    max_retries: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 16_777_216, description: 'retries and hedges in flight' }),
    ),
    retry_after: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 3_600, default: 1, description: '`Retry-After` of the 503, in seconds' }),
    ),
  },
  strict,
)
export type CircuitBreakers = Static<typeof CircuitBreakers>

/** A limit of requests in flight that follows from how fast the upstream answers; each worker has its own. */
export const AdaptiveConcurrency = Type.Object(
  {
    sample_aggregate_percentile: percent(50, 'below which a response time stands for its window'),
    max_concurrency_limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1_000, description: 'the limit is never above' }),
    ),
    concurrency_update_interval: seconds(0.1, 'between two changes of the limit', 0.01),
    min_rtt_interval: seconds(60, 'between two measurements of the least response time', 1),
    min_rtt_request_count: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, default: 50, description: 'responses that it is measured by' }),
    ),
    min_concurrency: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, default: 3, description: 'the limit meanwhile, and never below' }),
    ),
    jitter: percent(15, 'by which that interval may be longer'),
    buffer: percent(25, 'above the least response time that are no sign of a queue'),
    retry_after: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 3_600, default: 1, description: '`Retry-After` of the 503, in seconds' }),
    ),
  },
  strict,
)
export type AdaptiveConcurrency = Static<typeof AdaptiveConcurrency>

const Urgency = Type.Integer({ minimum: 0, maximum: 7, description: '0 is the most urgent, 7 the least (RFC 9218)' })

/** How urgent requests are when not all can be served. */
export const LoadShedding = Type.Object(
  {
    urgency: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 7, default: 3, description: '0: refused last; 7: refused first (RFC 9218)' }),
    ),
    header: Type.Optional(
      Type.String({
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        maxLength: 64,
        description: 'a request header that says more; left out: clients have no say',
      }),
    ),
    values: Type.Optional(
      Type.Record(Type.String({ maxLength: 256 }), Urgency, {
        description: 'urgencies by value of the header; for others `urgency` holds',
      }),
    ),
  },
  { ...strict, dependentRequired: { header: ['values'], values: ['header'] } },
)
export type LoadShedding = Static<typeof LoadShedding>
