/**
 * Sends an entry of each request, or of each session of a stream route, to a syslog server, as messages of RFC 5424.
 *
 * ```yaml
 * routes:
 *   - uri: /*
 *     upstream: "http://127.0.0.1:3000"
 *     plugins:
 *       syslog: { host: 127.0.0.1, port: 5140, batch_max_size: 1 }
 * ```
 *
 * ```sh
 * # with: tcp-sink at 127.0.0.1:5140
 * curl -i http://127.0.0.1:8080/orders/7   # 200
 * # tcp-sink got: "uri":"/orders/7"
 * ```
 *
 * A message has facility syslog, severity informational, the host that the client asked for, and the [entry](http-logger.md) as its text. On TCP a
 * line feed ends it (RFC 6587 section 3.4.2), on UDP each is a datagram; one of more than 65,507 bytes is not sent, and counted as `refused`.
 * Messages that are ready are gathered up to `flush_limit` bytes for one write on a connection that is kept, of which there is one in each worker.
 *
 * **On a stream route** an entry says who came, where it went, how long and with how many bytes. A `log_format` may use `$remote_addr`, `$remote_port`,
 * `$server_addr`, `$server_port`, `$ssl_server_name`, `$protocol`, `$bytes_received`, `$bytes_sent`, `$session_time`, `$upstream_addr`,
 * `$upstream_connect_time`, `$route_id`, and the times.
 *
 * With `tls: true` the certificate is verified, which APISIX does not do; `ssl_verify: false` switches that off.
 *
 * **When the server is slow, wrong or away** nothing waits: [http-logger](http-logger.md) says what happens. No more than `drop_limit` bytes
 * wait. What was on its way on a connection that broke is lost or comes twice: syslog does not confirm.
 *
 * Costs 2 to 4 µs a request.
 */
import { type Static, Type } from '../schema/type.ts'
import type { GatewayStreamSession } from '../stream/stream-context.ts'
import type { PluginContext } from './context.ts'
import { defaulted } from './defaulted.ts'
import { definePlugin, type PluginHooks } from './definition.ts'
import { hooksOf, logQueue, type BatchMetadata } from './logging/batch-logger.ts'
import { batchLoggerMetadata, batchOptions } from './logging/batch-options.ts'
import type { BatchSink } from './logging/batch-queue.ts'
import { bodyOptions, checkBodyOptions, checkFormats, checkFormatsWith, entryOptions } from './logging/entry-options.ts'
import { entryMaker, joined } from './logging/log-entry.ts'
import { compileFormat } from './logging/log-format.ts'
import { streamEntry, streamLogVariable } from './logging/log-variables.ts'
import { serverOptions, tcpVerifyOption } from './logging/net-options.ts'
import { hostHealth, MAX_DATAGRAM_BYTES, noted, UdpSender } from './logging/net-sender.ts'
import { OWN_HOST, syslogMessage } from './logging/syslog-message.ts'
import { TcpStream } from './logging/tcp-stream.ts'

const schema = Type.Object(
  {
    ...serverOptions,
    sock_type: defaulted(Type.Enum(['tcp', 'udp'], { default: 'tcp', description: 'transport' })),
    tls: defaulted(Type.Boolean({ default: false, description: 'encrypt the connection, with `sock_type: tcp`' })),
    ssl_verify: tcpVerifyOption,
    timeout: defaulted(
      Type.Integer({ minimum: 1, default: 3_000, description: 'milliseconds for a batch, with its connection' }),
    ),
    flush_limit: defaulted(Type.Integer({ minimum: 1, default: 4_096, description: 'bytes that go into one write' })),
    drop_limit: defaulted(
      Type.Integer({
        minimum: 1,
        default: 1_048_576,
        description: 'bytes that may wait in a worker; what comes beyond is dropped and counted',
      }),
    ),
    pool_size: defaulted(
      Type.Integer({
        minimum: 5,
        default: 5,
        description: 'idle connections kept at most; a worker has one, which keeps messages in order',
      }),
    ),
    ...batchOptions('sys logger'),
    ...entryOptions,
  },
  { additionalProperties: false },
)

