/**
 * Sends an entry of each request over UDP, in batches.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       udp-logger: { host: 127.0.0.1, port: 5045, batch_max_size: 1 }
 * ```
 *
 * ```sh
 * # with: udp-sink at 127.0.0.1:5045
 * curl -i http://127.0.0.1:8080/orders/7   # 200
 * # udp-sink got: "uri":"/orders/7"
 * ```
 *
 * A datagram holds a JSON list of [entries](http-logger.md); where `batch_max_size` is 1 the entry itself. A batch that is too large for one, 65,507
 * bytes, is cut into several lists. An entry that is too large by itself is not sent, and counted as `refused`. Nobody says whether a datagram
 * arrives; a network drops large ones first, so that a small `batch_max_size` loses less.
 *
 * No request waits: [http-logger](http-logger.md) says what happens when a batch cannot be sent. Costs 2 to 4 µs a request.
 */
import { Type } from '../schema/type.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin } from './definition.ts'
import { batchLogger } from './logging/batch-logger.ts'
import { batchLoggerMetadata, batchOptions } from './logging/batch-options.ts'
import { checkEntryOptions, checkFormats, entryOptions } from './logging/entry-options.ts'
import { serverOptions } from './logging/net-options.ts'
import { hostHealth, MAX_DATAGRAM_BYTES, noted, UdpSender } from './logging/net-sender.ts'

const schema = Type.Object(
  {
    ...serverOptions,
    timeout: defaulted(Type.Integer({ minimum: 1, default: 3, description: 'seconds for a batch to be sent' })),
    ...batchOptions('udp logger'),
    ...entryOptions,
  },
  { additionalProperties: false },
)

export default definePlugin({
  name: 'udp-logger',
  priority: 400,
  schema,
  metadataSchema: batchLoggerMetadata,
  placeless: true,
  check: checkEntryOptions,
  checkMetadata: checkFormats,
  create(config, context) {
    const { host, port, timeout } = config
    const sender = new UdpSender(host, port)
    const health = hostHealth('udp-logger', host, port, context)
    return batchLogger('udp-logger', config, context, {
      async send(entries) {
        const fitting = entries.filter((entry) => Buffer.byteLength(entry) <= MAX_ENTRY_BYTES)
        const datagrams = config.batch_max_size === 1 ? fitting : lists(fitting)
        await noted(sender.send(datagrams, timeout * 1_000), health)
        return { again: [], refused: entries.length - fitting.length }
      },
      close: () => sender.close(),
    })
  },
})

/** With the brackets of its list. */
const MAX_ENTRY_BYTES = MAX_DATAGRAM_BYTES - 2

/** JSON lists of entries, each as long as a datagram may be. */
function lists(entries: readonly string[]): string[] {
  const result: string[] = []
  let list = ''
  let bytes = 0
  for (const entry of entries) {
    const length = Buffer.byteLength(entry) + 1
    if (list !== '' && bytes + length > MAX_ENTRY_BYTES) {
      result.push(`[${list}]`)
      list = ''
      bytes = 0
    }
    list += list === '' ? entry : `,${entry}`
    bytes += length
  }
  if (list !== '') result.push(`[${list}]`)
  return result
}
