/**
 * Traces requests with Zipkin: takes part in traces by B3, and sends spans to a server that speaks Zipkin's API, version 2.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       zipkin: { endpoint: "http://127.0.0.1:9411/api/v2/spans", sample_ratio: 1, service_name: shop-gateway }
 * ```
 *
 * ```sh
 * # with: http-sink at 127.0.0.1:9411
 * curl -i -H 'b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1' http://127.0.0.1:8080/orders/7   # 200, upstream: X-B3-TraceId: 463ac35c9f6413ad48485a3953bb6124
 * # http-sink got: POST /api/v2/spans
 * # http-sink got: "parentId":"a2fb4a1d1a96d312"
 * ```
 *
 * **Spans.** `apisix.request` for the request, and below it `apisix.proxy` for each attempt at an upstream, until the response's head is there: a retry is a span
 * of its own. `span_version: 2` adds `apisix.response_span`, from the head of the response to its end; `1` adds `apisix.rewrite`, `apisix.access` and
 * `apisix.body_filter`. Names are APISIX's. Arguments of the query whose names say that they are secrets (`token`, `api_key`, `signature`, …) are `REDACTED`.
 *
 * **The context** comes as `b3` or as `X-B3-TraceId`, `X-B3-SpanId`, `X-B3-Sampled`, `X-B3-Flags`; the upstream gets `X-B3-…`, and `b3` too where the client sent it.
 * What the client says of sampling holds, as B3 has it, so a stranger may have all their requests recorded; `sample_ratio` is for those who say nothing. A malformed
 * context counts as none; APISIX answers 400.
 *
 * **Variables** for logs and templates: `$zipkin_trace_id`, `$zipkin_span_id`, `$zipkin_context_traceparent`.
 *
 * **When Zipkin is slow, wrong or away** no request waits for it. A batch is sent up to three times more, with a delay that doubles from a second; up to 8,192 spans
 * and 32 MiB wait in each worker meanwhile. What comes beyond is dropped. `sekisho_plugin_log_entries_total{plugin="zipkin"}` counts spans: `sent`, `dropped`,
 * `failed`; the error log says when it begins and ends. Places with the same configuration share a queue.
 *
 * `service_name` is `sekisho` unless you say otherwise, where APISIX has `APISIX`.
 *
 * Costs about 10 µs for a request that is recorded, with its attempt, and 2 µs for one that is not.
 */
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { ServiceClient } from '../side-calls/index.ts'
import { urlProblem } from '../side-calls/service-fields.ts'
import type { PluginContext, PluginLogger } from './context.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin, type PluginHooks } from './definition.ts'
import { BatchQueue, type BatchSink } from './logging/batch-queue.ts'
import { statusReason } from './logging/http-endpoints.ts'
import { LogCounts } from './logging/log-metrics.ts'
import { afterHooks } from './tracing/after-hooks.ts'
import { readB3, writeB3 } from './tracing/b3.ts'
import { RequestTrace } from './tracing/request-trace.ts'
import { newTraceId } from './tracing/trace-ids.ts'
import { localEndpoint, zipkinSpans, type Moments } from './tracing/zipkin-spans.ts'

const schema = Type.Object(
  {
    endpoint: Type.String({ description: 'where spans are sent: `http://HOST:9411/api/v2/spans`' }),
    sample_ratio: Type.Number({
      minimum: 0.00001,
      maximum: 1,
      description: 'the share of requests that is recorded, of those whose senders say nothing about it',
    }),
    service_name: defaulted(
      Type.String({ default: 'sekisho', minLength: 1, description: 'what Zipkin calls this gateway' }),
    ),
    server_addr: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}$',
        patternErrorMessage: 'must be an IPv4 address',
        description: 'address of this gateway in spans; left out, the one that the client connected to',
      }),
    ),
    span_version: defaulted(
      Type.Enum([1, 2], {
        default: 2,
        description: 'which spans a request has; Zipkin gets its version 2 in any case',
      }),
    ),
  },
  { additionalProperties: false },
)

type Config = Static<typeof schema>

export default definePlugin({
  name: 'zipkin',
  priority: 12_011,
  schema,
  placeless: true,
  check({ endpoint }) {
    const message = urlProblem(endpoint)
    return message === undefined ? undefined : { path: '/endpoint', message }
  },
  create: (config, context) => new ZipkinTracing(config, context),
})

/** Under this key a request's state has its `ZipkinTrace`; the variables `$zipkin_…` read from there. */
const STATE = 'zipkin'
const TIMEOUT_MS = 5_000
const LIMITS = {
  maxBatchEntries: 1_000,
  inactiveMs: 1_000,
  maxAgeMs: 5_000,
  maxRetries: 3,
  retryDelayMs: 1_000,
  maxPendingEntries: 8_192,
  maxPendingBytes: 33_554_432,
}

