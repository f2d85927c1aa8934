/**
 * Writes an entry of each request into an index of Elasticsearch or OpenSearch, in batches.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       elasticsearch-logger:
 *         endpoint_addrs: ["http://127.0.0.1:9200"]
 *         field: { index: "gateway-{%Y.%m.%d}" }
 *         batch_max_size: 1
 * ```
 *
 * ```sh
 * # with: elasticsearch at 127.0.0.1:9200
 * curl -i http://127.0.0.1:8080/orders/7   # 200
 * # elasticsearch got: "uri":"/orders/7"
 * ```
 *
 * A batch is a `_bulk` request that creates a document for each [entry](http-logger.md). `field.index` may have variables (`logs-$host`) and parts of
 * the date in UTC (`{%Y.%m.%d}`, with `%Y`, `%m`, `%d`, `%H`); names of indices are in lower case. The media types that go with a request follow the
 * version of the server, 7, 8, 9 or OpenSearch, which is asked once.
 *
 * A batch goes to one of `endpoint_addrs` at random, and to the others when that one does not take it. A `_bulk` request may succeed in part: what
 * the server had no room for (429, 5xx) is sent again, alone, and what it never takes, as a field with the wrong type, is counted as `refused`; the
 * error log has the first reason.
 *
 * **When Elasticsearch is slow, wrong or away** no request waits: [http-logger](http-logger.md) says what happens. Costs 2 to 5 µs a request.
 */
import { type Static, Type } from '../schema/type.ts'
import { LogThrottle } from '@sekisho/proxy'
import { needsOneOf, notBoth } from '../resources/constraints.ts'
import type { GatewaySession } from '../session.ts'
import { basicAuthorization } from '../side-calls/index.ts'
import { compileText, hasVariables, type TextTemplate } from '../variables/template.ts'
import type { PluginContext } from './context.ts'
import { defaulted } from './defaulted.ts'
import { type ConfigProblem, definePlugin } from './definition.ts'
import { batchLogger, type BatchMetadata } from './logging/batch-logger.ts'
import { batchLoggerMetadata, batchOptions } from './logging/batch-options.ts'
import type { BatchSink } from './logging/batch-queue.ts'
import { bulkMediaTypes, bulkResult, versionOf } from './logging/elasticsearch-bulk.ts'
import { checkEntryOptions, checkFormats, entryOptions } from './logging/entry-options.ts'
import { HTTP_CONCURRENCY, HttpEndpoints, statusReason } from './logging/http-endpoints.ts'
import { addressesOf, checkAddresses, checkFields, fieldsOption, verifyOption } from './logging/http-options.ts'
import { checkFormat } from './logging/log-format.ts'
import { requestVariable } from './logging/log-variables.ts'

const Address = (description: string) =>
  Type.String({ pattern: '[^/]$', patternErrorMessage: 'must not end with "/"', description })

const strict = { additionalProperties: false } as const

const schema = Type.Object(
  {
    endpoint_addr: Type.Optional(Address('address of Elasticsearch; better write `endpoint_addrs`')),
    endpoint_addrs: Type.Optional(
      Type.Array(Address('an address'), {
        minItems: 1,
        description: 'addresses of Elasticsearch, as "http://HOST:9200"',
      }),
    ),
    field: Type.Object(
      {
        index: Type.String({
          minLength: 1,
          description: 'name of the index; may have variables and parts of the date',
        }),
      },
      { ...strict, description: 'where entries go' },
    ),
    auth: Type.Optional(
      Type.Object(
        {
          username: Type.String({ minLength: 1, description: 'name of the user' }),
          password: Type.String({ minLength: 1, description: 'their password' }),
        },
        { ...strict, description: 'who writes' },
      ),
    ),
    headers: fieldsOption('more fields, as `{ Authorization: "ApiKey …" }`'),
    timeout: defaulted(Type.Integer({ minimum: 1, default: 10, description: 'seconds for a batch' })),
    ssl_verify: verifyOption,
    ...batchOptions('elasticsearch-logger'),
    ...entryOptions,
  },
  {
    ...strict,
    allOf: [
      needsOneOf('elasticsearch-logger', ['endpoint_addrs', 'endpoint_addr']),
      notBoth('elasticsearch-logger', 'endpoint_addrs', 'endpoint_addr'),
    ],
  },
)

type Config = Static<typeof schema>

