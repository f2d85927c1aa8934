/**
 * Traces requests with OpenTelemetry: takes part in the traces of W3C Trace Context, and sends spans to a collector by OTLP.
 *
 * ```yaml
 * plugin_metadata:
 *   - id: opentelemetry
 *     collector: { address: "127.0.0.1:4318" }
 *     batch_span_processor: { inactive_timeout: 1 }
 *     resource: { service.name: shop-gateway }
 * global_rules:
 *   - id: trace
 *     plugins:
 *       opentelemetry: { sampler: { name: parent_base, options: { root: { name: always_on } } } }
 * routes:
 *   - { uri: /*, upstream: "http://127.0.0.1:3000" }
 * ```
 *
 * ```sh
 * # with: http-sink at 127.0.0.1:4318
 * curl -i -H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' http://127.0.0.1:8080/orders/7   # 200, upstream: traceparent: 00-0af7651916cd43dd8448eb211c80319c-
 * # http-sink got: POST /v1/traces
 * # http-sink got: shop-gateway
 * ```
 *
 * **Spans.** One for the request (kind SERVER, named `GET /orders/*`), and below it one for each attempt at an upstream (kind CLIENT): a retry is a span of
 * its own, whose identifier the upstream gets in `traceparent`. A request that a cache or a plugin answers has no attempts. The span of a WebSocket ends when
 * it is closed. Functions, sub-requests of batch-requests and plugins that pass fields on get `traceparent` too.
 *
 * **Attributes** have the names of the semantic conventions for HTTP and RPC: `http.request.method`, `http.route`, `http.response.status_code`, `url.path`,
 * `url.query`, `url.scheme`, `url.full`, `server.address`, `client.address`, `network.protocol.version`, `user_agent.original`, `error.type`,
 * `http.request.resend_count`; of gRPC `rpc.method` and `rpc.response.status_code`; and `sekisho.route_id`, `sekisho.route_name`, `sekisho.service_id`,
 * `sekisho.consumer_name`, `sekisho.cache_status`. Arguments of the query whose names say that they are secrets (`token`, `api_key`, `signature`, …) are
 * `REDACTED`. Values are cut at 2,048 characters. A span is an error when the exchange failed, when the status is 500 or more (of an attempt 400 or more), or
 * when the status of gRPC is the server's fault.
 *
 * **Sampling.** Nothing is recorded by default (`always_off`), as in APISIX; `traceparent` is passed on all the same. `parent_base` does what the caller's
 * `traceparent` says: a stranger may ask for spans of all their requests then. `trace_id_ratio` records the same traces in all gateways.
 *
 * **Variables** for logs and templates, without `set_ngx_var`: `$opentelemetry_trace_id`, `$opentelemetry_span_id`, `$opentelemetry_context_traceparent`.
 *
 * **When the collector is slow, wrong or away** no request waits for it. A batch is sent up to five times more, with a delay that doubles from a second (not
 * when the collector says that it will never take it); up to `max_queue_size` spans and 32 MiB wait in each worker meanwhile. What comes beyond is dropped.
 * `sekisho_plugin_log_entries_total{plugin="opentelemetry"}` counts spans: `sent`, `dropped`, `failed`, `refused`; the error log says when it begins and ends.
 *
 * OTLP over HTTP with protobuf, or over gRPC (`collector.protocol: grpc`, usually at port 4317). Nothing has to be installed. Places with the same
 * configuration share a queue.
 *
 * Costs about 10 µs for a request that is recorded, with its attempt, and 1 µs for one that is not.
 */
import { isFieldValue, isToken } from '@sekisho/wire'
import { type Static, Type } from '../schema/type.ts'
import { VERSION } from '../version.ts'
import { hostname } from 'node:os'
import type { GatewaySession } from '../session.ts'
import { isVariable, variableReader } from '../variables/variables.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin, type PluginHooks } from './definition.ts'
import type { PluginContext, PluginLogger } from './context.ts'
import { BatchQueue } from './logging/batch-queue.ts'
import { LogCounts } from './logging/log-metrics.ts'
import { afterHooks } from './tracing/after-hooks.ts'
import { AttributeKey } from './tracing/otlp-attributes.ts'
import { otlpSink } from './tracing/otlp-exporter.ts'
import { exportRequest, resourceField, scopeField } from './tracing/otlp-request.ts'
import { attemptSpan, serverSpan, type SpanExtras } from './tracing/otlp-spans.ts'
import { RequestTrace } from './tracing/request-trace.ts'
import { samplerOf, type Sampler } from './tracing/sampler.ts'
import { newTraceId } from './tracing/trace-ids.ts'
import { parseTraceParent, traceParent } from './tracing/trace-parent.ts'

