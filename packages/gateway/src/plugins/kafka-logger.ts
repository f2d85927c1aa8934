/**
 * Writes an entry of each request to a topic of Kafka, in batches.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       kafka-logger:
 *         brokers: [{ host: 127.0.0.1, port: 9092 }]
 *         kafka_topic: requests
 *         key: gateway
 *         batch_max_size: 1
 * ```
 *
 * ```sh
 * curl -i http://127.0.0.1:8080/orders/7   # 200
 * ```
 *
 * Needs the package `@platformatic/kafka` beside the gateway: `npm install @platformatic/kafka`.
 *
 * A message is a JSON list of the [entries](http-logger.md) of a batch; where `batch_max_size` is 1 it is the entry itself. With `meta_format: origin` an
 * entry is the head of the request as text, with its body where `include_req_body` says so. All messages have the key that `key` says, so they
 * go to one partition, in order; without it they are spread over all.
 *
 * With `producer_type: async` messages of several batches leave together: when there are `producer_batch_num` of them, or `producer_batch_size` bytes, or
 * the first has waited `producer_time_linger` seconds. With `sync` each leaves at once. Either way a batch counts as sent when brokers have acknowledged
 * it as `required_acks` says, and is sent again otherwise; no request waits for it.
 *
 * `sasl_config` must be the same for all brokers. With `tls` certificates are verified, which APISIX does not do unless it is told to: `tls: { verify:
 * false }` switches it off.
 *
 * **When Kafka is slow, wrong or away** no request waits: [http-logger](http-logger.md) says what happens. A batch whose acknowledgement was lost is
 * written twice. Costs 2 to 4 µs a request.
 */
import { isDeepStrictEqual } from 'node:util'
import { type Static, Type } from '../schema/type.ts'
import { needsOneOf, notBoth } from '../resources/constraints.ts'
import { defaulted } from './defaulted.ts'
import { type ConfigProblem, definePlugin } from './definition.ts'
import { batchJson, batchLogger, hooksOf, logQueue } from './logging/batch-logger.ts'
import { batchLoggerMetadata, batchOptions } from './logging/batch-options.ts'
import type { BatchSink } from './logging/batch-queue.ts'
import { checkEntryOptions, checkFormats, entryOptions } from './logging/entry-options.ts'
import { brokerOptions, KafkaBroker, producerTypeOption, refreshOption, tlsOption } from './logging/kafka-options.ts'
import { KafkaWriter } from './logging/kafka-producer.ts'
import { entryMaker } from './logging/log-entry.ts'
import { originEntry } from './logging/origin-entry.ts'
import { hostHealth, noted } from './logging/net-sender.ts'

const Port = Type.Integer({ minimum: 1, maximum: 65_535 })

const seconds = (fallback: number, description: string) =>
  defaulted(Type.Integer({ minimum: 1, default: fallback, description }))

const schema = Type.Object(
  {
    brokers: Type.Optional(
      Type.Array(KafkaBroker(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']), {
        minItems: 1,
        uniqueItems: true,
        description: 'brokers to begin with; they tell of the others',
      }),
    ),
    broker_list: Type.Optional(
      Type.Record(Type.String(), Port, {
        minProperties: 1,
        description: 'the same as `{ HOST: PORT }`; better write `brokers`',
      }),
    ),
    kafka_topic: Type.String({ minLength: 1, description: 'name of the topic' }),
    key: Type.Optional(Type.String({ description: 'key of all messages' })),
    producer_type: producerTypeOption,
    required_acks: defaulted(
      Type.Enum([1, -1], { default: 1, description: '1: the leader has a message; -1: all replicas in sync have it' }),
    ),
    timeout: seconds(3, 'seconds for a connection, and for an answer'),
    meta_format: defaulted(
      Type.Enum(['default', 'origin'], {
        default: 'default',
        description: 'entries as JSON, or the head of the request as text',
      }),
    ),
    producer_batch_num: defaulted(
      Type.Integer({
        minimum: 1,
        default: 200,
        description: 'messages that leave together, with `producer_type: async`',
      }),
    ),
    producer_batch_size: defaulted(
      Type.Integer({
        minimum: 0,
        default: 1_048_576,
        description: 'bytes that leave together, with `producer_type: async`',
      }),
    ),
    producer_max_buffering: defaulted(
      Type.Integer({
        minimum: 1,
        default: 50_000,
        description: 'messages that may be gathered; a batch beyond has failed',
      }),
    ),
    producer_time_linger: seconds(1, 'seconds that the first message waits for others, with `producer_type: async`'),
    meta_refresh_interval: refreshOption,
    cluster_name: defaulted(
      Type.Integer({
        minimum: 1,
        default: 1,
        description:
          'tells clusters apart in APISIX; places with another configuration never share connections here, so it has no effect',
      }),
    ),
    api_version: defaulted(
      Type.Enum([0, 1, 2], {
        default: 1,
        description:
          'version of the produce API in APISIX; here the newest is used that the brokers have, so it has no effect',
      }),
    ),
    tls: tlsOption,
    ...batchOptions('kafka logger'),
    ...entryOptions,
  },
  {
    additionalProperties: false,
    allOf: [needsOneOf('kafka-logger', ['brokers', 'broker_list']), notBoth('kafka-logger', 'brokers', 'broker_list')],
  },
)

