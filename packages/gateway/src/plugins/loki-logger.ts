/**
 * Sends an entry of each request to Grafana Loki, in batches.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       loki-logger:
 *         endpoint_addrs: ["http://127.0.0.1:9080"]
 *         log_labels: { job: gateway, status: $status }
 *         batch_max_size: 1
 * ```
 *
 * ```sh
 * # with: http-sink at 127.0.0.1:9080
 * curl -i http://127.0.0.1:8080/orders/7   # 200
 * # http-sink got: "stream":{"job":"gateway","status":"200"}
 * ```
 *
 * The time of an entry is when its request began; its line is the [entry](http-logger.md) as JSON. Labels may have variables, which are read for each
 * request: entries with the same labels are a stream. Loki wants few streams, so take variables with few values; a batch has
 * 100 of them at most, and what has further labels goes without those that have variables.
 *
 * A batch goes to one of `endpoint_addrs` at random, and to the others when that one does not take it. A status from 200 to 299 means that it arrived.
 *
 * **When Loki is slow, wrong or away** no request waits: [http-logger](http-logger.md) says what happens. Certificates are verified, which APISIX does
 * not do unless it is told to; `ssl_verify: false` switches it off.
 *
 * Costs 2 to 4 µs a request, and some for each label with a variable.
 */
import { type Static, Type } from '../schema/type.ts'
import { compileText, hasVariables, type TextTemplate } from '../variables/template.ts'
import type { GatewaySession } from '../session.ts'
import { defaulted } from './defaulted.ts'
import { type ConfigProblem, definePlugin } from './definition.ts'
import { hooksOf, logQueue } from './logging/batch-logger.ts'
import { batchLoggerMetadata, batchOptions } from './logging/batch-options.ts'
import { jsonText, startTime } from './logging/default-entry.ts'
import { checkEntryOptions, checkFormats, entryOptions } from './logging/entry-options.ts'
import { HTTP_CONCURRENCY, HttpEndpoints, unlessBelow } from './logging/http-endpoints.ts'
import { checkAddresses, checkFields, checkValue, sinkAddress, verifyOption } from './logging/http-options.ts'
import { entryMaker } from './logging/log-entry.ts'
import { checkFormat } from './logging/log-format.ts'
import { requestVariable } from './logging/log-variables.ts'

const texts = (description: string, options: object = {}) =>
  Type.Record(Type.String(), Type.String({ minLength: 1 }), { description, ...options })

const schema = Type.Object(
  {
    endpoint_addrs: Type.Array(sinkAddress('an address'), { minItems: 1, description: 'addresses of Loki' }),
    endpoint_uri: defaulted(
      Type.String({ minLength: 1, default: '/loki/api/v1/push', description: 'path of its push API' }),
    ),
    tenant_id: defaulted(Type.String({ default: 'fake', description: 'the field `X-Scope-OrgID`' })),
    headers: Type.Optional(texts('more fields, as `{ Authorization: "Bearer …" }`')),
    log_labels: defaulted(texts('labels of the entries; texts with variables', { default: { job: 'apisix' } })),
    ssl_verify: verifyOption,
    timeout: defaulted(
      Type.Integer({ minimum: 1, maximum: 60_000, default: 3_000, description: 'milliseconds for a batch' }),
    ),
    keepalive: defaulted(Type.Boolean({ default: true, description: 'keep connections for further batches' })),
    keepalive_timeout: defaulted(
      Type.Integer({ minimum: 1_000, default: 60_000, description: 'milliseconds that an idle connection is kept' }),
    ),
    keepalive_pool: defaulted(
      Type.Integer({ minimum: 1, default: 5, description: 'idle connections that a worker keeps for each address' }),
    ),
    ...batchOptions('loki logger'),
    ...entryOptions,
  },
  { additionalProperties: false },
)

type Config = Static<typeof schema>

/** An entry with its labels, as JSON. */
interface Line {
  readonly labels: string
  readonly timeNs: string
  readonly json: string
}

/** Streams of one batch. */
const MAX_STREAMS = 100