class ZipkinTrace extends RequestTrace implements Moments {
  debug = false
  rewritten = 0
  accessed = 0
  answered = 0
}

class ZipkinTracing implements PluginHooks {
  private readonly config: Config
  private readonly queue: BatchQueue<Buffer>
  private readonly logger: PluginLogger
  /** The last one: a worker listens at few addresses. */
  private local = ''
  private localAddress = ''
  private localPort = -1

  constructor(config: Config, context: PluginContext) {
    this.config = config
    this.logger = context.logger
    this.queue = new BatchQueue(sinkOf(config.endpoint, context), {
      name: 'zipkin',
      fields: { plugin: 'zipkin', place: context.scope },
      limits: LIMITS,
      counts: new LogCounts('zipkin', context.metrics),
      logger: context.logger,
    })
  }

  rewrite = ({ ctx, request: { headers } }: GatewaySession): void => {
    if (ctx.getState(STATE) !== undefined) return
    const { traceId, spanId: parentId, sampled, debug } = readB3(headers)
    const isSampled = sampled ?? Math.random() < this.config.sample_ratio
    const trace = new ZipkinTrace(this, traceId === '' ? newTraceId() : traceId, parentId, isSampled)
    trace.debug = debug
    ctx.setState(STATE, trace)
    const { firstId, ownId } = trace
    const above = isSampled ? ownId : parentId
    writeB3(headers, { traceId: trace.traceId, spanId: firstId, parentId: above, sampled: isSampled, debug })
    if (!isSampled) return
    trace.rewritten = performance.now()
  }

  access = (session: GatewaySession): void => {
    const trace = this.recorded(session)
    if (trace !== undefined) trace.accessed = performance.now()
  }

  balancer = (session: GatewaySession): void => {
    const trace = this.recorded(session)
    // What a cache asks for itself is of no request.
    if (trace === undefined || session.background) return
    const attempt = trace.beginAttempt(session)
    if (attempt === undefined || attempt.spanId === trace.firstId) return
    const { traceId, spanId: parentId, debug } = trace
    writeB3(session.request.headers, { traceId, spanId: attempt.spanId, parentId, sampled: true, debug })
  }

  headerFilter = (session: GatewaySession): void => {
    const trace = this.recorded(session)
    if (trace !== undefined) trace.answered = performance.now()
  }

  log = (session: GatewaySession): void => {
    const trace = this.recorded(session)
    if (trace === undefined || !trace.end(session)) return
    // Behind the hooks of all others: data-mask takes out of the request what nobody is to see.
    afterHooks(this.logger, () => this.record(trace, session))
  }

  dispose = (): void => this.queue.dispose()

  private record(trace: ZipkinTrace, session: GatewaySession): void {
    const { span_version: version } = this.config
    const local = this.localOf(session)
    for (const span of zipkinSpans(trace, session, trace, version, local, trace.debug)) {
      // Bytes: text would hold on to the head of the request that it was cut out of.
      const bytes = Buffer.from(span)
      this.queue.push(bytes, bytes.length)
    }
  }

  private localOf({ localAddress, localPort }: GatewaySession): string {
    if (localAddress === this.localAddress && localPort === this.localPort) return this.local
    const { service_name: name, server_addr: address } = this.config
    this.localAddress = localAddress
    this.localPort = localPort
    return (this.local = localEndpoint(name, address ?? localAddress, localPort))
  }

  private recorded({ ctx }: GatewaySession): ZipkinTrace | undefined {
    const trace = ctx.getState<ZipkinTrace>(STATE)
    return trace !== undefined && trace.sampled && trace.owner === this ? trace : undefined
  }
}

function sinkOf(endpoint: string, context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>): BatchSink<Buffer> {
  const client = new ServiceClient(
    {
      plugin: 'zipkin',
      timeoutMs: TIMEOUT_MS,
      maxAnswerBytes: 65_536,
      peer: { tls: { verify: true } },
      consequence: 'its spans wait, and are dropped when too many do or retries are used up',
    },
    context,
  )
  const url = new URL(endpoint)
  const headers = { 'Content-Type': 'application/json' }
  return {
    concurrency: 4,
    async send(spans) {
      await client.call(url, {
        headers,
        body: jsonList(spans),
        unusable: (answer) => (answer.status >= 200 && answer.status < 300 ? undefined : statusReason(answer)),
      })
    },
  }
}

function jsonList(items: readonly Buffer[]): Buffer {
  const pieces: Buffer[] = [Buffer.from('[')]
  for (const [index, item] of items.entries()) pieces.push(index === 0 ? item : Buffer.concat([COMMA, item]))
  return Buffer.concat([...pieces, Buffer.from(']')])
}

const COMMA = Buffer.from(',')