const strict = { additionalProperties: false } as const
const Scalar = Type.Union([Type.Boolean(), Type.Number(), Type.String()])
const Fraction = defaulted(
  Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'of `trace_id_ratio`: the share of traces, from 0 to 1',
  }),
)
const Root = Type.Object(
  {
    name: defaulted(
      Type.Enum(['always_on', 'always_off', 'trace_id_ratio'], {
        default: 'always_off',
        description: 'what is recorded of requests that come without a `traceparent`',
      }),
    ),
    options: defaulted(Type.Object({ fraction: Fraction }, { ...strict, default: {} })),
  },
  { ...strict, default: {}, description: 'of `parent_base`: for requests that begin a trace' },
)
const Sampling = Type.Object(
  {
    name: defaulted(
      Type.Enum(['always_on', 'always_off', 'trace_id_ratio', 'parent_base'], {
        default: 'always_off',
        description: 'all, none, a share of them, or what the caller says',
      }),
    ),
    options: defaulted(
      Type.Object(
        { fraction: Fraction, root: defaulted(Root) },
        { ...strict, default: {}, description: 'its settings' },
      ),
    ),
  },
  { ...strict, default: {}, description: 'which requests are recorded' },
)
const Name = Type.String({ minLength: 1 })

const schema = Type.Object(
  {
    sampler: defaulted(Sampling),
    additional_attributes: Type.Optional(
      Type.Array(Name, { description: 'variables that become attributes of their name: `arg_user`, `upstream_addr`' }),
    ),
    additional_header_prefix_attributes: Type.Optional(
      Type.Array(Name, {
        description: 'fields of the request that become attributes; `x-tenant-*` are all that begin so',
      }),
    ),
  },
  strict,
)

const Collector = Type.Object(
  {
    address: defaulted(
      Type.String({
        default: '127.0.0.1:4318',
        description: 'HOST:PORT, or a URL; without a path it is `/v1/traces` over HTTP',
      }),
    ),
    protocol: defaulted(
      Type.Enum(['http/protobuf', 'grpc'], { default: 'http/protobuf', description: 'OTLP over HTTP or gRPC' }),
    ),
    request_timeout: defaulted(
      Type.Integer({
        minimum: 1,
        maximum: 600,
        default: 3,
        description: 'seconds for a batch to be sent and answered',
      }),
    ),
    request_headers: defaulted(
      Type.Record(Type.String(), Scalar, {
        default: {},
        description: 'fields that are sent along, as `Authorization`',
      }),
    ),
    compression: defaulted(Type.Enum(['none', 'gzip'], { default: 'none', description: 'of what is sent' })),
    ssl_verify: defaulted(
      Type.Boolean({ default: true, description: "verify the collector's certificate, where the URL is https" }),
    ),
  },
  { ...strict, default: {}, description: 'where spans go' },
)

const Batches = Type.Object(
  {
    drop_on_queue_full: defaulted(
      Type.Boolean({
        default: true,
        description:
          'true: a span that finds the queue full is dropped. false: twice as many may wait, and up to 16 batches leave side by side instead of 4',
      }),
    ),
    max_queue_size: defaulted(
      Type.Integer({ minimum: 1, maximum: 1_000_000, default: 2_048, description: 'spans that may wait in a worker' }),
    ),
    batch_timeout: defaulted(
      Type.Number({ minimum: 0.1, default: 5, description: 'seconds that a span waits for others at most' }),
    ),
    inactive_timeout: defaulted(
      Type.Number({
        minimum: 0.1,
        default: 2,
        description: 'seconds without a new span after which those there are leave',
      }),
    ),
    max_export_batch_size: defaulted(
      Type.Integer({ minimum: 1, maximum: 100_000, default: 256, description: 'spans that are sent at once' }),
    ),
  },
  { ...strict, default: {}, description: 'how spans are gathered' },
)

