/**
 * Reports errors to Sentry, with the request that met them: failures within the gateway, upstreams that do not answer and, if you like, answers of upstreams from 500.
 *
 * ```yaml
 * global_rules:
 *   - id: errors
 *     plugins:
 *       sentry:
 *         dsn: "http://public@127.0.0.1:9000/42"
 *         environment: production
 *         capture: [internal, unreachable, upstream_5xx]
 * routes:
 *   - { uri: /*, upstream: "http://127.0.0.1:3000" }
 * ```
 *
 * ```sh
 * # with: http-sink at 127.0.0.1:9000
 * curl -i http://127.0.0.1:8080/status/503?token=s3cret   # 503
 * # http-sink got: POST /api/42/envelope/
 * # http-sink got: "query_string":"token=REDACTED"
 * ```
 *
 * | `capture` | reports |
 * |---|---|
 * | `internal` | a plugin or a part of the gateway that threw, with its stack |
 * | `unreachable` | no node of the upstream gave an answer: refused, timed out, broke off, none is healthy |
 * | `upstream_5xx` | an upstream answered 500 or more |
 *
 * Clients that leave, and answers of plugins, are no errors.
 *
 * **What leaves.** Method, host and path, route, service, node, status, and the trace's identifier where `opentelemetry` or `zipkin` runs. Never bodies, and never the fields
 * `authorization`, `proxy-authorization`, `cookie`, `apikey` or others whose names say that they hold secrets; `hidden_headers` names more, `send_headers: false` sends none. Of
 * the query, arguments with such names are `REDACTED`; `query: names` sends no values, `none` nothing. Who the client is (address, consumer, `x-forwarded-for`) leaves only with
 * `send_personal_data`. In the messages of errors, what follows `password=`, `token:`, `Bearer` and the like is `[Filtered]`.
 *
 * **When Sentry is slow, wrong or away** no request waits for it. Each worker sends at most `max_events_per_minute`; an event is sent up to three times more, and 100 wait at most.
 * When Sentry asks to be left alone (429, `X-Sentry-Rate-Limits`), it is. `sekisho_plugin_log_entries_total{plugin="sentry"}` counts `sent`, `dropped`, `failed` and `refused`
 * events; the error log says when it begins and ends.
 *
 * Nothing has to be installed. Costs 0.1 µs for a request without an error.
 */
import type { ProxyError } from '@sekisho/proxy'
import { type Static, Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import type { PluginContext, PluginLogger } from './context.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin, type PluginHooks } from './definition.ts'
import { BatchQueue } from './logging/batch-queue.ts'
import { LogCounts } from './logging/log-metrics.ts'
import { afterHooks } from './tracing/after-hooks.ts'
import { parseDsn, type Dsn } from './sentry/dsn.ts'
import { envelope, type EventOptions, type Problem } from './sentry/event.ts'
import { SentrySink } from './sentry/sentry-sink.ts'

const Text = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 200, description }))

const schema = Type.Object(
  {
    dsn: Type.String({ description: 'where events go: `https://KEY@HOST/PROJECT`' }),
    environment: Text('as `production`'),
    release: Text('version of what you run, as `shop@1.4.2`'),
    server_name: Text('name of this gateway; left out, that of the machine'),
    capture: defaulted(
      Type.Array(Type.Enum(['internal', 'unreachable', 'upstream_5xx']), {
        default: ['internal', 'unreachable'],
        minItems: 1,
        uniqueItems: true,
        description: 'which errors are reported',
      }),
    ),
    sample_rate: defaulted(
      Type.Number({ minimum: 0, maximum: 1, default: 1, description: 'the share of errors that is reported' }),
    ),
    max_events_per_minute: defaulted(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        default: 60,
        description: 'of each worker; what comes beyond is dropped',
      }),
    ),
    query: defaulted(
      Type.Enum(['masked', 'names', 'none'], {
        default: 'masked',
        description: 'the query without the values of secrets, without any values, or not at all',
      }),
    ),
    send_headers: defaulted(Type.Boolean({ default: true, description: "the request's fields that hold no secrets" })),
    hidden_headers: defaulted(
      Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        description: 'fields that are never sent, beside those that never are',
      }),
    ),
    send_personal_data: defaulted(
      Type.Boolean({ default: false, description: "the client's address and the name of the consumer" }),
    ),
    timeout: defaulted(
      Type.Integer({
        minimum: 1,
        maximum: 60_000,
        default: 3_000,
        description: 'milliseconds for an event to be sent',
      }),
    ),
    ssl_verify: defaulted(Type.Boolean({ default: true, description: "verify the server's certificate" })),
  },
  { additionalProperties: false },
)

