import { type Static, Type } from '../schema/type.ts'
import { StickyCookie, Subset } from './balancing.ts'
import { needsOneOf, notBoth } from './constraints.ts'
import { functionCallFields, FunctionName } from './function-call.ts'
import { HealthChecks, OutlierDetection, SlowStart } from './health-check.ts'
import { Host } from './host.ts'
import { Id, metadata } from './metadata.ts'
import { AdaptiveConcurrency, CircuitBreakers, Hedge, Retry } from './overload.ts'
import { Pem } from './pem.ts'
import { Timeout } from './timeout.ts'

/** Relative share of the traffic; 0 takes a node out. */
const Weight = Type.Integer({ minimum: 0 })

export const UpstreamNode = Type.Object(
  {
    host: Host,
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535 })),
    weight: Weight,
    priority: Type.Optional(
      Type.Integer({ default: 0, description: 'lower ones are used when all higher ones failed' }),
    ),
    metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { additionalProperties: false },
)
export type UpstreamNode = Static<typeof UpstreamNode>

/** `{ "host:port": weight }`, or a list of nodes. */
export const UpstreamNodes = Type.Union([
  Type.Record(Type.String(), Weight, { description: 'weights by "host:port"' }),
  Type.Array(UpstreamNode),
])
export type UpstreamNodes = Static<typeof UpstreamNodes>

export const BALANCERS = ['roundrobin', 'chash', 'ewma', 'peak_ewma', 'least_conn', 'random'] as const
export const UPSTREAM_SCHEMES = ['http', 'https', 'grpc', 'grpcs', 'tcp', 'tls', 'udp', 'kafka'] as const
export const HASH_ON = ['vars', 'header', 'cookie', 'consumer', 'vars_combinations'] as const

export const UpstreamTls = Type.Object(
  {
    client_cert: Type.Optional(Pem('certificate chain that we show: PEM, `$env://NAME` or `{ file: PATH }`')),
    client_key: Type.Optional(Pem('its private key')),
    client_cert_id: Type.Optional(Id),
    ca: Type.Optional(Pem('authorities that are trusted instead of those that Node brings')),
    sni: Type.Optional(Host),
    verify: Type.Optional(
      // APISIX's default is false. A gateway that does not verify sends passwords to whoever answers.
      Type.Boolean({ default: true, description: 'verify the certificate of the upstream' }),
    ),
  },
  {
    additionalProperties: false,
    dependentRequired: { client_cert: ['client_key'], client_key: ['client_cert'] },
    allOf: [notBoth('"tls"', 'client_cert', 'client_cert_id'), notBoth('"tls"', 'client_key', 'client_cert_id')],
  },
)