const metadataSchema = Type.Object(
  {
    resource: defaulted(
      Type.Record(Type.String(), Scalar, {
        default: {},
        description: 'attributes of all spans; `service.name` is `sekisho` unless it stands here',
      }),
    ),
    collector: defaulted(Collector),
    batch_span_processor: defaulted(Batches),
    trace_id_source: defaulted(
      Type.Enum(['x-request-id', 'random'], {
        default: 'random',
        description:
          'where the identifier of a new trace comes from; `x-request-id` where that has 32 hexadecimal digits',
      }),
    ),
    set_ngx_var: defaulted(
      Type.Boolean({ default: false, description: 'of APISIX; the variables are always there, so both mean the same' }),
    ),
  },
  strict,
)

type Config = Static<typeof schema>
type Metadata = Static<typeof metadataSchema>
type Wrong = { path: string; message: string } | undefined

export default definePlugin({
  name: 'opentelemetry',
  priority: 12_009,
  schema,
  metadataSchema,
  placeless: true,
  check({ additional_attributes: names = [] }): Wrong {
    const wrong = names.findIndex((name) => !isVariable(name))
    if (wrong < 0) return undefined
    return { path: `/additional_attributes/${wrong}`, message: `there is no variable "$${names[wrong]}"` }
  },
  checkMetadata({ collector }): Wrong {
    const path = '/collector/address'
    const url = collectorUrl(collector)
    if (url === undefined) return { path, message: 'is neither HOST:PORT nor a URL; write "127.0.0.1:4318"' }
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      return { path, message: `has the scheme "${url.protocol.slice(0, -1)}"; only http and https are spoken` }
    if (collector.protocol === 'grpc' && url.pathname !== '/')
      return { path, message: 'has a path, which gRPC has no use for; take it out, or set "protocol": "http/protobuf"' }
    for (const [name, value] of Object.entries(collector.request_headers)) {
      if (!isToken(name)) return { path: `/collector/request_headers/${name}`, message: 'is not the name of a field' }
      if (!isFieldValue(String(value)))
        return {
          path: `/collector/request_headers/${name}`,
          message: 'has a control character, which no field may have',
        }
    }
    return undefined
  },
  create: (config, context) => new Tracing(config, context),
})

/** Under this key a request's state has its `RequestTrace`; the variables `$opentelemetry_…` read from there. */
const STATE = 'opentelemetry'
/** OTLP asks for an exponential back-off: 1, 2, 4, 8 and 16 s. */
const MAX_RETRIES = 5
const MAX_PENDING_BYTES = 33_554_432

class Tracing implements PluginHooks {
  private readonly sampler: Sampler
  private readonly extras: SpanExtras
  private readonly takesRequestId: boolean
  private readonly queue: BatchQueue<Buffer>
  private readonly logger: PluginLogger

  constructor(config: Config, context: PluginContext<unknown, Metadata>) {
    const { metadata } = context
    this.sampler = samplerOf(config.sampler)
    this.extras = extrasOf(config)
    this.takesRequestId = metadata.trace_id_source === 'x-request-id'
    this.logger = context.logger
    this.queue = spanQueue(metadata, context)
  }

  rewrite = ({ ctx, request: { headers } }: GatewaySession): void => {
    if (ctx.getState(STATE) !== undefined) return
    const field = headers.get('traceparent')
    const parent = field === undefined ? undefined : parseTraceParent(field)
    const traceId =
      parent?.traceId ?? (this.takesRequestId ? idOfRequest(headers.get('x-request-id')) : undefined) ?? newTraceId()
    const trace = new RequestTrace(this, traceId, parent?.spanId ?? '', this.sampler(traceId, parent))
    ctx.setState(STATE, trace)
    if (field !== undefined) headers.delete('traceparent')
    // W3C Trace Context section 3.3: it means nothing without a traceparent.
    if (parent === undefined) headers.delete('tracestate')
    headers.appendUnchecked('traceparent', traceParent(traceId, trace.spanId, trace.sampled))
  }