type Config = Static<typeof schema>

export default definePlugin({
  name: 'sentry',
  priority: 390,
  schema,
  placeless: true,
  check({ dsn }) {
    const parsed = parseDsn(dsn)
    return typeof parsed === 'string' ? { path: '/dsn', message: parsed } : undefined
  },
  create: (config, context) => new SentryHooks(config, context),
})

/** An error of which a global rule and a route would both tell. */
const STATE = 'sentry'
const MINUTE_MS = 60_000
const LIMITS = {
  maxBatchEntries: 1,
  inactiveMs: 1_000,
  maxAgeMs: 1_000,
  maxRetries: 3,
  retryDelayMs: 1_000,
  maxPendingEntries: 100,
  maxPendingBytes: 8_388_608,
}

class SentryHooks implements PluginHooks {
  private readonly config: Config
  private readonly options: EventOptions
  private readonly sink: SentrySink
  private readonly queue: BatchQueue<string>
  private readonly counts: LogCounts
  private readonly logger: PluginLogger
  private minute = 0
  private inMinute = 0

  constructor(config: Config, context: Pick<PluginContext, 'scope' | 'metrics' | 'logger'>) {
    this.config = config
    this.logger = context.logger
    this.options = {
      environment: config.environment,
      release: config.release,
      serverName: config.server_name,
      query: config.query,
      headers: config.send_headers,
      hiddenHeaders: new Set(config.hidden_headers.map((name) => name.toLowerCase())),
      personal: config.send_personal_data,
    }
    this.counts = new LogCounts('sentry', context.metrics)
    const dsn = parseDsn(config.dsn) as Dsn
    this.sink = new SentrySink({ dsn, timeoutMs: config.timeout, verify: config.ssl_verify }, context)
    this.queue = new BatchQueue(this.sink, {
      name: 'sentry',
      fields: { plugin: 'sentry', place: context.scope },
      limits: LIMITS,
      counts: this.counts,
      logger: context.logger,
    })
  }

  log = (session: GatewaySession): void => {
    const { ctx, response } = session
    // What nearly all requests are.
    if (ctx.failure === undefined && (response === undefined || response.status < 500)) return
    const problem = problemOf(session, this.config.capture)
    if (problem === undefined || ctx.getState(STATE) !== undefined) return
    ctx.setState(STATE, true)
    if (Math.random() >= this.config.sample_rate) return
    if (!this.mayTell()) return this.counts.add('dropped', 1)
    // Behind the hooks of all others: data-mask takes out of the request what nobody is to see.
    afterHooks(this.logger, () => {
      const event = envelope(problem, session, this.options)
      this.queue.push(event, event.length)
    })
  }

  dispose = (): void => this.queue.dispose()

  private mayTell(): boolean {
    if (this.sink.isPaused) return false
    const minute = Math.floor(performance.now() / MINUTE_MS)
    if (minute !== this.minute) {
      this.minute = minute
      this.inMinute = 0
    }
    return this.inMinute++ < this.config.max_events_per_minute
  }
}

function problemOf(session: GatewaySession, capture: Config['capture']): Problem | undefined {
  const { failure } = session.ctx
  if (failure !== undefined) {
    if (failure.source === 'internal' && capture.includes('internal'))
      return { type: failure.code, message: failure.message, errors: chainOf(failure) }
    // A tunnel that one of its ends closes is over, not broken.
    if (failure.source === 'upstream' && failure.code !== 'TUNNEL_ENDED' && capture.includes('unreachable'))
      return { type: failure.code, message: failure.message, errors: [] }
    return undefined
  }
  const { status } = session.response!
  if (session.responseSource !== 'upstream' || !capture.includes('upstream_5xx')) return undefined
  return { type: `HTTP ${status}`, message: `the upstream ${session.peer?.name ?? ''} answered ${status}`, errors: [] }
}

/** What was thrown, behind what caused it, three at most. */
function chainOf(failure: ProxyError): Error[] {
  const errors: Error[] = []
  for (let error: unknown = failure.cause ?? failure; error instanceof Error && errors.length < 3; error = error.cause)
    errors.unshift(error)
  return errors
}