type Config = Static<typeof schema>

export default definePlugin({
  name: 'kafka-logger',
  priority: 403,
  schema,
  metadataSchema: batchLoggerMetadata,
  placeless: true,
  check: (config) => checkOwn(config) ?? checkEntryOptions(config),
  checkMetadata: checkFormats,
  create(config, context) {
    const writer = kafkaWriter(config)
    const [first] = brokersOf(config)
    const health = hostHealth('kafka-logger', first.host, first.port, context)
    const isOrigin = config.meta_format === 'origin'
    const sink: BatchSink<string> = {
      // Gathering needs several batches under way; one at a time keeps them in order otherwise.
      concurrency: config.producer_type === 'async' ? Math.min(config.producer_batch_num, 1_000) : 1,
      send: (entries) => noted(writer.send([message(entries, config)]), health),
      close: () => writer.close(),
    }
    if (!isOrigin) return batchLogger('kafka-logger', config, context, sink)
    const queue = logQueue('kafka-logger', config, context, context.metadata, sink)
    const maker = entryMaker(originBodies(config), undefined, originEntry)
    const take = (text: string): void => queue.push(text, text.length)
    return { ...hooksOf(maker, take), dispose: () => queue.dispose() }
  },
})

/** The head as text is no JSON: in a list it is a string of it. */
const message = (entries: readonly string[], { batch_max_size: max, meta_format: format }: Config): string =>
  format === 'origin' && max > 1 ? JSON.stringify(entries) : batchJson(entries, max)

/** Formats and responses have no place in what the client sent. */
function originBodies(config: Config): Config {
  const { log_format: _format, log_format_extra: _extra, ...rest } = config
  return { ...rest, include_resp_body: false }
}

const brokersOf = ({ brokers, broker_list: list = {} }: Config): readonly { host: string; port: number }[] =>
  brokers ?? Object.entries(list).map(([host, port]) => ({ host, port }))

function kafkaWriter(config: Config): KafkaWriter {
  const isAsync = config.producer_type === 'async'
  return new KafkaWriter({
    ...brokerOptions(brokersOf(config)),
    topic: config.kafka_topic,
    key: config.key,
    tls: config.tls,
    acks: config.required_acks,
    timeoutMs: config.timeout * 1_000,
    metadataMaxAgeMs: config.meta_refresh_interval * 1_000,
    gather: isAsync
      ? {
          maxMessages: config.producer_batch_num,
          maxBytes: config.producer_batch_size,
          lingerMs: config.producer_time_linger * 1_000,
          maxWaiting: config.producer_max_buffering,
        }
      : undefined,
  })
}

function checkOwn(config: Config): ConfigProblem | undefined {
  const { brokers = [], meta_format: format } = config
  const other = brokers.findIndex(({ sasl_config: own }) => !isDeepStrictEqual(own, brokers[0]?.sasl_config))
  if (other > 0)
    return {
      path: `/brokers/${other}/sasl_config`,
      message: 'must be that of the first broker; a cluster has one for all',
    }
  if (format !== 'origin') return undefined
  for (const name of ['log_format', 'log_format_extra', 'include_resp_body'] as const)
    if (config[name] !== undefined && config[name] !== false)
      return {
        path: `/${name}`,
        message: 'has no place in "meta_format": "origin"; remove it, or write "default" there',
      }
  return undefined
}
