/**
 * Sends the gateway's own error log to a server, besides where [`error_log`](../configuration.md) writes it: over TCP, to SkyWalking, ClickHouse or Kafka.
 *
 * ```yaml
 * plugin_metadata:
 *   - id: error-log-logger
 *     level: WARN
 *     tcp: { host: 127.0.0.1, port: 5044 }
 *     inactive_timeout: 1
 * routes:
 *   - { uri: /*, upstream: "http://127.0.0.1:3000" }
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/   # 200
 * ```
 *
 * It has one configuration, in `plugin_metadata`, and works as soon as this is there. Each thread of the gateway, the workers and the one that
 * controls them, sends what it has to say. A line is JSON as in the error log: `level`, `time`, `msg`, and fields.
 *
 * - `tcp`: a line each, on a connection that is kept for `keepalive` seconds without lines.
 * - `skywalking`: a POST of log records to `endpoint_addr`; `service_instance_name: $hostname` stands for the name of this machine.
 * - `clickhouse`: rows whose column `data` is the line.
 * - `kafka`: a message each, whose value is the line as a JSON string. Needs `npm install @platformatic/kafka`.
 *
 * Lines leave in batches, as those of [http-logger](http-logger.md), which also says what happens **when the server is slow, wrong or away**: nothing waits
 * for it. What this plugin has to say of its own server stands in `error_log` alone.
 *
 * The level is independent of that of `error_log`. Costs nothing but where there is a line.
 */
import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { type ConfigProblem, definePlugin } from './definition.ts'
import { batchMetadata, batchOptions } from './logging/batch-options.ts'
import { checkTableName } from './logging/clickhouse-insert.ts'
import { checkAddress } from './logging/http-options.ts'
import { KafkaBroker, producerTypeOption, refreshOption, tlsOption } from './logging/kafka-options.ts'
import { tcpVerifyOption } from './logging/net-options.ts'

const strict = { additionalProperties: false } as const
const Host = Type.String({
  pattern: '^\\*?[0-9a-zA-Z-._\\[\\]:]+$',
  patternErrorMessage: 'must be a name or an address',
  description: 'name or address of the server',
})
const Port = Type.Integer({ minimum: 0, maximum: 65_535, description: 'its port' })
const Url = (fallback: string, description: string) => defaulted(Type.String({ default: fallback, description }))
const Text = (fallback: string, description: string) => defaulted(Type.String({ default: fallback, description }))

const tcp = Type.Object(
  {
    host: Host,
    port: Port,
    tls: defaulted(Type.Boolean({ default: false, description: 'encrypt the connection' })),
    tls_server_name: Type.Optional(
      Type.String({ description: 'the name that is asked for and verified, if not `host`' }),
    ),
    ssl_verify: tcpVerifyOption,
  },
  { ...strict, description: 'lines over TCP' },
)

const skywalking = Type.Object(
  {
    endpoint_addr: Url('http://127.0.0.1:12900/v3/logs', 'where records are sent'),
    service_name: Text('APISIX', 'name of the service in SkyWalking'),
    service_instance_name: Text('APISIX Service Instance', 'name of this node there'),
  },
  { ...strict, description: 'records of SkyWalking' },
)

const clickhouse = Type.Object(
  {
    endpoint_addr: Url('http://127.0.0.1:8123', 'address of ClickHouse'),
    user: Text('default', 'name of the user'),
    password: Text('', 'their password'),
    database: Text('', 'where the table is'),
    logtable: Text('', 'name of the table, which has a column `data`'),
  },
  { ...strict, description: 'rows of ClickHouse' },
)