export default definePlugin({
  name: 'loki-logger',
  priority: 414,
  schema,
  metadataSchema: batchLoggerMetadata,
  placeless: true,
  check: (config) => checkAddresses(config) ?? checkTexts(config) ?? checkEntryOptions(config),
  checkMetadata: checkFormats,
  create(config, context) {
    const { endpoint_addrs: addresses, timeout: timeoutMs, ssl_verify: verify } = config
    const keepAlive = { maxIdle: config.keepalive ? config.keepalive_pool : 0, idleTimeoutMs: config.keepalive_timeout }
    const endpoints = new HttpEndpoints(
      { plugin: 'loki-logger', addresses, timeoutMs, verify, peer: { keepAlive } },
      context,
    )
    const headers = { ...config.headers, 'Content-Type': 'application/json', 'X-Scope-OrgID': config.tenant_id }
    const constant = labelsJson(Object.entries(config.log_labels).filter(([, value]) => !hasVariables(value)))
    const labelsOf = labelWriter(config.log_labels)
    const unusable = unlessBelow(300)
    const queue = logQueue<Line>('loki-logger', config, context, context.metadata, {
      concurrency: HTTP_CONCURRENCY,
      async send(lines) {
        await endpoints.call(() => ({
          path: config.endpoint_uri,
          headers,
          body: pushBody(lines, constant),
          unusable,
        }))
      },
    })
    const take = (fields: string, session: GatewaySession): void => {
      const json = `{${fields}}`
      queue.push({ labels: labelsOf(session), timeNs: `${startTime(session)}000000`, json }, json.length + 200)
    }
    return { ...hooksOf(entryMaker(config, context.metadata), take), dispose: () => queue.dispose() }
  },
})

function checkTexts(config: Config): ConfigProblem | undefined {
  const { endpoint_addrs: addresses, endpoint_uri: uri, log_labels: labels } = config
  if (addresses.some((address) => !URL.canParse(address + uri)))
    return { path: '/endpoint_uri', message: 'makes no URL; write a path, as "/push"' }
  const wrong = checkValue(config.tenant_id, '/tenant_id') ?? checkFields(config.headers, '/headers')
  if (wrong !== undefined) return wrong
  for (const name of Object.keys(labels))
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name))
      return { path: `/log_labels/${name}`, message: 'is not a label name of Loki; write letters, digits and "_"' }
  return checkFormat(labels, requestVariable, '/log_labels')
}

/** Labels as JSON; made once where none has a variable. */
function labelWriter(labels: Readonly<Record<string, string>>): (session: GatewaySession) => string {
  const entries = Object.entries(labels)
  if (!entries.some(([, value]) => hasVariables(value))) {
    const constant = labelsJson(entries)
    return () => constant
  }
  const templates = entries.map(([name, value]): [string, TextTemplate] => [name, compileText(value)])
  // Labels have few values, or Loki would not take them.
  const known = new Map<string, string>()
  return ({ ctx }) => {
    const values = templates.map(([, text]) => text(ctx))
    const key = values.join('\0')
    let json = known.get(key)
    if (json === undefined) {
      json = labelsJson(entries.map(([name], at) => [name, values[at]]))
      if (known.size >= MAX_KNOWN_LABELS) known.clear()
      if (key.length <= MAX_KNOWN_LENGTH) known.set(key, json)
    }
    return json
  }
}

const MAX_KNOWN_LABELS = 1_000
const MAX_KNOWN_LENGTH = 1_024

/** A label without a value is none. */
const labelsJson = (labels: readonly (readonly [string, string])[]): string =>
  JSON.stringify(Object.fromEntries(labels.filter(([, value]) => value !== '')))

/** The body of a push: entries by stream. */
export function pushBody(lines: readonly Line[], constantLabels: string): string {
  const streams = new Map<string, string[]>()
  for (const { labels, timeNs, json } of lines) {
    const key = streams.has(labels) || streams.size < MAX_STREAMS ? labels : constantLabels
    const values = streams.get(key)
    const value = `["${timeNs}",${jsonText(json)}]`
    if (values === undefined) streams.set(key, [value])
    else values.push(value)
  }
  const parts = [...streams].map(([labels, values]) => `{"stream":${labels},"values":[${values.join()}]}`)
  return `{"streams":[${parts.join()}]}`
}