const upstreamFields = {
  ...metadata,
  type: Type.Optional(
    Type.Enum([...BALANCERS, 'function'], {
      default: 'roundrobin',
      description: 'how a node is picked; `function`: it is a function',
    }),
  ),
  nodes: Type.Optional(UpstreamNodes),
  service_name: Type.Optional(
    Type.String({ minLength: 1, maxLength: 256, description: 'the service in a registry whose nodes these are' }),
  ),
  discovery_type: Type.Optional(
    Type.String({ description: 'the registry, as it is named in the setting `discovery`' }),
  ),
  discovery_args: Type.Optional(
    Type.Object(
      {
        namespace_id: Type.Optional(Type.String({ description: 'nacos, consul' })),
        group_name: Type.Optional(Type.String({ description: 'nacos' })),
        datacenter: Type.Optional(Type.String({ minLength: 1, description: 'consul' })),
        tags: Type.Optional(
          Type.Array(Type.String({ minLength: 1 }), {
            minItems: 1,
            maxItems: 16,
            description: 'consul: all of which an instance must have',
          }),
        ),
      },
      { additionalProperties: false },
    ),
  ),
  hash_on: Type.Optional(Type.Enum(HASH_ON, { default: 'vars' })),
  key: Type.Optional(Type.String({ description: 'what "chash" hashes: the name of a variable, header or cookie' })),
  hash_balance_factor: Type.Optional(
    Type.Integer({
      minimum: 101,
      maximum: 10_000,
      description:
        'of "chash": percent of the average in flight that one node may have; what is more goes to the next on the ring',
    }),
  ),
  sticky: Type.Optional(StickyCookie),
  zone_aware: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'nodes whose "metadata.zone" is the "zone" of this gateway come first within their priority',
    }),
  ),
  overprovisioning_factor: Type.Optional(
    Type.Integer({
      minimum: 100,
      maximum: 10_000,
      description:
        'percent: with 140 a priority, or zone, keeps its traffic while 72% of its nodes are healthy, and loses a part of it below; left out: it keeps it while any is left, with "zone_aware" 140',
    }),
  ),
  subset: Type.Optional(Subset),
  retries: Type.Optional(Type.Integer({ minimum: 0, description: 'left out: one less than there are nodes' })),
  retry_timeout: Type.Optional(Type.Number({ minimum: 0, description: 'seconds for all attempts; 0 = no limit' })),
  timeout: Type.Optional(Timeout),
  pass_host: Type.Optional(
    Type.Enum(['pass', 'node', 'rewrite'], { default: 'pass', description: 'which Host header the upstream gets' }),
  ),
  upstream_host: Type.Optional(Host),
  scheme: Type.Optional(Type.Enum(UPSTREAM_SCHEMES, { default: 'http' })),
  keepalive_pool: Type.Optional(
    Type.Object(
      {
        size: Type.Optional(Type.Integer({ minimum: 1, default: 320 })),
        idle_timeout: Type.Optional(Type.Number({ minimum: 0, default: 60, description: 'seconds' })),
        requests: Type.Optional(Type.Integer({ minimum: 1, default: 1000 })),
      },
      { additionalProperties: false },
    ),
  ),
  tls: Type.Optional(UpstreamTls),
  checks: Type.Optional(HealthChecks),
  outlier_detection: Type.Optional(OutlierDetection),
  slow_start: Type.Optional(SlowStart),
  healthy_panic_threshold: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 100,
      default: 0,
      description: 'percent of healthy nodes, below which all are used; 0: when none is healthy',
    }),
  ),
  retry: Type.Optional(Retry),
  hedge: Type.Optional(Hedge),
  circuit_breakers: Type.Optional(CircuitBreakers),
  adaptive_concurrency: Type.Optional(AdaptiveConcurrency),
  function: Type.Optional(FunctionName),
  ...functionCallFields,
}

const OF_FUNCTIONS = Object.fromEntries(Object.keys(functionCallFields).map((name) => [name, ['function']]))

/** Where requests go: nodes, how one is picked, how it is spoken to. */
export const Upstream = Type.Object(upstreamFields, {
  additionalProperties: false,
  dependentRequired: { service_name: ['discovery_type'], discovery_type: ['service_name'], ...OF_FUNCTIONS },
  allOf: [
    needsOneOf('an upstream', ['nodes', 'service_name', 'function']),
    notBoth('an upstream', 'nodes', 'service_name'),
    notBoth('an upstream', 'nodes', 'function'),
    notBoth('an upstream', 'service_name', 'function'),
  ],
})
export type Upstream = Static<typeof Upstream>

/** `http://127.0.0.1:3000`: an upstream of one node. A path would be ignored, so it is refused. `function://NAME`: a function. */
export const UPSTREAM_URL_PATTERN =
  '^(https?://([0-9a-zA-Z._-]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?/?|function://[a-zA-Z0-9_-]{1,64}(:[a-zA-Z0-9$_-]{1,128})?)$'

/** An upstream inside a route or service: the full form, or the short one. */
export const EmbeddedUpstream = Type.Union([
  Type.String({
    pattern: UPSTREAM_URL_PATTERN,
    patternErrorMessage:
      'must be "http://HOST:PORT" or "https://HOST:PORT", with nothing behind the port, or "function://NAME"',
  }),
  Upstream,
])
export type EmbeddedUpstream = Static<typeof EmbeddedUpstream>