  balancer = (session: GatewaySession): void => {
    const trace = this.recorded(session)
    // What a cache asks for itself is of no request.
    if (trace === undefined || session.background) return
    const attempt = trace.beginAttempt(session)
    if (attempt === undefined || attempt.spanId === trace.firstId) return
    const { headers } = session.request
    headers.delete('traceparent')
    headers.appendUnchecked('traceparent', traceParent(trace.traceId, attempt.spanId, true))
  }

  log = (session: GatewaySession): void => {
    const trace = this.recorded(session)
    if (trace === undefined) return
    if (!trace.end(session)) return
    // Behind the hooks of all others: data-mask takes out of the request what nobody is to see.
    afterHooks(this.logger, () => this.record(trace, session))
  }

  dispose = (): void => this.queue.dispose()

  private record(trace: RequestTrace, session: GatewaySession): void {
    const span = serverSpan(trace, session, this.extras)
    this.queue.push(span, span.length)
    for (const [index, attempt] of trace.attempts.entries()) {
      const inner = attemptSpan(trace, session, attempt, index)
      this.queue.push(inner, inner.length)
    }
  }

  private recorded({ ctx }: GatewaySession): RequestTrace | undefined {
    const trace = ctx.getState<RequestTrace>(STATE)
    return trace !== undefined && trace.sampled && trace.owner === this ? trace : undefined
  }
}

/** An identifier that is a UUID, or 32 hexadecimal digits. */
function idOfRequest(id: string | undefined): string | undefined {
  const digits = id?.replaceAll('-', '').toLowerCase()
  return digits !== undefined && /^(?!0{32})[0-9a-f]{32}$/.test(digits) ? digits : undefined
}

function extrasOf({
  additional_attributes: names = [],
  additional_header_prefix_attributes: fields = [],
}: Config): SpanExtras {
  const lower = fields.map((field) => field.toLowerCase())
  const isPrefix = (field: string): boolean => field.length >= 2 && field.endsWith('*')
  return {
    variables: names.map((name) => ({ key: new AttributeKey(name), read: variableReader(name) })),
    headers: lower.filter((name) => !isPrefix(name)).map((name) => ({ key: new AttributeKey(name), name })),
    headerPrefixes: lower.filter(isPrefix).map((name) => name.slice(0, -1)),
  }
}

/** `host:port` is http. */
function collectorUrl({ address, protocol }: Metadata['collector']): URL | undefined {
  const text = address.includes('://') ? address : `http://${address}`
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (protocol !== 'grpc' && url.pathname === '/') url.pathname = '/v1/traces'
  return url
}

function spanQueue(
  metadata: Metadata,
  context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>,
): BatchQueue<Buffer> {
  const { collector, batch_span_processor: batches } = metadata
  const resource = resourceField({
    'service.name': 'sekisho',
    'service.version': VERSION,
    'host.name': hostname(),
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.name': 'sekisho',
    'telemetry.sdk.version': VERSION,
    ...metadata.resource,
  })
  const scope = scopeField('sekisho', VERSION)
  const sink = otlpSink(
    {
      url: collectorUrl(collector)!,
      protocol: collector.protocol,
      timeoutMs: collector.request_timeout * 1_000,
      headers: Object.fromEntries(
        Object.entries(collector.request_headers).map(([name, value]) => [name, String(value)]),
      ),
      verify: collector.ssl_verify,
      compression: collector.compression,
      concurrency: batches.drop_on_queue_full ? 4 : 16,
      encode: (spans) => exportRequest(resource, scope, spans),
    },
    context,
  )
  return new BatchQueue(sink, {
    name: 'opentelemetry',
    fields: { plugin: 'opentelemetry', place: context.scope },
    limits: {
      maxBatchEntries: batches.max_export_batch_size,
      inactiveMs: batches.inactive_timeout * 1_000,
      maxAgeMs: batches.batch_timeout * 1_000,
      maxRetries: MAX_RETRIES,
      retryDelayMs: 1_000,
      maxPendingEntries: batches.max_queue_size * (batches.drop_on_queue_full ? 1 : 2),
      maxPendingBytes: MAX_PENDING_BYTES,
    },
    counts: new LogCounts('opentelemetry', context.metrics),
    logger: context.logger,
  })
}
