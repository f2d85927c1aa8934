/**
 * Sends an event of each request to Splunk's HTTP Event Collector, in batches.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       splunk-hec-logging:
 *         endpoint: { uri: "http://127.0.0.1:8088/services/collector", token: 4a2d8f0e-1c0b-4d55-9d5e-0f5f8d1b6a11 }
 *         batch_max_size: 1
 * ```
 *
 * ```sh
 * # with: http-sink at 127.0.0.1:8088
 * curl -i http://127.0.0.1:8080/orders/7   # 200
 * # http-sink got: "sourcetype":"_json"
 * ```
 *
 * A batch is a row of JSON events: `time` in seconds, `host` (this machine), `source`, `sourcetype`, and `event` with `request_url`, `request_method`,
 * `request_headers`, `request_query`, `request_size`, `response_headers`, `response_status`, `response_size`, `latency`, `upstream`, or with what
 * `log_format` says. Fields with credentials are `***`, as in [http-logger](http-logger.md). Status 200 means that a batch arrived.
 *
 * With `endpoint.channel` the events belong to that channel, which a collector with indexer acknowledgement asks for; acknowledgements are not waited
 * for, as in APISIX.
 *
 * **When Splunk is slow, wrong or away** no request waits: [http-logger](http-logger.md) says what happens. Costs 2 to 4 µs a request.
 */
import { hostname } from 'node:os'
import { jsonString } from '../observability/access-log/escape.ts'
import type { ServiceAnswer } from '../side-calls/index.ts'
import { Type } from '../schema/type.ts'
import type { GatewaySession } from '../session.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { batchLogger } from './logging/batch-logger.ts'
import { batchLoggerMetadata, batchOptions } from './logging/batch-options.ts'
import { rounded, startTime } from './logging/default-entry.ts'
import { checkFormats, formatOptions } from './logging/entry-options.ts'
import { headersJson, queryJson } from './logging/fields-json.ts'
import { HTTP_CONCURRENCY, HttpEndpoints, statusReason } from './logging/http-endpoints.ts'
import { checkAddress, checkValue, sinkAddress, verifyOption } from './logging/http-options.ts'
import { entryMaker } from './logging/log-entry.ts'

const schema = Type.Object(
  {
    endpoint: Type.Object(
      {
        uri: sinkAddress('of the collector, as "https://HOST:8088/services/collector"'),
        token: Type.String({ minLength: 1, description: 'token of the collector' }),
        channel: Type.Optional(Type.String({ minLength: 1, description: 'the field `X-Splunk-Request-Channel`' })),
        timeout: defaulted(Type.Integer({ minimum: 1, default: 10, description: 'seconds for a batch' })),
        keepalive_timeout: defaulted(
          Type.Integer({
            minimum: 1_000,
            default: 60_000,
            description: 'milliseconds that an idle connection is kept',
          }),
        ),
      },
      { additionalProperties: false, description: 'where events are sent' },
    ),
    ssl_verify: verifyOption,
    ...batchOptions('splunk-hec-logging'),
    ...formatOptions,
  },
  { additionalProperties: false },
)

const ORIGIN = `"host":${JSON.stringify(hostname())},"source":"sekisho-splunk-hec-logging","sourcetype":"_json"`

export default definePlugin({
  name: 'splunk-hec-logging',
  priority: 409,
  schema,
  metadataSchema: batchLoggerMetadata,
  placeless: true,
  check(config) {
    const { uri, token, channel = '' } = config.endpoint
    return (
      checkValue(token, '/endpoint/token') ??
      checkValue(channel, '/endpoint/channel') ??
      checkAddress(uri, '/endpoint/uri') ??
      checkFormats(config)
    )
  },
  checkMetadata: checkFormats,
  create(config, context) {
    const { uri, token, channel, timeout, keepalive_timeout: idleTimeoutMs } = config.endpoint
    const endpoints = new HttpEndpoints(
      {
        plugin: 'splunk-hec-logging',
        addresses: [uri],
        timeoutMs: timeout * 1_000,
        verify: config.ssl_verify,
        peer: { keepAlive: { idleTimeoutMs } },
      },
      context,
    )
    const headers = {
      'Content-Type': 'application/json',
      Authorization: `Splunk ${token}`,
      ...(channel === undefined ? {} : { 'X-Splunk-Request-Channel': channel }),
    }
    const sink = {
      concurrency: HTTP_CONCURRENCY,
      async send(events: readonly string[]) {
        await endpoints.call(() => ({ path: '', headers, body: events.join(''), unusable: refusal }))
      },
    }
    const eventOf = (fields: string, session: GatewaySession): string =>
      `{"time":${(startTime(session) + session.finishedAt - session.startedAt) / 1_000},${ORIGIN},"event":{${fields}}}`
    return batchLogger(
      'splunk-hec-logging',
      config,
      context,
      sink,
      eventOf,
      entryMaker(config, context.metadata, usual),
    )
  },
})

/** What APISIX puts into an event. */
function usual(session: GatewaySession): string {
  const { ctx, request, response } = session
  const at = request.target.indexOf('?')
  const url = `${session.secure ? 'https' : 'http'}://${ctx.host}:${session.localPort}${request.target}`
  let json = `"request_url":${jsonString(url)},"request_method":${jsonString(request.method)}`
  json += `,"request_headers":${headersJson(request.headers)}`
  json += `,"request_query":${queryJson(at < 0 ? '' : request.target.slice(at + 1))},"request_size":${session.bytesReceived}`
  json += `,"response_headers":${response === undefined ? '{}' : headersJson(response.headers)}`
  json += `,"response_status":${response?.status ?? 0},"response_size":${session.bytesSent}`
  json += `,"latency":${rounded(Math.max(0, session.finishedAt - session.startedAt))}`
  if (session.peer !== undefined) json += `,"upstream":${jsonString(session.peer.name)}`
  return json
}

/** The collector says in JSON what it does not like: `{"text":"Invalid token","code":4}`. */
function refusal(answer: ServiceAnswer): string | undefined {
  if (answer.status === 200) return undefined
  try {
    const { text, code } = answer.json() as { text?: unknown; code?: unknown }
    if (typeof text === 'string') return `it answers ${answer.status}: ${text} (code ${String(code)})`
  } catch {
    // Not the collector's own words.
  }
  return statusReason(answer)
}