const kafka = Type.Object(
  {
    brokers: Type.Array(KafkaBroker(['PLAIN']), {
      minItems: 1,
      uniqueItems: true,
      description: 'brokers to begin with',
    }),
    kafka_topic: Type.String({ minLength: 1, description: 'name of the topic' }),
    key: Type.Optional(Type.String({ description: 'key of all messages' })),
    producer_type: producerTypeOption,
    required_acks: defaulted(
      Type.Enum([0, 1, -1], {
        default: 1,
        description: '0: nobody acknowledges; 1: the leader; -1: all replicas in sync',
      }),
    ),
    cluster_name: defaulted(
      Type.Integer({
        minimum: 1,
        default: 1,
        description: 'tells clusters apart in APISIX; there is one here, so it has no effect',
      }),
    ),
    meta_refresh_interval: refreshOption,
    tls: tlsOption,
  },
  { ...strict, description: 'messages of Kafka' },
)

const LEVELS = ['STDERR', 'EMERG', 'ALERT', 'CRIT', 'ERR', 'ERROR', 'WARN', 'NOTICE', 'INFO', 'DEBUG'] as const
const KINDS = ['skywalking', 'tcp', 'clickhouse', 'kafka'] as const

export const errorLogMetadata = Type.Object(
  {
    tcp: Type.Optional(tcp),
    skywalking: Type.Optional(skywalking),
    clickhouse: Type.Optional(clickhouse),
    kafka: Type.Optional(kafka),
    host: Type.Optional(Host),
    port: Type.Optional(Port),
    tls: Type.Optional(Type.Boolean({ description: 'as `tcp.tls`, with `host` and `port`' })),
    tls_server_name: Type.Optional(Type.String({ description: 'as `tcp.tls_server_name`, with `host` and `port`' })),
    level: defaulted(
      Type.Enum([...LEVELS], {
        default: 'WARN',
        description:
          'lines of this level and above; the gateway has error, warn and info: what is above ERROR means error',
      }),
    ),
    timeout: defaulted(Type.Integer({ minimum: 1, default: 3, description: 'seconds for a batch' })),
    keepalive: defaulted(
      Type.Integer({ minimum: 1, default: 30, description: 'seconds that a connection without lines is kept' }),
    ),
    ...batchOptions('error-log-logger'),
    batch_max_size: defaulted(
      Type.Integer({ minimum: 0, default: 1_000, description: 'lines that are sent at once; 0 and 1: each by itself' }),
    ),
    inactive_timeout: defaulted(
      Type.Integer({
        minimum: 1,
        default: 3,
        description: 'seconds without a new line after which those there are leave',
      }),
    ),
    ...batchMetadata,
  },
  {
    ...strict,
    errorMessage: 'error-log-logger needs one of "tcp", "skywalking", "clickhouse", "kafka"',
  },
)

export default definePlugin({
  name: 'error-log-logger',
  priority: 1_091,
  schema: Type.Object({}, strict),
  metadataSchema: errorLogMetadata,
  checkMetadata(metadata): ConfigProblem | undefined {
    const named = KINDS.filter((kind) => metadata[kind] !== undefined)
    const old = metadata.host !== undefined || metadata.port !== undefined
    if (named.length + (old ? 1 : 0) !== 1)
      return {
        path: '',
        message: 'names no server, or several; write one of "tcp", "skywalking", "clickhouse", "kafka"',
      }
    if (old && (metadata.host === undefined || metadata.port === undefined))
      return { path: '', message: 'needs both "host" and "port"; better write "tcp": { "host": …, "port": … }' }
    if (!old && (metadata.tls !== undefined || metadata.tls_server_name !== undefined))
      return { path: metadata.tls === undefined ? '/tls_server_name' : '/tls', message: 'belongs into "tcp"' }
    const { skywalking: sky, clickhouse: click } = metadata
    if (sky !== undefined) return checkAddress(sky.endpoint_addr, '/skywalking/endpoint_addr')
    if (click === undefined) return undefined
    return (
      checkAddress(click.endpoint_addr, '/clickhouse/endpoint_addr') ??
      checkTableName(click.logtable, '/clickhouse/logtable')
    )
  },
  // The threads of the gateway follow the metadata themselves: lines are of no request.
  create: () => ({}),
})
