/**
 * Sends an entry of each request to a server of HTTP, in batches.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       http-logger: { uri: "http://127.0.0.1:9080/logs", batch_max_size: 1, max_retry_count: 3 }
 * ```
 *
 * ```sh
 * # with: http-sink at 127.0.0.1:9080
 * curl -i http://127.0.0.1:8080/orders/7?page=2   # 200
 * # http-sink got: "querystring":{"page":"2"}
 * ```
 *
 * A batch is a POST with a JSON list of entries (`concat_method: json`) or with one entry a line (`new_line`); where `batch_max_size` is 1 it is the
 * entry itself. A status from 200 to 399 means that they arrived.
 *
 * **An entry** says what APISIX's says: `request` (url, uri, method, headers, querystring, size), `response` (status, headers, size), `server`,
 * `upstream`, `service_id`, `route_id`, `consumer`, `client_ip`, `start_time`, `latency`, `upstream_latency`, `apisix_latency` in milliseconds. The
 * fields `authorization`, `proxy-authorization`, `cookie`, `set-cookie`, `apikey` and `x-api-key` are `***`, which is not so in APISIX: a `log_format`
 * that names one, as `$http_cookie`, gets it. `log_format` replaces all of it, here or for all places in `plugin_metadata`. Bodies come in with
 * `include_req_body` and `include_resp_body`; `data-mask` masks.
 *
 * **When the server is slow, wrong or away** no request waits for it. A batch is sent `max_retry_count` times more (0 unless you say otherwise), with a
 * delay that doubles from `retry_delay` up to a minute; meanwhile up to `max_pending_entries` and `max_pending_bytes` (plugin_metadata) wait in each
 * worker. What comes beyond is dropped. `sekisho_plugin_log_entries_total` counts `sent`, `dropped`, `failed` and `refused` entries; the error log
 * says when it begins and ends. A worker that stops gives what waits three seconds. A batch whose answer was lost is sent twice when it is
 * sent again.
 *
 * Certificates of https are verified, which APISIX does not do unless it is told to; `ssl_verify: false` switches it off. Certificates of your own
 * authority: `NODE_EXTRA_CA_CERTS`.
 *
 * Places with the same configuration share a queue. Costs 2 to 4 µs a request.
 */
import { type Static, Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { batchLoggerMetadata, batchOptions } from './logging/batch-options.ts'
import { batchJson, batchLogger } from './logging/batch-logger.ts'
import type { BatchSink } from './logging/batch-queue.ts'
import { checkEntryOptions, checkFormats, entryOptions } from './logging/entry-options.ts'
import { HTTP_CONCURRENCY, HttpEndpoints, unlessBelow } from './logging/http-endpoints.ts'
import { checkAddress, checkValue, sinkAddress, verifyOption } from './logging/http-options.ts'

const schema = Type.Object(
  {
    uri: sinkAddress('where entries are sent'),
    auth_header: Type.Optional(Type.String({ description: 'the field `Authorization` of what is sent' })),
    timeout: defaulted(
      Type.Integer({ minimum: 1, default: 3, description: 'seconds for a batch to be sent and answered' }),
    ),
    concat_method: defaulted(
      Type.Enum(['json', 'new_line'], { default: 'json', description: 'a JSON list, or one entry a line' }),
    ),
    ssl_verify: verifyOption,
    ...batchOptions('http logger'),
    ...entryOptions,
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'http-logger',
  priority: 410,
  schema,
  metadataSchema: batchLoggerMetadata,
  placeless: true,
  check: (config) =>
    checkValue(config.auth_header ?? '', '/auth_header') ??
    checkAddress(config.uri, '/uri') ??
    checkEntryOptions(config),
  checkMetadata: checkFormats,
  create(config, context) {
    const endpoints = new HttpEndpoints(
      { plugin: 'http-logger', addresses: [config.uri], timeoutMs: config.timeout * 1_000, verify: config.ssl_verify },
      context,
    )
    return batchLogger('http-logger', config, context, httpSink(config, endpoints))
  },
})

function httpSink(config: Static<typeof schema>, endpoints: HttpEndpoints): BatchSink<string> {
  const { concat_method: method, batch_max_size: max, auth_header: authorization } = config
  const headers = {
    'Content-Type': 'application/json',
    ...(authorization === undefined || authorization === '' ? {} : { Authorization: authorization }),
  }
  const unusable = unlessBelow(400)
  return {
    concurrency: HTTP_CONCURRENCY,
    async send(entries) {
      const body = method === 'json' ? batchJson(entries, max) : entries.join('\n')
      await endpoints.call(() => ({ path: '', headers, body, unusable }))
    },
  }
}