type Config = Static<typeof schema>

export default definePlugin({
  name: 'syslog',
  priority: 401,
  schema,
  metadataSchema: batchLoggerMetadata,
  placeless: true,
  streams: true,
  check(config) {
    if (config.tls && config.sock_type === 'udp')
      return { path: '/tls', message: 'needs "sock_type": "tcp"; syslog over DTLS is not spoken' }
    // A format of a stream route has other variables: `checkStream` looks at it there.
    const wrong = checkFormats(config)
    if (wrong !== undefined && checkFormatsWith(config, streamLogVariable) !== undefined) return wrong
    return checkBodyOptions(config)
  },
  checkStream(config) {
    for (const name of Object.keys(bodyOptions) as (keyof typeof bodyOptions)[])
      if (name.startsWith('include_') && config[name] !== undefined && config[name] !== false)
        return { path: `/${name}`, message: 'has no meaning on a stream route, which has no bodies; remove it' }
    return checkFormatsWith(config, streamLogVariable)
  },
  checkMetadata: checkFormats,
  create(config, context) {
    const limits = { ...context.metadata, max_pending_bytes: config.drop_limit }
    const queue = logQueue<string>('syslog', config, context, limits, syslogSink(config, context))
    const push = (message: string): void => queue.push(message, message.length)
    const ofRequests = hooksOf(entryMaker(config, context.metadata), (fields, { ctx }) =>
      push(syslogMessage(`{${fields}}`, ctx.host === '' ? OWN_HOST : ctx.host)),
    )
    return { ...ofRequests, ...streamHooks(config, context.metadata, push), dispose: () => queue.dispose() }
  },
})

function streamHooks(config: Config, metadata: BatchMetadata, push: (message: string) => void): PluginHooks {
  const format = config.log_format ?? metadata?.log_format
  const extra = config.log_format_extra ?? metadata?.log_format_extra
  const find = streamLogVariable
  const own =
    format === undefined ? streamEntry : compileFormat<GatewayStreamSession>({ ...format, route_id: '$route_id' }, find)
  const more = extra === undefined ? undefined : compileFormat<GatewayStreamSession>(extra, find)
  return {
    stream: () => true,
    streamEnd: (session) => {
      const fields = more === undefined ? own(session) : joined(own(session), more(session))
      push(syslogMessage(`{${fields}}`, OWN_HOST))
    },
  }
}

function syslogSink(config: Config, context: PluginContext): BatchSink<string> {
  const { host, port, timeout, tls, ssl_verify: verify, flush_limit: flushBytes } = config
  const health = hostHealth('syslog', host, port, context)
  if (config.sock_type === 'udp') {
    const sender = new UdpSender(host, port)
    return {
      async send(messages) {
        // Each datagram is a message: it needs no line feed (RFC 5426 section 3.1).
        const datagrams = messages.map((message) => Buffer.from(message.slice(0, -1)))
        const fitting = datagrams.filter(({ length }) => length <= MAX_DATAGRAM_BYTES)
        await noted(sender.send(fitting, timeout), health)
        return { again: [], refused: datagrams.length - fitting.length }
      },
      close: () => sender.close(),
    }
  }
  const stream = new TcpStream({
    host,
    port,
    timeoutMs: timeout,
    tls: tls ? { serverName: undefined, verify } : undefined,
  })
  return {
    send: (messages) => noted(stream.send(writes(messages, flushBytes)), health),
    close: () => stream.close(),
  }
}

/** Whole messages, joined up to the size of a write. */
function* writes(messages: readonly string[], flushBytes: number): Generator<string> {
  let text = ''
  for (const message of messages) {
    if (text !== '' && text.length + message.length > flushBytes) {
      yield text
      text = ''
    }
    text += message
  }
  if (text !== '') yield text
}
