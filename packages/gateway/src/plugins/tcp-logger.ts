/**
 * Sends an entry of each request over TCP, in batches.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       tcp-logger: { host: 127.0.0.1, port: 5044, batch_max_size: 1 }
 * ```
 *
 * ```sh
 * # with: tcp-sink at 127.0.0.1:5044
 * curl -i http://127.0.0.1:8080/orders/7   # 200
 * # tcp-sink got: "uri":"/orders/7"
 * ```
 *
 * Each batch has a connection of its own: a JSON list of [entries](http-logger.md) and a line feed, then the end. Where `batch_max_size` is 1 it is the
 * entry itself.
 *
 * **With `tls: true`** the certificate is verified, for the name in `tls_options` or else `host`; APISIX does not verify it. `ssl_verify: false`
 * does not either.
 *
 * **When the server is slow, wrong or away** no request waits: [http-logger](http-logger.md) says what happens. TCP does not tell whether the
 * receiver read what this machine has sent: what was on its way when a receiver died is lost.
 *
 * Costs 2 to 4 µs a request.
 */
import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { batchJson, batchLogger } from './logging/batch-logger.ts'
import { batchLoggerMetadata, batchOptions } from './logging/batch-options.ts'
import { checkEntryOptions, checkFormats, entryOptions } from './logging/entry-options.ts'
import { serverOptions, tcpVerifyOption } from './logging/net-options.ts'
import { hostHealth, noted, sendOverTcp } from './logging/net-sender.ts'

const schema = Type.Object(
  {
    ...serverOptions,
    tls: defaulted(Type.Boolean({ default: false, description: 'encrypt the connection' })),
    tls_options: Type.Optional(
      Type.String({ description: 'the name that is asked for and verified in TLS, where it is not that in `host`' }),
    ),
    ssl_verify: tcpVerifyOption,
    timeout: defaulted(
      Type.Integer({ minimum: 1, default: 1_000, description: 'milliseconds for a batch, with its connection' }),
    ),
    ...batchOptions('tcp logger'),
    ...entryOptions,
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'tcp-logger',
  priority: 405,
  schema,
  metadataSchema: batchLoggerMetadata,
  placeless: true,
  check: checkEntryOptions,
  checkMetadata: checkFormats,
  create(config, context) {
    const { host, port, timeout: timeoutMs, tls, tls_options: serverName, ssl_verify: verify } = config
    const target = { host, port, timeoutMs, tls: tls ? { serverName, verify } : undefined }
    const health = hostHealth('tcp-logger', host, port, context)
    return batchLogger('tcp-logger', config, context, {
      send: (entries) => noted(sendOverTcp(target, `${batchJson(entries, config.batch_max_size)}\n`), health),
    })
  },
})