export default definePlugin({
  name: 'elasticsearch-logger',
  priority: 413,
  schema,
  metadataSchema: batchLoggerMetadata,
  placeless: true,
  check: (config) => checkOwn(config) ?? checkEntryOptions(config),
  checkMetadata: checkFormats,
  create(config, context) {
    const indexOf = indexWriter(config.field.index)
    // Both lines of a document: what to do with it, and itself.
    const entryOf = (fields: string, session: GatewaySession): string =>
      `{"create":{"_index":${indexOf(session)}}}\n{${fields}}\n`
    return batchLogger('elasticsearch-logger', config, context, bulkSink(config, context), entryOf)
  },
})

function bulkSink(config: Config, context: PluginContext<unknown, BatchMetadata>): BatchSink<string> {
  const { timeout, ssl_verify: verify, auth, headers: more } = config
  const addresses = addressesOf(config)
  const common = { plugin: 'elasticsearch-logger', timeoutMs: timeout * 1_000, verify }
  const bulk = new HttpEndpoints({ ...common, addresses }, context)
  const fields = {
    ...(auth === undefined ? {} : { Authorization: basicAuthorization(`${auth.username}:${auth.password}`) }),
    ...more,
  }
  const versions = new Map<string, string | undefined>()
  const version = async (address: string): Promise<string | undefined> => {
    if (!versions.has(address)) {
      const one = new HttpEndpoints({ ...common, addresses: [address] }, context)
      const answer = await one.call(() => ({ path: '', headers: fields, unusable: notOk }))
      versions.set(address, versionOf(answer.text))
    }
    return versions.get(address)
  }
  const throttle = new LogThrottle()
  return {
    concurrency: HTTP_CONCURRENCY,
    async send(entries) {
      const body = entries.join('')
      const answer = await bulk.call(async (address) => ({
        path: '/_bulk',
        headers: { ...bulkMediaTypes(await version(address)), ...fields },
        body,
        unusable: notOk,
      }))
      const { again, refused, reason } = bulkResult(answer.text, entries)
      if (refused > 0 && !throttle.holds(reason))
        context.logger.warn({ plugin: 'elasticsearch-logger', reason }, `Elasticsearch refused ${refused} entries`)
      return { again, refused }
    },
  }
}

const notOk = (answer: Parameters<typeof statusReason>[0]): string | undefined =>
  answer.status === 200 ? undefined : statusReason(answer)

const DATE = /\{(%[^{}]*)\}/g

/** The name of the index as JSON. */
function indexWriter(index: string): (session: GatewaySession) => string {
  const hourly = dateParts(index)
  if (!hasVariables(index)) return () => hourly((filled) => JSON.stringify(filled))
  let compiled: TextTemplate
  let compiledOf = ''
  return ({ ctx }) => {
    const filled = hourly((text) => text)
    if (filled !== compiledOf) {
      compiled = compileText(filled)
      compiledOf = filled
    }
    return JSON.stringify(compiled(ctx).toLowerCase())
  }
}

const HOUR_MS = 3_600_000

/** Fills in the date in UTC, as Logstash names indices; made anew when an hour begins. */
function dateParts(index: string): (made: (filled: string) => string) => string {
  let hour = -1
  let result = ''
  return (made) => {
    const now = Math.floor(Date.now() / HOUR_MS)
    if (now !== hour) {
      hour = now
      result = made(index.replace(DATE, (_all, format: string) => datePart(format)))
    }
    return result
  }
}

function datePart(format: string): string {
  const now = new Date().toISOString()
  const parts: Readonly<Record<string, string>> = {
    '%Y': now.slice(0, 4),
    '%m': now.slice(5, 7),
    '%d': now.slice(8, 10),
    '%H': now.slice(11, 13),
  }
  return format.replace(/%./g, (part) => parts[part] ?? part)
}

function checkOwn(config: Config): ConfigProblem | undefined {
  const wrong = checkAddresses(config) ?? checkFields(config.headers, '/headers')
  if (wrong !== undefined) return wrong
  for (const [, format] of config.field.index.matchAll(DATE)) {
    const unknown = format.match(/%./g)?.find((part) => !/%[YmdH]/.test(part))
    if (unknown !== undefined)
      return { path: '/field/index', message: `has the part "${unknown}" of a date; %Y, %m, %d and %H are known` }
  }
  return checkFormat({ index: config.field.index }, requestVariable, '/field')
}
