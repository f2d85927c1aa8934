/**
 * Writes an entry of each request into a table of ClickHouse, in batches.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       clickhouse-logger:
 *         endpoint_addrs: ["http://127.0.0.1:8123"]
 *         user: default
 *         password: ""
 *         database: default
 *         logtable: requests
 *         log_format: { host: $host, client_ip: $remote_addr, status: $status }
 *         batch_max_size: 1
 * ```
 *
 * ```sh
 * # with: http-sink at 127.0.0.1:8123
 * curl -i http://127.0.0.1:8080/orders/7   # 200
 * # http-sink got: INSERT INTO requests FORMAT JSONEachRow {"host":"127.0.0.1"
 * ```
 *
 * The fields of an [entry](http-logger.md) are the columns of a row, so the table must have these columns: with a `log_format` those that it names, and
 * `route_id` and `service_id`. ClickHouse refuses a batch whose fields it does not know, unless `input_format_skip_unknown_fields=1` is set.
 *
 * A batch goes to one of `endpoint_addrs` at random, and to the others when that one does not take it. A status below 400 means that it is in
 * the table.
 *
 * **When ClickHouse is slow, wrong or away** no request waits: [http-logger](http-logger.md) says what happens. Costs 2 to 4 µs a request.
 */
import { type Static, Type } from '../schema/type.ts'
import { needsOneOf, notBoth } from '../resources/constraints.ts'
import { defaulted } from './defaulted.ts'
import { type ConfigProblem, definePlugin } from './definition.ts'
import { batchLogger } from './logging/batch-logger.ts'
import { batchLoggerMetadata, batchOptions } from './logging/batch-options.ts'
import { checkTableName, clickhouseHeaders, insertBody } from './logging/clickhouse-insert.ts'
import { checkEntryOptions, checkFormats, entryOptions } from './logging/entry-options.ts'
import { HTTP_CONCURRENCY, HttpEndpoints, unlessBelow } from './logging/http-endpoints.ts'
import { addressesOf, checkAddresses, checkValue, sinkAddress, verifyOption } from './logging/http-options.ts'

const schema = Type.Object(
  {
    endpoint_addr: Type.Optional(sinkAddress('address of ClickHouse; better write `endpoint_addrs`')),
    endpoint_addrs: Type.Optional(
      Type.Array(sinkAddress('an address'), {
        minItems: 1,
        description: 'addresses of ClickHouse, of its HTTP interface',
      }),
    ),
    user: defaulted(Type.String({ default: '', description: 'name of the user; none: that of the server' })),
    password: defaulted(Type.String({ default: '', description: 'their password' })),
    database: defaulted(Type.String({ default: '', description: 'where the table is; none: that of the user' })),
    logtable: Type.String({ minLength: 1, description: 'name of the table, with or without its database' }),
    timeout: defaulted(Type.Integer({ minimum: 1, default: 3, description: 'seconds for a batch' })),
    ssl_verify: verifyOption,
    ...batchOptions('clickhouse-logger'),
    ...entryOptions,
  },
  {
    additionalProperties: false,
    allOf: [
      needsOneOf('clickhouse-logger', ['endpoint_addrs', 'endpoint_addr']),
      notBoth('clickhouse-logger', 'endpoint_addrs', 'endpoint_addr'),
    ],
  },
)

export default definePlugin({
  name: 'clickhouse-logger',
  priority: 398,
  schema,
  metadataSchema: batchLoggerMetadata,
  placeless: true,
  check: (config) => checkOwn(config) ?? checkEntryOptions(config),
  checkMetadata: checkFormats,
  create(config, context) {
    const { timeout, ssl_verify: verify, logtable } = config
    const endpoints = new HttpEndpoints(
      { plugin: 'clickhouse-logger', addresses: addressesOf(config), timeoutMs: timeout * 1_000, verify },
      context,
    )
    const headers = clickhouseHeaders(config)
    const unusable = unlessBelow(400)
    return batchLogger('clickhouse-logger', config, context, {
      concurrency: HTTP_CONCURRENCY,
      async send(entries) {
        const body = insertBody(logtable, entries)
        await endpoints.call(() => ({ path: '', method: 'POST', headers, body, unusable }))
      },
    })
  },
})

const checkOwn = (config: Static<typeof schema>): ConfigProblem | undefined =>
  checkValue(config.user, '/user') ??
  checkValue(config.password, '/password') ??
  checkValue(config.database, '/database') ??
  checkAddresses(config) ??
  checkTableName(config.logtable, '/logtable')
